"""AES-128 by pycryptodome. The backend that is always there."""

from __future__ import annotations

from functools import partial

from Crypto.Cipher import AES

from ntag424.crypto import _cmac
from ntag424.crypto._interface import BlockFunction, MacFunction


def encrypt_blocks(key: bytes, blocks: bytes) -> bytes:
    """See `Backend.encrypt_blocks`. Whoever calls it has keys of 16 bytes."""
    return AES.new(key, AES.MODE_ECB).encrypt(blocks)


def ecb_encryptor(key: bytes) -> BlockFunction:
    """See `Backend.ecb_encryptor`."""
    return AES.new(_aes128(key), AES.MODE_ECB).encrypt


def ecb_decryptor(key: bytes) -> BlockFunction:
    """See `Backend.ecb_decryptor`."""
    return AES.new(_aes128(key), AES.MODE_ECB).decrypt


def cbc_encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """See `Backend.cbc_encrypt`."""
    return AES.new(_aes128(key), AES.MODE_CBC, iv=iv).encrypt(plaintext)


def cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """See `Backend.cbc_decrypt`."""
    return AES.new(_aes128(key), AES.MODE_CBC, iv=iv).decrypt(ciphertext)


def cmac(key: bytes, message: bytes) -> bytes:
    """See `Backend.cmac`."""
    return cmac_function(key)(message)


def cmac_function(key: bytes) -> MacFunction:
    """See `Backend.cmac_function`.

    `Crypto.Hash.CMAC` builds several cipher objects per message and costs three
    times as much, so the mode is ours and only the block cipher is theirs.
    """
    encrypt = ecb_encryptor(key)
    return partial(_cmac.compute, encrypt, *_cmac.subkeys(encrypt))


def _aes128(key: bytes) -> bytes:
    """Refuse AES-192 and AES-256, which pycryptodome would take for the same call."""
    if len(key) != 16:
        raise ValueError(f"an AES-128 key has 16 bytes, not {len(key)}")
    return key
