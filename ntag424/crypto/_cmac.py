"""AES-CMAC over a block function (RFC 4493), blocks as 128-bit integers."""

from __future__ import annotations

from ntag424.crypto._interface import BlockFunction

BLOCK = 16
_MASK = (1 << 128) - 1


def double(block: int) -> int:
    """Multiply by x in GF(2^128), without a branch on the secret top bit (RFC 4493 §2.3)."""
    return ((block << 1) & _MASK) ^ ((block >> 127) * 0x87)


def subkeys(encrypt: BlockFunction) -> tuple[int, int]:
    """Derive K1 and K2 from the block cipher (RFC 4493 §2.3)."""
    k1 = double(int.from_bytes(encrypt(bytes(BLOCK)), "big"))
    return k1, double(k1)


def pad(tail: bytes) -> bytes:
    """Fill *tail*, 0 to 15 bytes, up to one block with 80h and zeros."""
    return (tail + b"\x80").ljust(BLOCK, b"\x00")


def compute(encrypt: BlockFunction, k1: int, k2: int, message: bytes) -> bytes:
    """Chain *message* through the block cipher (RFC 4493 §2.4), 16 bytes."""
    whole = max(len(message) - 1, 0) // BLOCK * BLOCK
    state = 0
    for start in range(0, whole, BLOCK):
        state ^= int.from_bytes(message[start : start + BLOCK], "big")
        state = int.from_bytes(encrypt(state.to_bytes(BLOCK, "big")), "big")
    tail = message[whole:]
    if len(tail) == BLOCK:
        state ^= int.from_bytes(tail, "big") ^ k1
    else:
        state ^= int.from_bytes(pad(tail), "big") ^ k2
    return encrypt(state.to_bytes(BLOCK, "big"))
