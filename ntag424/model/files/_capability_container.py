"""The CC file: what it tells NFC Forum devices about the other two (NT4H2421Gx §8.2.3).

Its form is that of the NFC Forum's Type 4 Tag: CCLEN (2) || mapping version (1) || MLe (2) ||
MLc (2) || TLVs up to CCLEN || whatever stands behind them. NXP delivers two TLVs and zeros;
other tools write fewer or more, and leave the end of what was there before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ntag424.arguments import require_number, require_octets, require_type

_LENGTH = 32
_HEAD_LENGTH = 7
_VERSIONS = (0x20, 0x30)
_NDEF, _PROPRIETARY = 0x04, 0x05
_CONTROL_LENGTH = 6
_READ_ONLY = 0xFF


@dataclass(frozen=True, slots=True)
class FileControl:
    """What the CC says of one file. Only advice: the chip's access rights decide."""

    file_id: int
    size: int
    #: 00 for everybody, 80h + n for key n, FFh for nobody.
    read: int
    write: int

    def __post_init__(self) -> None:
        for name, largest in (
            ("file_id", 0xFFFF),
            ("size", 0xFFFF),
            ("read", 255),
            ("write", 255),
        ):
            value = getattr(self, name)
            require_number(name, value)
            if not 0 <= value <= largest:
                raise ValueError(f"{name} is 0 to {largest:X}h, not {value}")

    def __bytes__(self) -> bytes:
        """File identifier (2) || size (2) || read access (1) || write access (1)."""
        return (
            self.file_id.to_bytes(2, "big")
            + self.size.to_bytes(2, "big")
            + bytes((self.read, self.write))
        )

    @classmethod
    def from_bytes(cls, octets: bytes) -> FileControl:
        """Undo `bytes()`.

        Raises:
            ValueError: another length than 6 bytes.

        """
        require_octets("a file control", octets)
        if len(octets) != _CONTROL_LENGTH:
            raise ValueError(f"a file control has {_CONTROL_LENGTH} bytes, not {len(octets)}")
        file_id, size = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")
        return cls(file_id, size, octets[4], octets[5])


@dataclass(frozen=True, slots=True)
class Tlv:
    """One TLV behind the first; of a type that nobody knows it is kept as it is."""

    #: 05 for the control of a proprietary file.
    type: int
    #: Up to 254 bytes: FFh opens a longer form, which has no room in the file.
    value: bytes = b""

    def __post_init__(self) -> None:
        require_number("type", self.type)
        require_octets("value", self.value)
        if not 0 <= self.type <= 0xFF or len(self.value) > 0xFE:
            raise ValueError("a TLV has a type of one byte, and up to 254 bytes")

    def __bytes__(self) -> bytes:
        """Type (1) || length (1) || value."""
        return bytes((self.type, len(self.value))) + self.value


@dataclass(frozen=True, slots=True)
class CapabilityContainer:
    """The CC file, 32 bytes.

    Raises:
        ValueError: a value does not fit its place, or all together not the file.

    """

    ndef: FileControl
    #: Behind the NDEF file's, in their order.
    others: tuple[Tlv, ...] = ()
    #: 20h or 30h: version 2.0 or 3.0 of the mapping.
    mapping_version: int = 0x20
    #: MLe and MLc: bytes that one command may read, and write.
    max_read: int = 0x100
    max_write: int = 0xFF
    #: What stands behind CCLEN; short of the file's end, zeros follow.
    trailing: bytes = b""

    def __post_init__(self) -> None:
        require_type("ndef", self.ndef, FileControl, instead="FileControl(...)")
        for name in ("mapping_version", "max_read", "max_write"):
            require_number(name, getattr(self, name))
        require_octets("trailing", self.trailing)
        if self.mapping_version not in _VERSIONS:
            raise ValueError("the mapping version of a CC file is 20h or 30h")
        if not (0 <= self.max_read <= 0xFFFF and 0 <= self.max_write <= 0xFFFF):
            raise ValueError("MLe and MLc of a CC file have two bytes each")
        free = _LENGTH - self._cc_length
        if len(self.trailing) > free:
            raise ValueError(f"the CC file has {_LENGTH} bytes, and these are too many")
        object.__setattr__(self, "trailing", self.trailing.ljust(free, b"\0"))

    @property
    def _cc_length(self) -> int:
        return _HEAD_LENGTH + 2 + _CONTROL_LENGTH + sum(len(bytes(tlv)) for tlv in self.others)

    @property
    def proprietary(self) -> FileControl | None:
        """What it says of the proprietary file, if it does."""
        return next(
            (
                FileControl.from_bytes(tlv.value)
                for tlv in self.others
                if tlv.type == _PROPRIETARY and len(tlv.value) == _CONTROL_LENGTH
            ),
            None,
        )

    @property
    def is_read_only(self) -> bool:
        """Whether phones are told not to write the URL."""
        return self.ndef.write == _READ_ONLY

    def read_only(self) -> CapabilityContainer:
        """Return the same, telling phones not to write the URL."""
        return replace(self, ndef=replace(self.ndef, write=_READ_ONLY))

    def __bytes__(self) -> bytes:
        """CCLEN (2) || version (1) || MLe (2) || MLc (2) || NDEF TLV (8) || others || trailing."""
        head = (
            self._cc_length.to_bytes(2, "big")
            + bytes((self.mapping_version,))
            + self.max_read.to_bytes(2, "big")
            + self.max_write.to_bytes(2, "big")
        )
        tlvs = (Tlv(_NDEF, bytes(self.ndef)), *self.others)
        return head + b"".join(map(bytes, tlvs)) + self.trailing

    @classmethod
    def from_bytes(cls, octets: bytes) -> CapabilityContainer:
        """Undo `bytes()`, to the last byte.

        Raises:
            ValueError: it is no CC file that phones find an NDEF file by.

        """
        require_octets("the CC file", octets)
        if len(octets) != _LENGTH:
            raise ValueError(f"the CC file has {_LENGTH} bytes, not {len(octets)}")
        end = int.from_bytes(octets[:2], "big")
        if end > _LENGTH:
            raise ValueError(f"the CC file says that it has {end} bytes, and has {_LENGTH}")
        first, *others = [*_tlvs(octets[_HEAD_LENGTH:end])] or [Tlv(0)]
        if first.type != _NDEF or len(first.value) != _CONTROL_LENGTH:
            raise ValueError("the CC file does not begin with the control of an NDEF file")
        return cls(
            ndef=FileControl.from_bytes(first.value),
            others=tuple(others),
            mapping_version=octets[2],
            max_read=int.from_bytes(octets[3:5], "big"),
            max_write=int.from_bytes(octets[5:7], "big"),
            trailing=octets[end:],
        )


def _tlvs(octets: bytes) -> Iterator[Tlv]:
    while octets:
        if len(octets) < 2 or len(octets) < 2 + octets[1]:
            raise ValueError("a TLV of the CC file is cut off by CCLEN")
        end = 2 + octets[1]
        yield Tlv(octets[0], octets[2:end])
        octets = octets[end:]


#: As NXP delivers a tag.
FACTORY_CC = CapabilityContainer(
    FileControl(0xE104, 0x100, 0x00, 0x00),
    (Tlv(_PROPRIETARY, bytes(FileControl(0xE105, 0x80, 0x82, 0x83))),),
)
