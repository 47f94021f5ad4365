"""SetConfiguration, one class for each thing it does (NT4H2421Gx §10.5.1).

All need an authentication with key 0, and nothing reads the configuration back. What
can never be undone says so in its name's docstring, and is its own type: nobody gets
it by a wrong argument.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ntag424.arguments import require_number, require_type
from ntag424.commands._command import AnswerMac, NoAnswer, require_key
from ntag424.model.files import CommMode

_FREE = 0xE


class SetConfiguration(NoAnswer):
    """What all of them share. Not to be sent itself."""

    ins: ClassVar[int] = 0x5C
    #: Number of the option.
    option: ClassVar[int]
    #: Whether there is no way back.
    is_irreversible: ClassVar[bool] = False
    answer_mac: ClassVar[AnswerMac] = AnswerMac.UNSTATED

    @property
    def name(self) -> str:
        """The data sheet has one name for all."""
        return "SetConfiguration"

    @property
    def comm_mode(self) -> CommMode:
        """Encrypted."""
        return CommMode.FULL

    @property
    def needs_authentication(self) -> bool:
        """Always."""
        return True

    def header(self) -> bytes:
        """Option (1)."""
        return bytes((self.option,))

    @abstractmethod
    def payload(self) -> bytes:
        """Return what the option takes."""


@dataclass(frozen=True, slots=True)
class EnableRandomId(SetConfiguration):
    """Show a random ID at activation instead of the UID. Irreversible."""

    option: ClassVar[int] = 0x00
    is_irreversible: ClassVar[bool] = True
    answer_mac: ClassVar[AnswerMac] = AnswerMac.PRESENT

    def payload(self) -> bytes:
        """PICCConfig (1): bit 1."""
        return b"\x02"


@dataclass(frozen=True, slots=True)
class ForbidChainedWriting(SetConfiguration):
    """Refuse WriteData in several frames in MAC and full mode. Irreversible."""

    option: ClassVar[int] = 0x04
    is_irreversible: ClassVar[bool] = True

    def payload(self) -> bytes:
        """SMConfig (2, LSB first): bit 2. That order was not seen on a tag."""
        return b"\x04\x00"


@dataclass(frozen=True, slots=True)
class SetCapabilities(SetConfiguration):
    """Set the two bytes PDCap2.5 and PDCap2.6 that every authentication reports."""

    option: ClassVar[int] = 0x05

    fifth: int
    sixth: int

    def __post_init__(self) -> None:
        _require_bytes(self.fifth, self.sixth)

    def payload(self) -> bytes:
        """00000000h || PDCap2.1 (1) || 000000h || PDCap2.5 (1) || PDCap2.6 (1)."""
        return bytes(8) + bytes((self.fifth, self.sixth))


@dataclass(frozen=True, slots=True)
class EnableLrp(SetConfiguration):
    """Change the chip to LRP mode; SDM is switched off by it. Irreversible.

    The authentication ends. PDCap2.5 and PDCap2.6 are set too, there is no leaving them.
    """

    option: ClassVar[int] = 0x05
    is_irreversible: ClassVar[bool] = True
    answer_mac: ClassVar[AnswerMac] = AnswerMac.ABSENT

    fifth: int = 0
    sixth: int = 0

    def __post_init__(self) -> None:
        _require_bytes(self.fifth, self.sixth)

    def payload(self) -> bytes:
        """00000000h || PDCap2.1 02h || 000000h || PDCap2.5 (1) || PDCap2.6 (1)."""
        return bytes.fromhex("0000000002000000") + bytes((self.fifth, self.sixth))


@dataclass(frozen=True, slots=True)
class EnableTagTamper(SetConfiguration):
    """Turn the tamper loop on, from the next activation (NT4H2421Tx). Irreversible.

    *access* is the key, 0 to 4, that may ask for its status; None for everybody.
    """

    option: ClassVar[int] = 0x07
    is_irreversible: ClassVar[bool] = True

    access: int | None = None

    def __post_init__(self) -> None:
        if self.access is not None:
            require_key(self.access)

    def payload(self) -> bytes:
        """TTConfig 01h || TTStatusKey (1)."""
        return bytes((0x01, _FREE if self.access is None else self.access))


@dataclass(frozen=True, slots=True)
class SetFailedAuthenticationLimit(SetConfiguration):
    """Say after how many net failures a key locks, and what a success takes off."""

    option: ClassVar[int] = 0x0A

    limit: int = 1000
    decrement: int = 10

    def __post_init__(self) -> None:
        limit = require_number("the limit", self.limit)
        decrement = require_number("the decrement", self.decrement)
        if not (1 <= limit <= 0xFFFF and 0 <= decrement <= 0xFFFF):
            raise ValueError("the limit is 1 to 65535, the decrement 0 to 65535")

    def payload(self) -> bytes:
        """FailedCtrOption 01h || TotFailCtrLimit (2) || TotFailCtrDecr (2), LSB first."""
        return b"\x01" + self.limit.to_bytes(2, "little") + self.decrement.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class IgnoreFailedAuthentications(SetConfiguration):
    """Let nothing count failures: keys can then be guessed for ever, and never lock."""

    option: ClassVar[int] = 0x0A

    def payload(self) -> bytes:
        """FailedCtrOption 00h || the factory's limit and decrement."""
        return bytes.fromhex("00E8030A00")


@dataclass(frozen=True, slots=True)
class SetBackModulation(SetConfiguration):
    """Choose strong back modulation, as delivered, or the standard one."""

    option: ClassVar[int] = 0x0B

    is_strong: bool = True

    def __post_init__(self) -> None:
        require_type("is_strong", self.is_strong, bool)

    def payload(self) -> bytes:
        """HWConfig (1): bit 0."""
        return bytes((int(self.is_strong),))


def _require_bytes(*values: int) -> None:
    if not all(0 <= require_number("a capability", value) <= 0xFF for value in values):
        raise ValueError("PDCap2.5 and PDCap2.6 are one byte each")
