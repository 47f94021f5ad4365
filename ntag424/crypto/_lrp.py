"""The leakage-resilient primitive: AES-128 under a key that changes with every nibble.

From AN12304, with nibbles of 4 bits as the tag has them. All blocks are 16 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Self

from ntag424.crypto import _cmac
from ntag424.crypto._aes128 import aes_ecb_decrypt
from ntag424.crypto._backend import backend

_UPPER, _LOWER = b"\x55" * _cmac.BLOCK, b"\xaa" * _cmac.BLOCK
_ZERO = bytes(_cmac.BLOCK)


class Lrp:
    """A table of sixteen plaintexts and a key to walk it with (AN12304 §2.2).

    The table takes seventeen key schedules and every block thirty-three, so an object
    for a shared key is worth keeping. Instances may be shared by threads.
    """

    def __init__(self, plaintexts: Sequence[bytes], updated_key: bytes) -> None:
        self._plaintexts = tuple(plaintexts)
        self._key = updated_key

    @classmethod
    def of(cls, key: bytes) -> Self:
        """Make the object of updated key 0: what a tag does with an application key."""
        table, (updated_key, _) = _draw(key)
        return cls(table, updated_key)

    @classmethod
    def pair(cls, key: bytes) -> tuple[Self, Self]:
        """Make the objects of updated keys 0 and 1: of a session key, for MAC and encryption."""
        table, (updated_key, secret) = _draw(key)
        return cls(table, updated_key), cls(table, _step(secret)[0])

    def cmac(self, message: bytes) -> bytes:
        """Compute CMAC_LRP, 16 bytes: RFC 4493 with this object in place of AES."""
        return _cmac.compute(self.evaluate, *self._subkeys, message)

    def encrypt(self, counter: bytes, plaintext: bytes) -> bytes:
        """Encrypt whole blocks as LRICB, counting up from *counter* (AN12304 §2.4).

        The counter is big-endian, keeps its length, and wraps.
        """
        return b"".join(
            backend.encrypt_blocks(key, block) for key, block in self._blocks(counter, plaintext)
        )

    def decrypt(self, counter: bytes, ciphertext: bytes) -> bytes:
        """Undo `encrypt`."""
        return b"".join(
            aes_ecb_decrypt(key, block) for key, block in self._blocks(counter, ciphertext)
        )

    def evaluate(self, counter: bytes) -> bytes:
        """Walk the nibbles of *counter*, then finish: 16 bytes (AN12304 algorithm 3)."""
        encrypt, table, key = backend.encrypt_blocks, self._plaintexts, self._key
        for octet in counter:
            key = encrypt(encrypt(key, table[octet >> 4]), table[octet & 0xF])
        return encrypt(key, _ZERO)

    @cached_property
    def _subkeys(self) -> tuple[int, int]:
        return _cmac.subkeys(self.evaluate)

    def _blocks(self, counter: bytes, blocks: bytes) -> list[tuple[bytes, bytes]]:
        """Pair every block with the key it is encrypted under."""
        if len(blocks) % _cmac.BLOCK:
            raise ValueError("LRICB takes whole blocks of 16 bytes")
        start, size = int.from_bytes(counter, "big"), len(counter)
        numbers = range(start, start + len(blocks) // _cmac.BLOCK)
        return [
            (
                self.evaluate((number % (1 << 8 * size)).to_bytes(size, "big")),
                blocks[index * _cmac.BLOCK : (index + 1) * _cmac.BLOCK],
            )
            for index, number in enumerate(numbers)
        ]


def _draw(key: bytes) -> tuple[list[bytes], tuple[bytes, bytes]]:
    """Draw sixteen plaintexts out of *key*, and the first step towards its updated keys."""
    if len(key) != _cmac.BLOCK:
        raise ValueError(f"an LRP key has 16 bytes, not {len(key)}")
    for_keys, secret = _step(key)
    table = []
    for _ in range(16):
        plaintext, secret = _step(secret)
        table.append(plaintext)
    return table, _step(for_keys)


def _step(secret: bytes) -> tuple[bytes, bytes]:
    """Give what *secret* yields and the secret of the next step (AN12304 algorithms 1 and 2)."""
    both = backend.encrypt_blocks(secret, _LOWER + _UPPER)
    return both[: _cmac.BLOCK], both[_cmac.BLOCK :]
