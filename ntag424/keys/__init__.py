"""Which key is on which tag: schemes that derive it, and keyrings of versions."""

from ntag424.keys._an10922 import An10922Keys
from ntag424.keys._boltcard import BoltcardKeys
from ntag424.keys._hkdf import HkdfKeys
from ntag424.keys._keyring import Keyring, KeyState, KeyVersion, require_apart
from ntag424.keys._scheme import KeyScheme, is_diversified
from ntag424.keys._sdm_backend import SdmBackendKeys
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
    "SentryEv2Keys",
    "SentryHkdfKeys",
    "StaticKeys",
    "is_diversified",
    "require_apart",
]
