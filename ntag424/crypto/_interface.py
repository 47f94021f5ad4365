"""What a backend offers: AES-128 in ECB, CBC and CMAC, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

#: Whole blocks in, as many blocks out; may be called any number of times.
BlockFunction: TypeAlias = Callable[[bytes], bytes]
#: A message of any length in, 16 bytes out; may be called any number of times.
MacFunction: TypeAlias = Callable[[bytes], bytes]


class Backend(Protocol):
    """AES-128 by one library. Keys and IVs are 16 bytes, data whole blocks."""

    def encrypt_blocks(self, key: bytes, blocks: bytes) -> bytes:
        """Encrypt independent blocks under a *key*, 16 bytes, that is used once."""
        ...

    def ecb_encryptor(self, key: bytes) -> BlockFunction:
        """Return a function that encrypts independent blocks under *key*."""
        ...

    def ecb_decryptor(self, key: bytes) -> BlockFunction:
        """Return a function that decrypts independent blocks under *key*."""
        ...

    def cbc_encrypt(self, key: bytes, iv: bytes, plaintext: bytes) -> bytes:
        """Encrypt one CBC message; no padding is added."""
        ...

    def cbc_decrypt(self, key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
        """Decrypt one CBC message; no padding is removed."""
        ...

    def cmac(self, key: bytes, message: bytes) -> bytes:
        """Compute the AES-CMAC (RFC 4493) of *message*, for a key that is used once."""
        ...

    def cmac_function(self, key: bytes) -> MacFunction:
        """Return a function that computes AES-CMACs under *key*, for one used again."""
        ...
