"""Which key is on which tag: schemes that derive it, and keyrings of versions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ntag424.keys._apart import require_apart
from ntag424.keys._keyring import Keyring
from ntag424.keys._scheme import KeyScheme, is_diversified
from ntag424.keys._version import KeyState, KeyVersion

if TYPE_CHECKING:
    from ntag424.keys._an10922 import An10922Keys
    from ntag424.keys._boltcard import BoltcardKeys
    from ntag424.keys._hkdf import HkdfKeys
    from ntag424.keys._sdm_backend import SdmBackendKeys, SdmBackendLegacyKeys
    from ntag424.keys._sentry import SentryEv2Keys, SentryHkdfKeys
    from ntag424.keys._static import StaticKeys

__all__ = [
    "An10922Keys",
    "BoltcardKeys",
    "HkdfKeys",
    "KeyScheme",
    "KeyState",
    "KeyVersion",
    "Keyring",
    "SdmBackendKeys",
    "SdmBackendLegacyKeys",
    "SentryEv2Keys",
    "SentryHkdfKeys",
    "StaticKeys",
    "is_diversified",
    "require_apart",
]

# A program uses one or two of them: each is loaded when it is first asked for.
_SCHEMES = {
    "An10922Keys": "_an10922",
    "BoltcardKeys": "_boltcard",
    "HkdfKeys": "_hkdf",
    "SdmBackendKeys": "_sdm_backend",
    "SdmBackendLegacyKeys": "_sdm_backend",
    "SentryEv2Keys": "_sentry",
    "SentryHkdfKeys": "_sentry",
    "StaticKeys": "_static",
}


def __getattr__(name: str) -> object:
    if name not in _SCHEMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_SCHEMES[name]}"), name)
