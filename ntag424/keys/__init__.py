"""Which key is on which tag: schemes that derive it, and keyrings of versions."""

from ntag424.keys._an10922 import An10922Keys
from ntag424.keys._hkdf import HkdfKeys
from ntag424.keys._keyring import Keyring, KeyState, KeyVersion
from ntag424.keys._scheme import KeyScheme
from ntag424.keys._sentry import SentryEv2Keys, SentryHkdfKeys
from ntag424.keys._static import StaticKeys

__all__ = [
    "An10922Keys",
    "HkdfKeys",
    "KeyScheme",
    "KeyState",
    "KeyVersion",
    "Keyring",
    "SentryEv2Keys",
    "SentryHkdfKeys",
    "StaticKeys",
]
