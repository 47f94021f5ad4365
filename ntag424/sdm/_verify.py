"""SDMMAC verification in AES mode (NT4H2421Gx §9.3, AN12196 §3.4)."""

from __future__ import annotations

import hmac

from ntag424.crypto import aes_cmac
from ntag424.errors import TapMacError
from ntag424.keys import Keyring, KeyScheme
from ntag424.model import Generation, Uid
from ntag424.sdm._message import TapMessage
from ntag424.sdm._tap import VerifiedTap

# SV2 in front of UID and counter (NT4H2421Gx §9.3.9.2).
_SESSION_MAC_LABEL = bytes.fromhex("3CC300010080")
# PICCDataTag: UID (7 bytes) and read counter mirrored (NT4H2421Gx §9.3.4).
_UID_AND_COUNTER = 0xC7
_NO_KEYRING = Generation()


def verify(
    message: TapMessage, keys: KeyScheme, *, generation: Generation = _NO_KEYRING
) -> VerifiedTap:
    """Check *message* against the keys of one scheme.

    *generation* says under which key version the scheme is known and which epoch
    the tag is in; the scheme derives the tag's key for that epoch.

    Raises:
        TapMacError: the MAC does not hold.
        ValueError: the scheme has no such epoch, or no meta-read key for PICCData.

    """
    plausible, identity = _identity(message, keys)
    key = keys.tag_key(identity[:7], keys.file_read_number, generation.epoch)
    session_key = aes_cmac(bytes(key), _SESSION_MAC_LABEL + identity)
    # Of the CMAC, the odd-numbered bytes travel (NT4H2421Gx §9.1.3).
    mac = aes_cmac(session_key, message.mac_input)[1::2]
    # No short cut for implausible PICCData: both failures take the same time.
    if not hmac.compare_digest(mac, message.mac) & plausible:
        raise TapMacError
    return VerifiedTap(Uid(identity[:7]), int.from_bytes(identity[7:], "little"), generation)


def verify_any(message: TapMessage, keyring: Keyring) -> VerifiedTap:
    """Check *message* against every accepted version of *keyring*, at epoch 0.

    All of them are always computed, so the time does not tell which one matched.

    Raises:
        TapMacError: none confirms it.
        ValueError: the keyring has too many candidates, or one without a meta-read
            key for PICCData.

    """
    found = [
        _verified_by(message, version.scheme, version.ordinal) for version in keyring.candidates
    ]
    for tap in found:
        if tap is not None:
            return tap
    raise TapMacError


def _verified_by(message: TapMessage, scheme: KeyScheme, ordinal: int) -> VerifiedTap | None:
    try:
        return verify(message, scheme, generation=Generation(ordinal))
    except TapMacError:
        return None


def _identity(message: TapMessage, keys: KeyScheme) -> tuple[bool, bytes]:
    """Return whether the message is plausible, and UID (7) || read counter (3, LSB first)."""
    if message.picc_data is None:
        return True, message.plain_identity
    # One block under a zero IV: CBC is ECB.
    plain = keys.meta_read_key().aes.decrypt(message.picc_data)
    return plain[0] == _UID_AND_COUNTER, plain[1:11]
