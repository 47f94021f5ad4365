"""Where the tag writes its mirrors: the SDM half of the NDEF file's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ntag424.model.picc_data_tag import PiccDataTag

_FREE = 0xE
_NEVER = 0xF
# Bits of SDMOptions (NT4H2421Gx table 22): what is mirrored, and that it is ASCII.
_UID, _COUNTER, _ENCRYPTED, _TAMPER, _ASCII = 0x80, 0x40, 0x10, 0x08, 0x01


def _three(*values: int | None) -> bytes:
    return b"".join(value.to_bytes(3, "little") for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class PlainMirror:
    """UID (14 characters) and read counter (6) in the clear, at these file offsets.

    One of the two may be None: not mirrored, and not part of the MAC's key.
    """

    uid_offset: int | None
    read_counter_offset: int | None

    def __post_init__(self) -> None:
        if self.uid_offset is None and self.read_counter_offset is None:
            raise ValueError("without UID and counter every tap would have the same MAC")

    @property
    def tag(self) -> PiccDataTag:
        """Which of the two are mirrored."""
        if self.uid_offset is None:
            return PiccDataTag.COUNTER
        return PiccDataTag.UID if self.read_counter_offset is None else PiccDataTag.UID_AND_COUNTER

    def __bytes__(self) -> bytes:
        """UIDOffset (3) || SDMReadCtrOffset (3), as far as mirrored."""
        return _three(self.uid_offset, self.read_counter_offset)


@dataclass(frozen=True, slots=True)
class EncryptedMirror:
    """PICCData, 32 characters or in LRP mode 48, at this file offset."""

    picc_data_offset: int
    tag: PiccDataTag = PiccDataTag.UID_AND_COUNTER

    def __bytes__(self) -> bytes:
        """PICCDataOffset (3)."""
        return _three(self.picc_data_offset)


PiccMirror: TypeAlias = PlainMirror | EncryptedMirror


@dataclass(frozen=True, slots=True)
class EncryptedFileData:
    """SDMENCFileData: characters of the mirror, twice the bytes of its plaintext."""

    offset: int
    length: int

    def __bytes__(self) -> bytes:
        """SDMENCOffset (3) || SDMENCLength (3)."""
        return _three(self.offset, self.length)


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
    encrypted_file_data: EncryptedFileData | None = None
    #: TTStatusOffset, on TagTamper chips.
    tamper_offset: int | None = None

    def block(self, access: SdmAccess) -> bytes:
        """Encode as ChangeFileSettings carries it.

        SDMOptions (1) || SDMAccessRights (2) || mirror offsets (3 or 6)
        [|| TTStatusOffset (3)] || SDMMACInputOffset (3)
        [|| SDMENCOffset (3) || SDMENCLength (3)] || SDMMACOffset (3).
        """
        if (access.meta_read is None) is not isinstance(self.mirror, PlainMirror):
            raise ValueError("a meta-read key goes with encrypted PICCData, and only with it")
        if access.counter is not None and not self.mirror.tag.has_counter:
            raise ValueError("there is no counter that a key could read")
        encrypted = b"" if self.encrypted_file_data is None else bytes(self.encrypted_file_data)
        return b"".join(
            (
                bytes((self._options,)),
                bytes(access),
                bytes(self.mirror),
                _three(self.tamper_offset, self.mac_input_offset),
                encrypted,
                _three(self.mac_offset),
            )
        )

    @property
    def _options(self) -> int:
        return (
            _ASCII
            | _UID * self.mirror.tag.has_uid
            | _COUNTER * self.mirror.tag.has_counter
            | _ENCRYPTED * (self.encrypted_file_data is not None)
            | _TAMPER * (self.tamper_offset is not None)
        )
