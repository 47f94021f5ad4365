"""Key derivation: HKDF-SHA256 (RFC 5869) and AN10922 as plain functions."""

from __future__ import annotations

import hmac

from ntag424.crypto._aes128 import Aes128

_SHA256_BYTES = 32


def an10922(key: bytes, diversification_input: bytes) -> bytes:
    """Diversify *key* with 1 to 31 bytes of input, giving 16 bytes (AN10922 §2.2)."""
    return Aes128(key).an10922(diversification_input)


def hkdf_sha256(ikm: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive *length* bytes, 1 to 8160, from the key material *ikm* (RFC 5869 §2)."""
    if not 1 <= length <= 255 * _SHA256_BYTES:
        raise ValueError("HKDF-SHA256 gives 1 to 8160 bytes")
    pseudorandom_key = hmac.digest(salt, ikm, "sha256")
    output = block = b""
    for number in range(1, -(-length // _SHA256_BYTES) + 1):
        block = hmac.digest(pseudorandom_key, block + info + bytes([number]), "sha256")
        output += block
    return output[:length]
