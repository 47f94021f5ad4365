"""What goes into the reading of APDUs, and what comes out: values.

None of them shows a key, or what was encrypted, in its repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import TypeAlias

from ntag424.model import Key
from ntag424.model.files import FileSettings


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command as it went out, and the answer as it came, both whole; nothing is checked yet."""

    command: bytes
    #: Data and status word; None where none came, or was written down.
    answer: bytes | None = None
    #: Where the command stands in its log, counted from 1; None without one.
    line: int | None = None


@unique
class Part(Enum):
    """What of an exchange a fault is in; the values are for people."""

    CLA = "CLA"
    INS = "INS"
    P1_P2 = "P1 and P2"
    LC = "Lc"
    LE = "Le"
    KEY_NUMBER = "KeyNo"
    #: CmdHeader: file number, offset, length, option.
    HEADER = "header"
    #: CmdData, or the data of an authentication, as it was sent.
    DATA = "data"
    PADDING = "padding"
    #: What was encrypted for ChangeKey: new key, old key, version, checksum.
    KEY_DATA = "key data"
    SETTINGS = "settings"
    MAC = "MAC"
    COUNTER = "command counter"
    TRANSACTION_ID = "TI"
    #: IV or, in LRP mode, EncCtr.
    IV = "IV"
    KEY = "key"
    ANSWER_DATA = "data of the answer"
    ANSWER_MAC = "MAC of the answer"
    STATUS = "status word"
    #: The command comes where another one is due.
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what, and what is due instead. It contains no key."""

    part: Part
    text: str

    def __str__(self) -> str:
        return f"{self.part.value}: {self.text}"


@dataclass(frozen=True, slots=True)
class Field:
    """One field, decoded: its bytes as hex, and what they stand for."""

    name: str
    octets: bytes = field(default=b"", repr=False)
    meaning: str = field(default="", repr=False)
    #: Whether it is a key.
    is_secret: bool = False

    def shown(self, *, reveal: bool = False) -> str:
        """Return the field as text; a key in it is masked unless it is to be revealed."""
        if self.is_secret and not reveal:
            return f"({len(self.octets)} secret bytes)"
        return "  ".join(filter(None, (self.octets.hex().upper(), self.meaning)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedExchange:
    """One exchange, read: what it is, its fields, what the answer says, and what is wrong."""

    exchange: Exchange = field(repr=False)
    #: The data sheet's name of the command.
    name: str
    fields: tuple[Field, ...]
    #: Why the tag refused, or did not, in one clause; empty without an answer.
    cause: str = ""
    #: What to do about a refusal.
    advice: str = ""
    faults: tuple[Fault, ...] = ()
    #: Whether the answer is a success, or there is none.
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An application key that may be on the tag."""

    #: For people: where it comes from. It is shown.
    name: str
    key: Key
    #: Its slot, 0 to 4; None where it may be in any.
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AesSession:
    """An authentication in AES mode that began before the first exchange."""

    transaction_id: bytes
    mac_key: Key
    #: None where only MACs are to be checked.
    enc_key: Key | None = None
    #: CmdCtr that the first command is due to have.
    command_counter: int = 0
    key_number: int | None = None

    def __post_init__(self) -> None:
        _require_session(self.transaction_id, self.command_counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class LrpSession:
    """An authentication in LRP mode that began before the first exchange."""

    transaction_id: bytes
    #: SesAuthMaster: CMAC_LRP of the session vector under the application key.
    master: Key
    command_counter: int = 0
    #: EncCtr of the next block; 1 after AuthenticateLRPFirst.
    encryption_counter: int = 1
    key_number: int | None = None

    def __post_init__(self) -> None:
        _require_session(self.transaction_id, self.command_counter)


KnownSession: TypeAlias = AesSession | LrpSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known beside the exchanges; the more, the more is checked."""

    keys: tuple[KnownKey, ...] = ()
    session: KnownSession | None = None
    #: File number to its settings. What a log tells by GetFileSettings is added to them.
    settings: Mapping[int, FileSettings] = field(default_factory=dict)


def _require_session(transaction_id: bytes, command_counter: int) -> None:
    if len(transaction_id) != 4:
        raise ValueError(f"a transaction id has 4 bytes, not {len(transaction_id)}")
    if not 0 <= command_counter <= 0xFFFF:
        raise ValueError(f"a command counter is 0 to 65535, not {command_counter}")
