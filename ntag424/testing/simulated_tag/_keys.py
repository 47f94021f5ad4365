"""ChangeKey and GetKeyVersion (NT4H2421Gx §10.6)."""

from __future__ import annotations

import zlib

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._memory import KEY_LENGTH, AppKey
from ntag424.testing.simulated_tag._native import (
    DONE,
    NativeCommand,
    Reply,
    Request,
    always,
    with_key_0,
)
from ntag424.testing.simulated_tag._refusal import RefusedError

_MASTER_KEY = 0
_CRC = 4


def _existing_key_with_key_0(card: Card, header: bytes) -> CommMode:
    card.key(header[0])
    return with_key_0(card, header)


def _change_key(card: Card, request: Request) -> Reply:
    number = request.header[0]
    if number == _MASTER_KEY:
        key = _own_key(request.data)
    else:
        key = _other_key(request.data, card.key(number).value)
    # A new value without failures: this is also how a locked key is unlocked.
    card.memory = card.memory.with_key(number, key)
    return Reply(ends_session=True) if number == _MASTER_KEY else DONE


def _own_key(data: bytes) -> AppKey:
    """Read NewKey (16) || KeyVer (1)."""
    if len(data) != KEY_LENGTH + 1:
        raise RefusedError(Status.LENGTH_ERROR)
    return AppKey(data[:KEY_LENGTH], data[KEY_LENGTH])


def _other_key(data: bytes, old: bytes) -> AppKey:
    """Read NewKey xor OldKey (16) || KeyVer (1) || CRC32NK (4 LE)."""
    if len(data) != KEY_LENGTH + 1 + _CRC:
        raise RefusedError(Status.LENGTH_ERROR)
    new = bytes(a ^ b for a, b in zip(data[:KEY_LENGTH], old, strict=True))
    # The CRC-32 of IEEE 802.3, but without the inversion at its end.
    if (zlib.crc32(new) ^ 0xFFFFFFFF).to_bytes(_CRC, "little") != data[-_CRC:]:
        raise RefusedError(Status.INTEGRITY_ERROR)
    return AppKey(new, data[KEY_LENGTH])


def _get_key_version(card: Card, request: Request) -> Reply:
    return Reply(bytes([card.key(request.header[0]).version]))


CHANGE_KEY = NativeCommand(
    1, _existing_key_with_key_0, _change_key, has_data=True, secured_as=CommMode.FULL
)
GET_KEY_VERSION = NativeCommand(1, always(CommMode.MAC), _get_key_version, secured_as=CommMode.MAC)
