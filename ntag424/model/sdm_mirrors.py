"""Where the tag writes UID, read counter and encrypted file data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ntag424.arguments import require_number, require_type
from ntag424.model.picc_data_tag import PiccDataTag


def three(*values: int | None) -> bytes:
    """Encode those that are not None in three bytes each, LSB first."""
    return b"".join(value.to_bytes(3, "little") for value in values if value is not None)


_TAGS = {
    (True, True): PiccDataTag.UID_AND_COUNTER,
    (True, False): PiccDataTag.UID,
    (False, True): PiccDataTag.COUNTER,
}


@dataclass(frozen=True, slots=True)
class PlainMirror:
    """UID (14 characters) and read counter (6) in the clear, at these file offsets.

    None means not mirrored, and not part of the MAC's key.
    """

    uid_offset: int | None
    read_counter_offset: int | None

    def __post_init__(self) -> None:
        if self.uid_offset is not None:
            require_number("uid_offset", self.uid_offset)
        if self.read_counter_offset is not None:
            require_number("read_counter_offset", self.read_counter_offset)

    @property
    def tag(self) -> PiccDataTag:
        """Which of the two are mirrored.

        Raises:
            ValueError: neither is; then the counter runs unseen.

        """
        shown = (self.uid_offset is not None, self.read_counter_offset is not None)
        if shown not in _TAGS:
            raise ValueError("neither UID nor counter is mirrored")
        return _TAGS[shown]

    @property
    def has_uid(self) -> bool:
        """Whether a reader learns the UID."""
        return self.uid_offset is not None

    def __bytes__(self) -> bytes:
        """UIDOffset (3) || SDMReadCtrOffset (3), as far as mirrored."""
        return three(self.uid_offset, self.read_counter_offset)


@dataclass(frozen=True, slots=True)
class EncryptedMirror:
    """PICCData, 32 characters or in LRP mode 48, at this file offset."""

    picc_data_offset: int
    tag: PiccDataTag = PiccDataTag.UID_AND_COUNTER

    def __post_init__(self) -> None:
        require_number("picc_data_offset", self.picc_data_offset)
        require_type("tag", self.tag, PiccDataTag)

    @property
    def has_uid(self) -> bool:
        """Whether a verifier learns the UID."""
        return self.tag.has_uid

    def __bytes__(self) -> bytes:
        """PICCDataOffset (3)."""
        return three(self.picc_data_offset)


PiccMirror: TypeAlias = PlainMirror | EncryptedMirror


@dataclass(frozen=True, slots=True)
class EncryptedFileData:
    """SDMENCFileData: characters of the mirror, twice the bytes of its plaintext."""

    offset: int
    length: int

    def __post_init__(self) -> None:
        require_number("offset", self.offset)
        require_number("length", self.length)
        if self.length < 32 or self.length % 32:
            raise ValueError("SDMENCLength is a multiple of 32 characters, and not 0")

    def __bytes__(self) -> bytes:
        """SDMENCOffset (3) || SDMENCLength (3)."""
        return three(self.offset, self.length)
