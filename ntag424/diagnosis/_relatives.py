"""Other schemes over the same master, and masters that everybody knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    KeyScheme,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
)
from ntag424.model import Key

# DF name of the NDEF application (NT4H2421Gx §8.2.2).
_APPLICATION = bytes.fromhex("D2760000850101")
#: Where people count from when they number a card's versions.
_BOLTCARD_VERSIONS = range(3)
#: SENTRY's salt where neither NTAG424_SALT nor DOMAIN is set.
_SENTRY_SALT = "sentry.red"
_ZEROS = Key(bytes(16))
#: Issuer key of Boltcard's examples (docs/DETERMINISTIC.md).
_BOLTCARD_EXAMPLE = Key(bytes(15) + b"\x01")


@dataclass(frozen=True)
class PlainCmacKeys:
    """A plain CMAC, in the two ways that it is taken for AN10922.

    With the application it is over `01h || UID || DF name || key number`, 16 bytes, which
    AN10922 pads to two blocks and a CMAC does not; without, over the UID alone.
    """

    file_read_number = 2
    meta_read_number = None
    epochs = range(1)

    master: Key = field(repr=False)
    with_application: bool = True

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        if epoch not in self.epochs:
            raise ValueError(f"this scheme has no keys for epoch {epoch}")
        message = b"\x01" + uid + _APPLICATION + bytes((key_number,))
        return Key(self.master.aes.cmac(message if self.with_application else uid))

    def meta_read_key(self) -> NoReturn:
        """See `KeyScheme.meta_read_key`."""
        raise ValueError("a plain CMAC over the UID gives no meta-read key")


def master_of(scheme: KeyScheme) -> Key | None:
    """Return the key of 16 bytes that a scheme derives from, if it is a known scheme."""
    match scheme:
        case BoltcardKeys():
            return scheme.issuer_key
        case An10922Keys() | HkdfKeys() | SentryEv2Keys() | SentryHkdfKeys():
            return scheme.master
        case SdmBackendKeys() | SdmBackendLegacyKeys():
            raw = bytes(scheme.master)
            return Key(raw) if len(raw) == 16 else None
        case _:
            return None


def relatives(scheme: KeyScheme, master: Key) -> list[KeyScheme]:
    """Return what else might have been derived from the *master* of *scheme*."""
    found: list[KeyScheme] = [
        An10922Keys(master),
        PlainCmacKeys(master),
        PlainCmacKeys(master, with_application=False),
        HkdfKeys(master),
        SdmBackendKeys(master),
        SdmBackendLegacyKeys(master),
        *(BoltcardKeys(master, version) for version in _BOLTCARD_VERSIONS),
        SentryEv2Keys(master),
        SentryHkdfKeys(master, salt=_SENTRY_SALT),
    ]
    return [relative for relative in found if relative != scheme]


def development_schemes() -> list[KeyScheme]:
    """Return schemes over masters that stand in published examples, or are all zeros."""
    # sdm-backend's default master of zeros stands for factory keys: no scheme is needed.
    return [
        *(BoltcardKeys(_BOLTCARD_EXAMPLE, version) for version in _BOLTCARD_VERSIONS),
        An10922Keys(_ZEROS),
        HkdfKeys(_ZEROS),
    ]
