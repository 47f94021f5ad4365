"""Verify the taps of NTAG 424 DNA tags (NXP NT4H2421Gx).

The front door: what most programs need. One level down lie `ntag424.sdm` (message
parts), `ntag424.keys` (key schemes), `ntag424.replay` (ledgers that accept a tap
once), `ntag424.crypto` and `ntag424.testing` (a simulated tag).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ntag424.errors import (
    MalformedTapError,
    Ntag424Error,
    TapMacError,
    UncountedTapError,
    VerificationError,
)
from ntag424.keys import Keyring, KeyState, KeyVersion
from ntag424.model import Generation, Key, Mode, TamperStatus, Uid
from ntag424.sdm import CountedTap, VerifiedTap
from ntag424.url_template import UrlTemplate
from ntag424.verifier import Verifier
from ntag424.verifier_set import VerifierSet

if TYPE_CHECKING:
    from ntag424.bulk import verify_many
    from ntag424.diagnosis import explain

__all__ = [
    "CountedTap",
    "Generation",
    "Key",
    "KeyState",
    "KeyVersion",
    "Keyring",
    "MalformedTapError",
    "Mode",
    "Ntag424Error",
    "TamperStatus",
    "TapMacError",
    "Uid",
    "UncountedTapError",
    "UrlTemplate",
    "VerificationError",
    "VerifiedTap",
    "Verifier",
    "VerifierSet",
    "explain",
    "verify_many",
]

# What verifying one tap does not need is loaded by whoever asks for it.
_LATER = {"explain": "ntag424.diagnosis", "verify_many": "ntag424.bulk"}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
