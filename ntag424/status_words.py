"""What a tag means by a refusal, and what to do about it (NT4H2421Gx §10.3)."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.apdu import Status
from ntag424.errors import AuthenticationDelayError, TagRefusedError


@dataclass(frozen=True, slots=True)
class Meaning:
    """A status word in plain language: one clause, and one sentence."""

    cause: str
    advice: str


_AGAIN = "Take the tag off the reader, lay it back, and authenticate again."
_MEMORY = Meaning("the tag could not write its memory", "Try again; if it stays, the tag is worn.")

MEANINGS: dict[int, Meaning] = {
    Status.OK: Meaning("done", ""),
    Status.SIGNATURE_OK: Meaning("done, with a signature", ""),
    Status.ADDITIONAL_FRAME: Meaning("there is more to come", "Ask for the next frame."),
    Status.COMMAND_NOT_FOUND: Meaning(
        "the signature is not given out here",
        "Authenticate first: with random IDs the tag signs for nobody else.",
    ),
    Status.COMMAND_FORMAT: Meaning("wrong length or address", "Ask for the signature at 00."),
    Status.ILLEGAL_COMMAND_CODE: Meaning(
        "it does not know this command", "Check that it is an NTAG 424 DNA, with GetVersion."
    ),
    Status.INTEGRITY_ERROR: Meaning(
        "MAC, padding or checksum do not hold",
        "For ChangeKey: the old key was wrong, and nothing was written. " + _AGAIN,
    ),
    Status.NO_SUCH_KEY: Meaning("there is no key of this number", "Keys are numbered 0 to 4."),
    Status.LENGTH_ERROR: Meaning(
        "the command has not the length that this mode wants",
        "Check the communication mode of the file.",
    ),
    Status.PERMISSION_DENIED: Meaning(
        "nobody may do this here and now",
        "Select the application first. If this was an authentication, the tag may be in LRP "
        "mode, or the key locked after too many failures.",
    ),
    Status.PARAMETER_ERROR: Meaning(
        "the settings contradict each other or name a key that is not there",
        "Read the settings back and compare.",
    ),
    Status.AUTHENTICATION_DELAY: Meaning(
        "it makes its host wait after failed authentications",
        "Repeat the same authentication until it passes, or stop: every wrong key adds to the "
        "wait, and in the end locks the key for good.",
    ),
    Status.AUTHENTICATION_ERROR: Meaning(
        "the key is wrong, or this needs an authentication that is not there",
        "Do not try other keys at random: failures add up and lock the key for good.",
    ),
    Status.BOUNDARY_ERROR: Meaning("beyond the end of the file", "Check offset and length."),
    Status.COMMAND_ABORTED: Meaning(
        "another command was not finished", "Start the sequence of commands over."
    ),
    Status.MEMORY_ERROR: _MEMORY,
    Status.FILE_NOT_FOUND: Meaning(
        "there is no such file", "Files are numbered 1 to 3; select the application first."
    ),
    Status.ISO_OK: Meaning("done", ""),
    Status.ISO_MEMORY_FAILURE: _MEMORY,
    Status.ISO_WRONG_LENGTH: Meaning("wrong length", "Check the length of the data."),
    Status.ISO_SECURITY_NOT_SATISFIED: Meaning(
        "the file is not open to everybody",
        "Authenticate and use ReadData or WriteData. A tag whose counter reached its limit "
        "refuses too.",
    ),
    Status.ISO_CONDITIONS_NOT_SATISFIED: Meaning(
        "no file is selected, or another command is not finished", "Select the file first."
    ),
    Status.ISO_WRONG_DATA: Meaning("the data are not what it expects", "Check the data."),
    Status.ISO_FILE_NOT_FOUND: Meaning(
        "there is no such file or application", "Check that it is an NTAG 424 DNA."
    ),
    Status.ISO_WRONG_PARAMETERS: Meaning("wrong parameters", "Check P1, P2 and the offset."),
    Status.ISO_INCONSISTENT_LC: Meaning("data do not fit the parameters", "Check the length."),
    Status.ISO_WRONG_LE: Meaning("it has not so many bytes to give", "Ask for fewer."),
    Status.ISO_UNKNOWN_INSTRUCTION: Meaning("it does not know this command", "Check INS."),
    Status.ISO_UNKNOWN_CLASS: Meaning("it does not know this class", "Check CLA."),
}
_UNKNOWN = Meaning("a status that the data sheet does not list", "Note it down, and report it.")


def meaning_of(status: int) -> Meaning:
    """Return what *status*, SW1 in the high byte, means."""
    if status & 0xFF00 == Status.ISO_WRONG_LE:
        return MEANINGS[Status.ISO_WRONG_LE]
    return MEANINGS.get(status, _UNKNOWN)


def refusal(command: str, status: int) -> TagRefusedError:
    """Make the error for a *command* that was answered with *status*."""
    meaning = meaning_of(status)
    delayed = status == Status.AUTHENTICATION_DELAY
    kind = AuthenticationDelayError if delayed else TagRefusedError
    return kind(command, status, meaning.cause, meaning.advice)
