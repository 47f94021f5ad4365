"""The CC file: what it tells NFC Forum devices about the other two (NT4H2421Gx §8.2.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

_LENGTH = 32
_HEAD = bytes.fromhex("001720010000FF")
_NDEF_TLV, _PROPRIETARY_TLV = bytes.fromhex("0406"), bytes.fromhex("0506")
_READ_ONLY = 0xFF


@dataclass(frozen=True, slots=True)
class FileControl:
    """What the CC says of one file. Only advice: the chip's access rights decide."""

    file_id: int
    size: int
    #: 00 for everybody, 80h + n for key n, FFh for nobody.
    read: int
    write: int

    def __bytes__(self) -> bytes:
        """File identifier (2) || size (2) || read access (1) || write access (1)."""
        return (
            self.file_id.to_bytes(2, "big")
            + self.size.to_bytes(2, "big")
            + bytes((self.read, self.write))
        )

    @classmethod
    def from_bytes(cls, octets: bytes) -> FileControl:
        """Undo `bytes()`: 6 bytes."""
        file_id, size = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")
        return cls(file_id, size, octets[4], octets[5])


@dataclass(frozen=True, slots=True)
class CapabilityContainer:
    """The CC file, 32 bytes."""

    ndef: FileControl
    proprietary: FileControl

    @property
    def is_read_only(self) -> bool:
        """Whether phones are told not to write the URL."""
        return self.ndef.write == _READ_ONLY

    def read_only(self) -> CapabilityContainer:
        """Return the same, telling phones not to write the URL."""
        return replace(self, ndef=replace(self.ndef, write=_READ_ONLY))

    def __bytes__(self) -> bytes:
        """CCLEN .. MLc (7) || NDEF TLV (8) || proprietary TLV (8) || zeros (9)."""
        tlvs = _NDEF_TLV + bytes(self.ndef) + _PROPRIETARY_TLV + bytes(self.proprietary)
        return (_HEAD + tlvs).ljust(_LENGTH, b"\0")

    @classmethod
    def from_bytes(cls, octets: bytes) -> CapabilityContainer:
        """Undo `bytes()`.

        Raises:
            ValueError: it is not the CC file of an NTAG 424 DNA.

        """
        if len(octets) != _LENGTH:
            raise ValueError(f"the CC file has {_LENGTH} bytes, not {len(octets)}")
        found = cls(FileControl.from_bytes(octets[9:15]), FileControl.from_bytes(octets[17:23]))
        if bytes(found) != octets:
            raise ValueError("this is not the CC file of an NTAG 424 DNA")
        return found


#: As NXP delivers a tag.
FACTORY_CC = CapabilityContainer(
    FileControl(0xE104, 0x100, 0x00, 0x00), FileControl(0xE105, 0x80, 0x82, 0x83)
)
