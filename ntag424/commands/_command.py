"""What a command knows: its own bytes, and how to read its answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum, unique
from typing import ClassVar, Generic, TypeVar

from ntag424.apdu import CommandApdu, Status
from ntag424.arguments import require_number
from ntag424.model.files import CommMode

T_co = TypeVar("T_co", covariant=True)


@unique
class AnswerMac(Enum):
    """What a successful answer ends in, inside an authentication and not in plain mode."""

    PRESENT = "present"
    #: The authentication ends with this command, so there is no key left to make one.
    ABSENT = "absent"
    #: The data sheet does not say. Without one the authentication counts as ended.
    UNSTATED = "unstated"


class Request(ABC, Generic[T_co]):
    """One question to a tag, and the value its answer stands for."""

    #: The status word of success.
    success: ClassVar[int] = Status.OK
    #: Answers of a success; all but the last come with `Status.ADDITIONAL_FRAME`.
    frames: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """What the data sheet calls it."""
        return type(self).__name__

    @abstractmethod
    def apdu(self) -> CommandApdu:
        """Return what to send without authentication.

        Raises:
            ValueError: it travels inside an authentication alone, and no tag takes it so.

        """

    @abstractmethod
    def parse(self, answer: bytes) -> T_co:
        """Read the answer's data, without MAC and in the clear.

        Raises:
            ValueError: no tag answers so.

        """


class Command(Request[T_co]):
    """A native command, which a secure channel can protect (NT4H2421Gx §8.3).

    Subclasses give `ins`, and what differs from: communication with a MAC, no header,
    no payload.
    """

    ins: ClassVar[int]
    answer_mac: ClassVar[AnswerMac] = AnswerMac.PRESENT

    @property
    def comm_mode(self) -> CommMode:
        """How it travels inside an authentication."""
        return CommMode.MAC

    @property
    def needs_authentication(self) -> bool:
        """Whether no tag takes it in the clear."""
        return False

    def header(self) -> bytes:
        """CmdHeader: travels in the clear always."""
        return b""

    def payload(self) -> bytes:
        """CmdData: encrypted in `CommMode.FULL`."""
        return b""

    def apdu(self) -> CommandApdu:
        """90h INS 00h 00h [Lc CmdHeader CmdData] 00h.

        Raises:
            ValueError: it needs an authentication: in the clear it would show what it carries
                to everybody, and be refused.

        """
        if self.needs_authentication:
            raise ValueError(
                f"{self.name} is sent inside an authentication, never in the clear: "
                "authenticate, and send it over that session"
            )
        return CommandApdu(self.ins, self.header() + self.payload())


class NoAnswer(Command[None]):
    """A native command that is answered with a status word alone."""

    def parse(self, answer: bytes) -> None:
        """Nothing."""
        require_length(answer, 0)


def require_length(answer: bytes, *lengths: int) -> None:
    """Refuse an answer of any other length.

    Raises:
        ValueError: says what was expected.

    """
    if len(answer) not in lengths:
        expected = " or ".join(str(length) for length in lengths)
        raise ValueError(f"expected {expected} bytes, got {len(answer)}")


def require_file(number: int) -> None:
    """Refuse what is no file of the application: 1 to 3 (NT4H2421Gx §8.2.3)."""
    if require_number("a file number", number) not in range(1, 4):
        raise ValueError(f"files are numbered 1 to 3, not {number}")


def require_key(number: int) -> None:
    """Refuse what is no application key: 0 to 4 (NT4H2421Gx §8.2.4)."""
    if require_number("a key number", number) not in range(5):
        raise ValueError(f"application keys are numbered 0 to 4, not {number}")
