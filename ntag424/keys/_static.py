"""The same raw keys on every tag."""

from __future__ import annotations

from dataclasses import dataclass, field

from ntag424.keys._scheme import NO_EPOCHS, require, require_key
from ntag424.model import Key


@dataclass(frozen=True, kw_only=True)
class StaticKeys:
    """Keys as they were typed in: for test vectors, and for fleets that were made so.

    One tag's key opens all of them. Verification only: the other slots are unknown.
    """

    file_read_number = 2
    epochs = NO_EPOCHS

    file_read: Key = field(repr=False)
    #: None where the tags mirror UID and counter in the clear.
    meta_read: Key | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_key("file_read", self.file_read)
        if self.meta_read is not None:
            require_key("meta_read", self.meta_read)

    @property
    def meta_read_number(self) -> int | None:
        """See `KeyScheme.meta_read_number`."""
        return None if self.meta_read is None else 1

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        if key_number == self.file_read_number:
            return self.file_read
        if key_number == self.meta_read_number:
            return self.meta_read_key()
        raise ValueError(f"static keys say nothing of slot {key_number}")

    def meta_read_key(self) -> Key:
        """See `KeyScheme.meta_read_key`."""
        if self.meta_read is None:
            raise ValueError("these static keys have no meta-read key")
        return self.meta_read
