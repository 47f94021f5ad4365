"""Values for the meanings of status words, and the words of ISO commands and of readers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from ntag424.apdu import Status


@unique
class Authentication(Enum):
    """Who was authenticated when the command was sent; the values are for people."""

    NOBODY = "nobody is authenticated"
    KEY_0 = "authenticated with key 0"
    #: Application key 1 to 4.
    OTHER_KEY = "authenticated with another key"

    @classmethod
    def with_key(cls, number: int) -> Authentication:
        """Give the one in which key *number*, 0 to 4, was proven."""
        return cls.OTHER_KEY if number else cls.KEY_0


@dataclass(frozen=True, slots=True)
class Meaning:
    """A status word in plain language: one clause what it says, and what to do.

    It holds for the *commands* named and under *authentication*, one of these; either
    is empty where it does not matter. *selected* False is for a tag whose application
    was not selected.
    """

    status: int
    cause: str
    advice: str
    commands: tuple[str, ...] = ()
    authentication: tuple[Authentication, ...] = ()
    selected: bool | None = None


#: Whoever is authenticated.
ANY_KEY = (Authentication.KEY_0, Authentication.OTHER_KEY)
MEMORY = "Try again; if it stays, the tag is worn."

_SELECT = ("IsoSelectApplication", "IsoSelectFile")
_BINARY = ("IsoReadBinary", "IsoUpdateBinary")

#: Words of ISO commands (NT4H2421Gx §10.9), the particular before the general.
ISO: tuple[Meaning, ...] = (
    Meaning(Status.ISO_OK, "done", ""),
    Meaning(Status.ISO_MEMORY_FAILURE, "the tag could not write its memory", MEMORY),
    Meaning(
        Status.ISO_WRONG_LENGTH,
        "wrong length, or an Le behind the data",
        "Send Lc and that many bytes, and nothing behind them.",
        ("IsoUpdateBinary",),
    ),
    Meaning(Status.ISO_WRONG_LENGTH, "wrong length", "Check Lc, and the length of the data."),
    Meaning(
        Status.ISO_SECURITY_NOT_SATISFIED,
        "it is refused inside an authentication",
        "Use ReadData or WriteData, or select the application, which ends the authentication.",
        _BINARY,
        ANY_KEY,
    ),
    Meaning(
        Status.ISO_SECURITY_NOT_SATISFIED,
        "reading is not free, or the read counter has reached its limit",
        "Authenticate and use ReadData.",
        ("IsoReadBinary",),
    ),
    Meaning(
        Status.ISO_SECURITY_NOT_SATISFIED,
        "writing is not free",
        "Authenticate and use WriteData.",
        ("IsoUpdateBinary",),
    ),
    Meaning(
        Status.ISO_SECURITY_NOT_SATISFIED,
        "the file is not open to everybody",
        "Authenticate and use ReadData or WriteData.",
    ),
    Meaning(
        Status.ISO_CONDITIONS_NOT_SATISFIED,
        "no file is selected, it would be written past its end, or another command is not "
        "finished",
        "Select application and file; check offset and length.",
        ("IsoUpdateBinary",),
    ),
    Meaning(
        Status.ISO_CONDITIONS_NOT_SATISFIED,
        "no file is selected, or another command is not finished",
        "Select the application, then the file.",
    ),
    Meaning(Status.ISO_WRONG_DATA, "the data are not what it expects", "Check the data."),
    Meaning(
        Status.ISO_FILE_NOT_FOUND,
        "there is no such file or application",
        "Select the application before its files; if that fails, it is no NTAG 424 DNA.",
        _SELECT,
    ),
    Meaning(
        Status.ISO_FILE_NOT_FOUND, "there is no such file", "Check the short file identifier."
    ),
    Meaning(Status.ISO_WRONG_PARAMETERS, "wrong parameters", "Check P1, P2 and the offset."),
    Meaning(Status.ISO_INCONSISTENT_LC, "data do not fit the parameters", "Check the length."),
    Meaning(Status.ISO_WRONG_LE, "it has not so many bytes to give", "Ask for fewer."),
    Meaning(Status.ISO_UNKNOWN_INSTRUCTION, "it does not know this command", "Check INS."),
    Meaning(
        Status.ISO_UNKNOWN_CLASS,
        "it does not know this class",
        "CLA is 90, or 00 for ISO commands.",
    ),
)

_UNREACHED = (
    "Whether the tag has executed the command is not known. Lay the tag flat on the reader, and "
    "read back before the command is sent again."
)
#: What a reader says of itself, where a tag does not speak (PC/SC part 3, manuals of ACS).
#: No NTAG 424 DNA has a status word that begins so.
READERS: tuple[Meaning, ...] = (
    Meaning(0x6300, "the reader did not get through to the tag, or lost it", _UNREACHED),
    Meaning(0x6400, "the reader failed while it executed the command", _UNREACHED),
    Meaning(0x6401, "the tag did not answer the reader in time", _UNREACHED),
    Meaning(0x6F00, "the reader failed, and says nothing more", _UNREACHED),
)
