"""Verify the taps of NTAG 424 DNA tags (NXP NT4H2421Gx).

The front door: what most programs need. One level down lie `ntag424.sdm` (message
parts), `ntag424.keys` (key schemes), `ntag424.replay` (ledgers that accept a tap
once), `ntag424.crypto` and `ntag424.testing` (a simulated tag).
"""

from ntag424.bulk import verify_many
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
    "verify_many",
]
