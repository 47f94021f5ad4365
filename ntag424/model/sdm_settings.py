"""Where the tag writes its mirrors: the SDM half of the NDEF file's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_FREE = 0xE
_NEVER = 0xF
# SDMOptions (NT4H2421Gx table 22): UID and counter mirrored, ASCII.
_OPTIONS = 0b1100_0001


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


@dataclass(frozen=True, slots=True)
class PlainMirror:
    """UID (14 characters) and read counter (6) in the clear, at these file offsets."""

    uid_offset: int
    read_counter_offset: int

    def __bytes__(self) -> bytes:
        """UIDOffset (3) || SDMReadCtrOffset (3)."""
        return _three(self.uid_offset) + _three(self.read_counter_offset)


@dataclass(frozen=True, slots=True)
class EncryptedMirror:
    """UID and read counter encrypted as PICCData (32 characters), at this file offset."""

    picc_data_offset: int

    def __bytes__(self) -> bytes:
        """PICCDataOffset (3)."""
        return _three(self.picc_data_offset)


PiccMirror: TypeAlias = PlainMirror | EncryptedMirror


@dataclass(frozen=True, slots=True)
class SdmAccess:
    """Which application keys, 0 to 4, make the mirrors."""

    #: SDMFileRead: makes the MAC.
    file_read: int
    #: SDMMetaRead: encrypts PICCData; none where UID and counter are plain.
    meta_read: int | None
    #: SDMCtrRet: may read the counter in a session; none for nobody.
    counter: int | None = None

    def __post_init__(self) -> None:
        for number in (self.file_read, self.meta_read, self.counter):
            if number is not None and number not in range(5):
                raise ValueError(f"application keys are numbered 0 to 4, not {number}")

    def __bytes__(self) -> bytes:
        """RFU F | SDMCtrRet (1) || SDMMetaRead | SDMFileRead (1)."""
        counter = _NEVER if self.counter is None else self.counter
        meta_read = _FREE if self.meta_read is None else self.meta_read
        return bytes((_NEVER << 4 | counter, meta_read << 4 | self.file_read))


@dataclass(frozen=True, slots=True)
class SdmSettings:
    """Offsets of every mirror, counted from the start of the NDEF file (§10.7.1)."""

    mirror: PiccMirror
    mac_input_offset: int
    mac_offset: int

    def block(self, access: SdmAccess) -> bytes:
        """Encode as ChangeFileSettings carries it.

        SDMOptions (1) || SDMAccessRights (2) || mirror offsets (6 or 3)
        || SDMMACInputOffset (3) || SDMMACOffset (3).
        """
        if (access.meta_read is None) is not isinstance(self.mirror, PlainMirror):
            raise ValueError("a meta-read key goes with encrypted PICCData, and only with it")
        offsets = _three(self.mac_input_offset) + _three(self.mac_offset)
        return bytes((_OPTIONS,)) + bytes(access) + bytes(self.mirror) + offsets
