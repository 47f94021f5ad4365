"""What GetVersion tells (NT4H2421Gx §10.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ntag424.arguments import require_octets
from ntag424.model.uid import Uid

_NXP, _NTAG = 0x04, 0x04
_NTAG_424_DNA, _TAG_TAMPER = 0x2, 0x8
#: NTAG 413 DNA has the same type and subtype, and major version 10h.
_LEAST_MAJOR = 0x30


@dataclass(frozen=True, slots=True)
class PartVersion:
    """Version of the hardware or of the software, 7 bytes."""

    vendor: int
    type: int
    #: Of the hardware: back modulation in the upper half, the kind of chip in the lower.
    subtype: int
    major: int
    minor: int
    storage: int
    protocol: int

    def __bytes__(self) -> bytes:
        """Vendor, type, subtype, major, minor, storage size, protocol: one byte each."""
        return bytes(
            (
                self.vendor,
                self.type,
                self.subtype,
                self.major,
                self.minor,
                self.storage,
                self.protocol,
            )
        )


@dataclass(frozen=True, slots=True)
class TagVersion:
    """Which chip it is, and where it was made."""

    hardware: PartVersion
    software: PartVersion
    #: Seven zeros where random IDs are on.
    uid: Uid
    #: Batch, fabrication key and date of production, as they came: 7 or 8 bytes.
    production: bytes

    _LENGTHS: ClassVar[tuple[int, int]] = (28, 29)

    @property
    def is_ntag424(self) -> bool:
        """Whether this is an NTAG 424 DNA of either kind."""
        hardware = self.hardware
        kinds = (_NTAG_424_DNA, _TAG_TAMPER)
        made_so = (hardware.vendor, hardware.type) == (_NXP, _NTAG)
        return made_so and hardware.major >= _LEAST_MAJOR and hardware.subtype & 0xF in kinds

    @property
    def has_tag_tamper(self) -> bool:
        """Whether this is an NTAG 424 DNA TagTamper."""
        return self.is_ntag424 and self.hardware.subtype & 0xF == _TAG_TAMPER

    def __bytes__(self) -> bytes:
        """Hardware (7) || software (7) || UID (7) || production (7 or 8)."""
        return bytes(self.hardware) + bytes(self.software) + self.uid + self.production

    @classmethod
    def from_bytes(cls, octets: bytes) -> TagVersion:
        """Undo `bytes()`.

        Raises:
            ValueError: another length than 28 or 29 bytes.

        """
        require_octets("a version", octets)
        if len(octets) not in cls._LENGTHS:
            raise ValueError(f"a version has 28 or 29 bytes, not {len(octets)}")
        hardware, software = PartVersion(*octets[:7]), PartVersion(*octets[7:14])
        return cls(hardware, software, Uid(octets[14:21]), bytes(octets[21:]))
