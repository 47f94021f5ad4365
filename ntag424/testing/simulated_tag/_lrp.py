"""Leakage Resilient Primitive, the cipher of a tag in LRP mode (NT4H2421Gx §9.2, AN12304).

Written plainly from the definitions, with single AES blocks of pycryptodome and
no tables kept between calls, so that it shares nothing with the library's own LRP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from Crypto.Cipher import AES

BLOCK = 16
_ZERO, _FIVES, _TENS = bytes(BLOCK), b"\x55" * BLOCK, b"\xaa" * BLOCK
#: What x^128 leaves in GF(2^128): the constant of RFC 4493 §2.3.
_REDUCTION = 0x87


@dataclass(frozen=True, slots=True)
class LrpKey:
    """What an LRP key is: 16 secret plaintexts and one updated key, 16 bytes each."""

    plaintexts: tuple[bytes, ...] = field(repr=False)
    updated_key: bytes = field(repr=False)

    @classmethod
    def base(cls, key: bytes) -> Self:
        """Make the LRP key of a 16-byte AppKey, which is used with updated key 0."""
        return cls(plaintexts(key), updated_keys(key, 1)[0])


def plaintexts(key: bytes) -> tuple[bytes, ...]:
    """Generate the 16 secret plaintexts of a 16-byte *key*, one for each nibble."""
    return tuple(_chain(_encrypt(key, _FIVES), 16))


def updated_keys(key: bytes, count: int) -> tuple[bytes, ...]:
    """Generate the first *count* updated keys, 16 bytes each, of a 16-byte *key*."""
    return tuple(_chain(_encrypt(key, _TENS), count))


def _chain(state: bytes, count: int) -> Iterator[bytes]:
    """Yield one value of each state; plaintexts and updated keys differ in the first only."""
    for _ in range(count):
        yield _encrypt(state, _TENS)
        state = _encrypt(state, _FIVES)


def evaluate(key: LrpKey, message: bytes) -> bytes:
    """Evaluate LRP on *message*, high nibble first, with the final step: 16 bytes."""
    state = key.updated_key
    for octet in message:
        for nibble in (octet >> 4, octet & 0xF):
            state = _encrypt(state, key.plaintexts[nibble])
    return _encrypt(state, _ZERO)


def cmac(key: LrpKey, message: bytes) -> bytes:
    """Compute the whole 16-byte CMAC_LRP: RFC 4493 with `evaluate` as block cipher."""
    whole_blocks = max(len(message) - 1, 0) // BLOCK * BLOCK
    last = message[whole_blocks:]
    mask = _double(evaluate(key, _ZERO))
    if len(last) < BLOCK:
        mask = _double(mask)
        last = (last + b"\x80").ljust(BLOCK, b"\0")
    state = _ZERO
    for start in range(0, whole_blocks, BLOCK):
        state = evaluate(key, _xor(state, message[start : start + BLOCK]))
    return evaluate(key, _xor(_xor(state, last), mask))


def encrypt(key: LrpKey, counter: bytes, plain: bytes) -> bytes:
    """Encrypt with LRICB: n * 16 bytes to as many, without padding.

    *counter* is that of the first block; it steps as one big-endian number of
    its own length, which wraps.
    """
    blocks = _with_block_keys(key, counter, plain)
    return b"".join(_encrypt(block_key, block) for block_key, block in blocks)


def decrypt(key: LrpKey, counter: bytes, encrypted: bytes) -> bytes:
    """Undo `encrypt`, from the same *counter* on."""
    blocks = _with_block_keys(key, counter, encrypted)
    return b"".join(AES.new(block_key, AES.MODE_ECB).decrypt(block) for block_key, block in blocks)


def _with_block_keys(key: LrpKey, counter: bytes, message: bytes) -> Iterator[tuple[bytes, bytes]]:
    first, size = int.from_bytes(counter, "big"), len(counter)
    for index in range(len(message) // BLOCK):
        step = (first + index) % (1 << 8 * size)
        block_key = evaluate(key, step.to_bytes(size, "big"))
        yield block_key, message[index * BLOCK : (index + 1) * BLOCK]


def _encrypt(key: bytes, block: bytes) -> bytes:
    return AES.new(key, AES.MODE_ECB).encrypt(block)


def _double(block: bytes) -> bytes:
    """Multiply by x in GF(2^128)."""
    carry, doubled = divmod(int.from_bytes(block, "big") << 1, 1 << 128)
    return (doubled ^ _REDUCTION * carry).to_bytes(BLOCK, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
