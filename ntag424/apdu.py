"""Commands to a tag and its answers, as values (ISO/IEC 7816-4, short APDUs only)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Self

from ntag424.arguments import require_bytes, require_number


@unique
class Status(IntEnum):
    """The status words this library names; a tag may answer others.

    91xx belongs to native commands, the rest to ISO commands
    (NT4H2421Gx §10.3 and the table of each command).
    """

    OK = 0x9100
    #: What Read_Sig succeeds with.
    SIGNATURE_OK = 0x9190
    COMMAND_NOT_FOUND = 0x910B
    COMMAND_FORMAT = 0x910C
    ILLEGAL_COMMAND_CODE = 0x911C
    INTEGRITY_ERROR = 0x911E
    NO_SUCH_KEY = 0x9140
    LENGTH_ERROR = 0x917E
    PERMISSION_DENIED = 0x919D
    PARAMETER_ERROR = 0x919E
    AUTHENTICATION_DELAY = 0x91AD
    AUTHENTICATION_ERROR = 0x91AE
    ADDITIONAL_FRAME = 0x91AF
    BOUNDARY_ERROR = 0x91BE
    COMMAND_ABORTED = 0x91CA
    MEMORY_ERROR = 0x91EE
    FILE_NOT_FOUND = 0x91F0

    ISO_OK = 0x9000
    ISO_MEMORY_FAILURE = 0x6581
    ISO_WRONG_LENGTH = 0x6700
    ISO_SECURITY_NOT_SATISFIED = 0x6982
    ISO_CONDITIONS_NOT_SATISFIED = 0x6985
    ISO_WRONG_DATA = 0x6A80
    ISO_FILE_NOT_FOUND = 0x6A82
    ISO_WRONG_PARAMETERS = 0x6A86
    ISO_INCONSISTENT_LC = 0x6A87
    ISO_WRONG_LE = 0x6C00
    ISO_UNKNOWN_INSTRUCTION = 0x6D00
    ISO_UNKNOWN_CLASS = 0x6E00


@dataclass(frozen=True, slots=True)
class CommandApdu:
    """One command: CLA, INS, P1, P2, up to 255 bytes of data, and Le.

    *le* is the byte on the wire: 0 asks for up to 256 bytes, None sends no Le.

    Raises:
        TypeError: a field is no integer, or *data* are no bytes.
        ValueError: a field does not fit its place in a short APDU.
    """

    ins: int
    data: bytes = b""
    cla: int = 0x90
    p1: int = 0
    p2: int = 0
    le: int | None = 0

    def __post_init__(self) -> None:
        """Refuse what a short APDU cannot carry."""
        for name in ("cla", "ins", "p1", "p2"):
            value: object = getattr(self, name)
            if not 0 <= require_number(name, value) <= 0xFF:
                raise ValueError(f"{name} is one byte, not {value}")
        if self.le is not None and not 0 <= require_number("le", self.le) <= 0xFF:
            raise ValueError(f"le is one byte or None, not {self.le}")
        if len(require_bytes("data", self.data)) > 0xFF:
            raise ValueError(f"a short APDU carries up to 255 bytes, not {len(self.data)}")

    def __bytes__(self) -> bytes:
        """Write CLA (1) || INS (1) || P1 (1) || P2 (1) [|| Lc (1) || data (Lc)] [|| Le (1)]."""
        lc = bytes([len(self.data)]) if self.data else b""
        le = b"" if self.le is None else bytes([self.le])
        return bytes([self.cla, self.ins, self.p1, self.p2]) + lc + self.data + le

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Read exactly what `__bytes__` writes.

        Raises:
            ValueError: too short, an extended APDU, or not as long as Lc says.
        """
        require_bytes("a command", octets)
        if len(octets) < 4:
            raise ValueError(f"a command has at least 4 bytes, not {len(octets)}")
        data, le = _body(octets[4:])
        return cls(octets[1], data, cla=octets[0], p1=octets[2], p2=octets[3], le=le)


def _body(octets: bytes) -> tuple[bytes, int | None]:
    """Split [Lc (1) || data (Lc)] [|| Le (1)] into data and Le."""
    if not octets:
        return b"", None
    lc, rest = octets[0], octets[1:]
    if not rest:
        # A lone byte is Le: without data there is no Lc.
        return b"", lc
    if lc == 0:
        raise ValueError("Lc 00 opens an extended APDU, and tags take short ones only")
    if len(rest) == lc:
        return rest, None
    if len(rest) == lc + 1:
        return rest[:lc], rest[lc]
    raise ValueError(f"Lc promises {lc} bytes and perhaps Le, but {len(rest)} bytes follow")


@dataclass(frozen=True, slots=True)
class ResponseApdu:
    """One answer: up to 256 bytes of data and the status word, SW1 the high byte.

    Raises:
        TypeError: *data* are no bytes, or the status is no integer.
        ValueError: too much data, or a status that is not two bytes.
    """

    data: bytes
    status: int

    def __post_init__(self) -> None:
        """Refuse what a short answer cannot carry."""
        if not 0 <= require_number("a status word", self.status) <= 0xFFFF:
            raise ValueError(f"a status word is two bytes, not {self.status}")
        if len(require_bytes("data", self.data)) > 0x100:
            raise ValueError(f"a short answer carries up to 256 bytes, not {len(self.data)}")

    def __bytes__(self) -> bytes:
        """Write [data (1..256)] || SW1 (1) || SW2 (1)."""
        return self.data + self.status.to_bytes(2, "big")

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Read exactly what `__bytes__` writes.

        Raises:
            ValueError: no status word, or more than 256 bytes before it.
        """
        require_bytes("an answer", octets)
        if len(octets) < 2:
            raise ValueError(f"an answer has at least 2 bytes, not {len(octets)}")
        return cls(octets[:-2], int.from_bytes(octets[-2:], "big"))
