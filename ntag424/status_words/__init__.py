"""What a tag, or its reader, means by a status word, and what to do about it.

It depends on the command and on the state: `explain` is the one lookup, `TABLE` all the
data there is. Hints of errors come from here, and docs/reference/status-words.md too.
"""

from __future__ import annotations

from ntag424.apdu import Status
from ntag424.errors import AuthenticationDelayError, TagRefusedError, TransportError
from ntag424.status_words._meaning import ISO, READERS, Authentication, Meaning
from ntag424.status_words._native import NATIVE

__all__ = ["READERS", "TABLE", "Authentication", "Meaning", "explain", "reader_error", "refusal"]

#: Every meaning, the particular before the general.
TABLE: tuple[Meaning, ...] = NATIVE + ISO + READERS

_READERS_OWN = frozenset(meaning.status >> 8 for meaning in READERS)
_UNLISTED = "a status that the data sheet does not list"


def explain(
    status: int,
    command: str = "",
    *,
    authentication: Authentication | None = None,
    selected: bool | None = None,
) -> Meaning:
    """Return what *status*, SW1 in the high byte, means as the answer to *command*.

    *command* is the data sheet's name of it, *authentication* the state in which it was
    sent, *selected* whether the application was; each as far as it is known.
    """
    listed = _listed(status)
    for meaning in TABLE:
        if (
            meaning.status == listed
            and (not meaning.commands or command in meaning.commands)
            and (not meaning.authentication or authentication in meaning.authentication)
            and meaning.selected in (None, selected)
        ):
            return meaning
    return Meaning(status, _UNLISTED, "Note it down, and report it.")


def refusal(
    command: str, status: int, authentication: Authentication | None = None
) -> TagRefusedError | TransportError:
    """Make the error for a *command* that was answered with *status*; see `explain`.

    Where it is the reader's own, the outcome of the command is unknown.
    """
    failure = reader_error(status)
    if failure is not None:
        return failure
    meaning = explain(status, command, authentication=authentication)
    delayed = status == Status.AUTHENTICATION_DELAY
    kind = AuthenticationDelayError if delayed else TagRefusedError
    return kind(command, status, meaning.cause, meaning.advice)


def reader_error(status: int) -> TransportError | None:
    """Make the error for a *status* that a reader says of itself; None for a tag's own.

    A reader such as ACR122U answers so in the tag's place when it does not reach it.
    """
    if status >> 8 not in _READERS_OWN:
        return None
    meaning = explain(status)
    told = f"the reader answers {status:04X}: {meaning.cause}"
    return TransportError(told, outcome_unknown=True, hint=meaning.advice)


def _listed(status: int) -> int:
    """Bring status words that carry a number, or are a reader's variants, to the one listed."""
    if status & 0xFF00 == Status.ISO_WRONG_LE:
        return Status.ISO_WRONG_LE
    if status >> 8 in _READERS_OWN and all(status != meaning.status for meaning in READERS):
        return status & 0xFF00
    return status
