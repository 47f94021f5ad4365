"""Reads APDUs: what was sent, what was answered, and which part of it is wrong.

`read_log` finds the exchanges in a text as people paste it, `diagnose` follows them with
what is known: application keys open an authentication and everything inside it. Nothing
here talks to a tag. The answer contains no key but those that ChangeKey carries, which
are masked unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ntag424.diagnosis.apdu.follow import Conversation
from ntag424.diagnosis.apdu.logs import read_log
from ntag424.diagnosis.apdu.values import (
    AesSession,
    DecodedExchange,
    Exchange,
    Fault,
    Field,
    Known,
    KnownKey,
    LrpSession,
    Part,
)

__all__ = [
    "AesSession",
    "ApduDiagnosis",
    "DecodedExchange",
    "Exchange",
    "Fault",
    "Field",
    "Known",
    "KnownKey",
    "LrpSession",
    "Part",
    "diagnose",
    "read_log",
]

_NOTHING = Known()


@dataclass(frozen=True, slots=True)
class ApduDiagnosis:
    """What `diagnose` found out; `str()` of it is a text for people, with keys masked."""

    exchanges: tuple[DecodedExchange, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that is wrong, in the order of the exchanges."""
        return tuple(fault for exchange in self.exchanges for fault in exchange.faults)

    def text(self, *, reveal: bool = False) -> str:
        """Return a text for people; only if they are to be revealed, with keys."""
        return "\n".join(
            exchange_text(number, exchange, reveal=reveal)
            for number, exchange in enumerate(self.exchanges, 1)
        )

    def __str__(self) -> str:
        return self.text()


def diagnose(exchanges: Iterable[Exchange], known: Known = _NOTHING) -> ApduDiagnosis:
    """Read *exchanges*, which follow each other on one tag, and name what is wrong.

    A search for what a MAC was made with takes up to a second, in LRP mode some seconds.
    No bytes make it raise.
    """
    conversation = Conversation(known)
    return ApduDiagnosis(tuple(conversation.decode(exchange) for exchange in exchanges))


def exchange_text(number: int, decoded: DecodedExchange, *, reveal: bool = False) -> str:
    """Return the lines for one exchange, the *number*-th of its conversation."""
    line = decoded.exchange.line
    lines = [f"{number}. {decoded.name}" + ("" if line is None else f"  (line {line})")]
    width = max((len(field.name) for field in decoded.fields), default=0)
    lines += [
        f"   {field.name.ljust(width)}  {field.shown(reveal=reveal)}" for field in decoded.fields
    ]
    answer = decoded.exchange.answer
    if answer is not None:
        lines.append(f"   -> {answer[-2:].hex().upper()}  {decoded.cause}")
    lines += [f"   ✗ {fault}" for fault in decoded.faults]
    if decoded.is_refused and decoded.advice and not decoded.faults:
        lines.append(f"   ! {decoded.advice}")
    return "\n".join(lines)
