"""What the tests of the simulated tag share: settings by hand, and one way to read it."""

from __future__ import annotations

from Crypto.Cipher import AES

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag import _lrp

#: The bits of SDMOptions, and UID and counter together as most tags have them.
UID, COUNTER, LIMIT, ENC, TAMPER, ASCII = 0x80, 0x40, 0x20, 0x10, 0x08, 0x01
BOTH = UID | COUNTER | ASCII

APPLICATION = CommandApdu(0xA4, bytes.fromhex("D2760000850101"), cla=0x00, p1=0x04, p2=0x0C)
READ_NDEF = CommandApdu(0xAD, bytes.fromhex("02 000000 000000"))


def block(options, rights, *items):
    """FileOption and AccessRights that are fine, then an SDM block made by hand."""
    fixed = bytes.fromhex("4000E0") + bytes([options]) + bytes.fromhex(rights)
    return fixed + b"".join(item.to_bytes(3, "little") for item in items)


def read(tag):
    """Read the whole NDEF file without leaving the field, as a run of its own."""
    assert tag.transmit(APPLICATION).status == Status.ISO_OK
    answer = tag.transmit(READ_NDEF)
    assert answer.status == Status.OK
    return answer.data


def hexed(value):
    return value.hex().upper().encode("ascii")


def lricb_decrypt(key, counter, encrypted):
    """Undo LRICB block by block, with the counter kept as a number."""
    first = int.from_bytes(counter, "big")
    plain = b""
    for index in range(len(encrypted) // 16):
        step = (first + index) % 256 ** len(counter)
        block_key = _lrp.evaluate(key, step.to_bytes(len(counter), "big"))
        cipher = AES.new(block_key, AES.MODE_ECB)
        plain += cipher.decrypt(encrypted[16 * index : 16 * index + 16])
    return plain


def times_x(block, power):
    """Multiply by x ** power, bit by bit modulo x^128 + x^7 + x^2 + x + 1."""
    product = int.from_bytes(block, "big") << power
    for bit in reversed(range(128, 128 + power)):
        if product >> bit & 1:
            product ^= (1 << 128 | 0x87) << (bit - 128)
    return product


def reworded_cmac(key, message):
    """Do RFC 4493 over the padded message, as numbers: the mask joins the last block."""
    complete = bool(message) and len(message) % 16 == 0
    padded = message if complete else message + b"\x80" + bytes(-(len(message) + 1) % 16)
    blocks = [int.from_bytes(padded[at : at + 16], "big") for at in range(0, len(padded), 16)]
    blocks[-1] ^= times_x(_lrp.evaluate(key, bytes(16)), 1 if complete else 2)
    state = bytes(16)
    for number in blocks:
        state = _lrp.evaluate(key, (int.from_bytes(state, "big") ^ number).to_bytes(16, "big"))
    return state
