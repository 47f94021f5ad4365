"""Mirroring: the NDEF file as the tag delivers it (NT4H2421Gx §9.3.4 to §9.3.8).

CMAC and AES come straight from pycryptodome, so that the tag vouches for the
library's own ciphers instead of sharing them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424.testing.simulated_tag._sdm_model import EncryptedMirror, PlainMirror, Sdm, SecuredRead

_ENC_LABEL = bytes.fromhex("C33C00010080")
_MAC_LABEL = bytes.fromhex("3CC300010080")
_TAG_UID, _TAG_COUNTER = 0x80, 0x40
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """What a tag puts into its mirrors: 7-byte UID, five AppKeys, its random source."""

    uid: bytes
    keys: Sequence[bytes] = field(repr=False)
    random_bytes: Callable[[int], bytes] = field(repr=False)


def mirrored(file: bytes, sdm: Sdm, identity: Identity, read_counter: int) -> bytes:
    """Replace every placeholder that *sdm* names in *file*, and keep the length.

    Draws PICCData padding once if PICCData is mirrored.
    """
    content = bytearray(file)
    if isinstance(sdm.mirror, PlainMirror):
        _mirror_plain(content, sdm.mirror, identity.uid, read_counter)
    elif sdm.mirror is not None:
        _put(content, sdm.mirror.offset, _picc_data(sdm.mirror, identity, read_counter))
    if sdm.secured is not None:
        _mirror_secured(content, sdm.secured, sdm.mirror, identity, read_counter)
    return bytes(content)


def _put(content: bytearray, offset: int, value: bytes) -> None:
    """Write *value* as upper-case hex characters."""
    content[offset : offset + 2 * len(value)] = value.hex().upper().encode("ascii")


def _mirror_plain(content: bytearray, plain: PlainMirror, uid: bytes, read_counter: int) -> None:
    if plain.uid_offset is not None:
        _put(content, plain.uid_offset, uid)
    if plain.counter_offset is not None:
        # The one place where the counter goes most significant byte first.
        _put(content, plain.counter_offset, read_counter.to_bytes(3, "big"))


def _picc_data(picc: EncryptedMirror, identity: Identity, read_counter: int) -> bytes:
    """CBC, zero IV, over tag (1) [|| UID (7)] [|| SDMReadCtr (3 LE)] || random, 16 bytes."""
    plain = bytes([_TAG_COUNTER if picc.with_counter else 0])
    if picc.with_uid:
        plain = bytes([plain[0] | _TAG_UID | len(identity.uid)]) + identity.uid
    if picc.with_counter:
        plain += read_counter.to_bytes(3, "little")
    padding = identity.random_bytes(_BLOCK - len(plain))
    if len(plain) + len(padding) != _BLOCK:
        raise ValueError(f"random_bytes({_BLOCK - len(plain)}) gave {len(padding)} bytes")
    cipher = AES.new(identity.keys[picc.key_number], AES.MODE_CBC, iv=bytes(_BLOCK))
    return cipher.encrypt(plain + padding)


def _mirror_secured(
    content: bytearray,
    secured: SecuredRead,
    mirror: PlainMirror | EncryptedMirror | None,
    identity: Identity,
    read_counter: int,
) -> None:
    key = identity.keys[secured.key_number]
    counter = read_counter.to_bytes(3, "little")
    if secured.encrypted is not None:
        start = secured.encrypted.offset
        plain = bytes(content[start : start + secured.encrypted.length // 2])
        enc_key = _cmac(key, _ENC_LABEL + identity.uid + counter)
        _put(content, start, _encrypt_file_data(enc_key, counter, plain))
    shown = identity.uid if mirror is not None and mirror.with_uid else b""
    # A counter that runs but is not shown stays out of the key: the verifier could not know it.
    shown += counter if mirror is not None and mirror.with_counter else b""
    mac_key = _cmac(key, (_MAC_LABEL + shown).ljust(_BLOCK, b"\0"))
    mac = _cmac(mac_key, bytes(content[secured.mac_input_offset : secured.mac_offset]))
    _put(content, secured.mac_offset, mac[1::2])


def _encrypt_file_data(key: bytes, counter: bytes, plain: bytes) -> bytes:
    """CBC without padding; the IV is the counter (3 LE), zero-filled, encrypted."""
    iv = AES.new(key, AES.MODE_ECB).encrypt(counter.ljust(_BLOCK, b"\0"))
    return AES.new(key, AES.MODE_CBC, iv=iv).encrypt(plain)


def _cmac(key: bytes, message: bytes) -> bytes:
    return CMAC.new(key, message, ciphermod=AES).digest()
