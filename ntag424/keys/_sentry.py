"""Keys as SENTRY-Messenger derives them, so that its tags verify here untouched.

Both schemes have one key per tag, in whichever slot, and none for PICCData: those
tags mirror UID and counter in the clear.
"""

from __future__ import annotations

import hmac
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import ClassVar, NoReturn

from ntag424.keys._scheme import NO_EPOCHS, require
from ntag424.model import Key


class _OneKeyPerTag:
    """What the two schemes have in common."""

    file_read_number: ClassVar[int] = 2
    meta_read_number: ClassVar[int | None] = None
    epochs: ClassVar[range] = NO_EPOCHS

    def meta_read_key(self) -> NoReturn:
        """See `KeyScheme.meta_read_key`."""
        raise ValueError("SENTRY's schemes have no meta-read key")


@dataclass(frozen=True)
class SentryHkdfKeys(_OneKeyPerTag):
    """SENTRY's "HKDF": extract as in RFC 5869, then one HMAC without its counter byte.

    The UID enters as 14 upper-case hex characters behind *info* and a colon.
    """

    master: Key = field(repr=False)
    _: KW_ONLY
    salt: str
    info: str = "ntag424-static-key"

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        text = f"{self.info}:{uid.hex().upper()}"
        return Key(hmac.digest(self._pseudorandom_key, text.encode(), "sha256")[:16])

    @cached_property
    def _pseudorandom_key(self) -> bytes:
        return hmac.digest(self.salt.encode(), bytes(self.master), "sha256")


@dataclass(frozen=True)
class SentryEv2Keys(_OneKeyPerTag):
    """SENTRY's "EV2": AES-CMAC over `01h || "EV2-KDF" || UID (7) [|| key version (1)]`."""

    master: Key = field(repr=False)
    #: SENTRY's NTAG424_KVER, 0 to 255; None where it was not set, which is not 0.
    key_version: int | None = None

    def __post_init__(self) -> None:
        if self.key_version is not None and self.key_version not in range(256):
            raise ValueError("key_version is 0 to 255, or None")

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        version = b"" if self.key_version is None else bytes((self.key_version,))
        message = b"\x01EV2-KDF" + uid + version
        return Key(self.master.aes.cmac(message))
