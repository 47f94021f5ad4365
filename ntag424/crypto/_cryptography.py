"""AES-128 by `cryptography` (OpenSSL). The quick backend."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from ntag424.crypto._interface import BlockFunction, MacFunction

_ECB = ECB()  # noqa: S305  single blocks under random keys: what AES-CMAC is made of


def encrypt_blocks(key: bytes, blocks: bytes) -> bytes:
    """See `Backend.encrypt_blocks`."""
    return Cipher(AES128(key), _ECB).encryptor().update(blocks)


def ecb_encryptor(key: bytes) -> BlockFunction:
    """See `Backend.ecb_encryptor`."""
    return _whole_blocks(Cipher(AES128(key), _ECB).encryptor().update)


def ecb_decryptor(key: bytes) -> BlockFunction:
    """See `Backend.ecb_decryptor`."""
    return _whole_blocks(Cipher(AES128(key), _ECB).decryptor().update)


def _whole_blocks(update: BlockFunction) -> BlockFunction:
    # A context keeps part of a block for the next call, which may be another thread's.
    def apply(blocks: bytes) -> bytes:
        if len(blocks) % 16:
            raise ValueError("ECB takes whole blocks of 16 bytes")
        return update(blocks)

    return apply


def cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """See `Backend.cbc_encrypt`."""
    context = Cipher(AES128(key), CBC(iv)).encryptor()
    return context.update(plaintext) + context.finalize()


def cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """See `Backend.cbc_decrypt`."""
    context = Cipher(AES128(key), CBC(iv)).decryptor()
    return context.update(ciphertext) + context.finalize()


def cmac(key: bytes, message: bytes) -> bytes:
    """See `Backend.cmac`."""
    context = CMAC(AES128(key))
    context.update(message)
    return context.finalize()


def cmac_function(key: bytes) -> MacFunction:
    """See `Backend.cmac_function`. The key schedule and subkeys live in *fresh*."""
    fresh = CMAC(AES128(key))

    def compute(message: bytes) -> bytes:
        context = fresh.copy()
        context.update(message)
        return context.finalize()

    return compute
