"""Keys as SENTRY-Messenger derives them, so that its tags verify here untouched.

Both schemes have one key per tag, in whichever slot, and none for PICCData: those
tags mirror UID and counter in the clear.
"""

from __future__ import annotations

import hmac
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import NoReturn

from ntag424.arguments import require_number, require_text
from ntag424.keys._scheme import NO_EPOCHS, require, require_key
from ntag424.model import Key


class _OneKeyPerTag:
    """What the two schemes have in common."""

    file_read_number = 2
    meta_read_number = None
    epochs = NO_EPOCHS

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

    def __post_init__(self) -> None:
        require_key("master", self.master)
        require_text("salt", self.salt)
        require_text("info", self.info)

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
    """SENTRY's "EV2": AES-CMAC over `01h || "EV2-KDF" || UID (7) [|| key version (1)]`.

    Of the key version only the lowest byte enters, as there: 256 gives the keys of 0.
    """

    master: Key = field(repr=False)
    #: SENTRY's NTAG424_KVER, 0 to FFFFFFFFh; None where it was not set, which is not 0.
    key_version: int | None = None

    def __post_init__(self) -> None:
        require_key("master", self.master)
        if self.key_version is not None:
            require_number("key_version", self.key_version)
            if not 0 <= self.key_version < 1 << 32:
                raise ValueError("key_version is a number of 32 bits, or None")

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        require(uid, key_number, epoch, NO_EPOCHS)
        version = b"" if self.key_version is None else bytes((self.key_version & 0xFF,))
        message = b"\x01EV2-KDF" + uid + version
        return Key(self.master.aes.cmac(message))
