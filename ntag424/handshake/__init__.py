"""Authentication: conversations that end in a secure channel (NT4H2421Gx §9.1.5, §9.2.5).

A wrong key costs the tag's key one failed authentication, an abandoned one too; fifty
in a row bring delays, a thousand lock the key for good. Never try keys at random.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from ntag424.arguments import require_type
from ntag424.commands import require_key
from ntag424.errors import AuthenticationDelayError, ProtocolError, SessionEndedError
from ntag424.flow import Flow
from ntag424.handshake import _aes, _lrp
from ntag424.handshake._parts import LRP_CAPABILITIES, Challenge, drawn, first_part
from ntag424.model import Key, Mode
from ntag424.secure_channel import SecureChannel

__all__ = ["authenticate_first", "authenticate_non_first"]

_FIRST, _NON_FIRST = 0x71, 0x77
_NAMES = {Mode.AES: "AuthenticateEV2", Mode.LRP: "AuthenticateLRP"}
_LRP_ANSWER = 17


def authenticate_first(
    key_number: int,
    key: Key,
    *,
    mode: Mode | None = None,
    patience: int = 0,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Flow[SecureChannel]:
    """Prove that host and tag both know *key*, and begin a transaction.

    Without a *mode* the tag is asked for LRP, which one in AES mode answers in AES:
    finding out costs nothing. *patience* is how many times a tag that makes its host
    wait (91AD) is asked again; each answer takes it some 25 ms. *random_bytes* gives RndA,
    16 bytes: a test that plays a recording back puts the recorded one there.

    Raises:
        TypeError: at once: *key_number* is no integer, or *key* no `Key`.
        ValueError: at once: there is no such application key; later: RndA has not 16 bytes.
        TagRefusedError: the key is wrong, locked or not there, or the tag is in the
            other mode; `AuthenticationDelayError` if patience did not suffice.
        ProtocolError: the tag did not prove that it knows the key.

    """
    require_key(key_number)
    require_type("key", key, Key)
    return _first(key_number, key, mode, patience, random_bytes)


def _first(
    key_number: int,
    key: Key,
    mode: Mode | None,
    patience: int,
    random_bytes: Callable[[int], bytes],
) -> Flow[SecureChannel]:
    capabilities = b"" if mode is Mode.AES else LRP_CAPABILITIES
    data = bytes((key_number, len(capabilities))) + capabilities
    name = f"{_NAMES[mode or Mode.AES]}First"
    answer = yield from _patiently(name, data, patience)
    challenge = Challenge(name, key_number, key, drawn(random_bytes), answer)
    found = Mode.LRP if len(answer) == _LRP_ANSWER else Mode.AES
    if mode not in (None, found):
        raise ProtocolError(f"the tag is in {found.value.upper()} mode")
    if found is Mode.LRP:
        return (yield from _lrp.answer_first(challenge))
    return (yield from _aes.answer_first(challenge))


def _patiently(name: str, data: bytes, patience: int) -> Flow[bytes]:
    while True:
        try:
            return (yield from first_part(name, _FIRST, data))
        except AuthenticationDelayError:
            if not patience:
                raise
            patience -= 1


def authenticate_non_first(
    channel: SecureChannel,
    key_number: int,
    key: Key,
    *,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Flow[SecureChannel]:
    """Prove another key inside the transaction of *channel*, which ends.

    Transaction id and command counter go on.

    Raises:
        SessionEndedError: *channel* is over already.
        TypeError, ValueError, TagRefusedError, ProtocolError: as for `authenticate_first`.

    """
    require_key(key_number)
    require_type("key", key, Key)
    return _non_first(channel, key_number, key, random_bytes)


def _non_first(
    channel: SecureChannel, key_number: int, key: Key, random_bytes: Callable[[int], bytes]
) -> Flow[SecureChannel]:
    if not channel.is_alive:
        raise SessionEndedError("the authentication is over")
    channel.close()
    name = f"{_NAMES[channel.mode]}NonFirst"
    answer = yield from first_part(name, _NON_FIRST, bytes((key_number,)))
    challenge = Challenge(name, key_number, key, drawn(random_bytes), answer)
    if channel.mode is Mode.LRP:
        return (yield from _lrp.answer_non_first(challenge, channel))
    return (yield from _aes.answer_non_first(challenge, channel))
