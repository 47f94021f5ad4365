"""AES-128 as the rest of the library uses it: plain functions, and a key made ready."""

from __future__ import annotations

from functools import cached_property

from ntag424.crypto import _cmac
from ntag424.crypto._backend import backend
from ntag424.crypto._interface import BlockFunction, MacFunction

aes_cbc_encrypt = backend.cbc_encrypt
aes_cbc_decrypt = backend.cbc_decrypt
aes_cmac = backend.cmac


def aes_ecb_encrypt(key: bytes, blocks: bytes) -> bytes:
    """Encrypt independent 16-byte *blocks* under *key* (FIPS 197)."""
    return backend.ecb_encryptor(key)(blocks)


def aes_ecb_decrypt(key: bytes, blocks: bytes) -> bytes:
    """Decrypt independent 16-byte *blocks* under *key* (FIPS 197)."""
    return backend.ecb_decryptor(key)(blocks)


class Aes128:
    """A key that is used again and again: its schedule and subkeys are computed once.

    Worth it for a master key or a shared meta-read key; for a key that is used
    once, call the functions of this package. Instances may be shared by threads.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _cmac.BLOCK:
            raise ValueError(f"an AES-128 key has 16 bytes, not {len(key)}")
        self._key = key

    @cached_property
    def encrypt(self) -> BlockFunction:
        """Encrypt independent 16-byte blocks."""
        return backend.ecb_encryptor(self._key)

    @cached_property
    def decrypt(self) -> BlockFunction:
        """Decrypt independent 16-byte blocks."""
        return backend.ecb_decryptor(self._key)

    @cached_property
    def cmac(self) -> MacFunction:
        """Compute the AES-CMAC of a message, 16 bytes (RFC 4493)."""
        return backend.cmac_function(self._key)

    def an10922(self, diversification_input: bytes) -> bytes:
        """Diversify this key, 16 bytes (AN10922 §2.2).

        The input, 1 to 31 bytes, is always brought to two blocks. From 16 bytes
        on that equals `cmac(01h || input)`; below it does not, because a CMAC
        would use one block.
        """
        if not 1 <= len(diversification_input) <= 31:
            raise ValueError("AN10922 takes 1 to 31 bytes of diversification input")
        message = b"\x01" + diversification_input
        if len(message) > _cmac.BLOCK:
            return self.cmac(message)
        first, last = message, self._last_of_whole
        if len(message) < _cmac.BLOCK:
            first, last = _cmac.pad(message), self._k2
        chained = int.from_bytes(self.encrypt(first), "big") ^ last
        return self.encrypt(chained.to_bytes(_cmac.BLOCK, "big"))

    @cached_property
    def _k2(self) -> int:
        return _cmac.subkeys(self.encrypt)[1]

    @cached_property
    def _last_of_whole(self) -> int:
        """The second block where the first one is full: nothing but padding, and K2."""
        return int.from_bytes(_cmac.pad(b""), "big") ^ self._k2
