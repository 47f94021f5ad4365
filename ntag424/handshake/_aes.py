"""AuthenticateEV2 in AES mode (NT4H2421Gx §9.1.5 to §9.1.7)."""

from __future__ import annotations

import hmac

from ntag424.crypto import aes_cbc_decrypt, aes_cbc_encrypt, aes_cmac
from ntag424.errors import ProtocolError
from ntag424.flow import Flow
from ntag424.handshake._parts import Challenge, core, second_part
from ntag424.secure_channel import AesChannel, SecureChannel

_ZERO_IV = bytes(16)
_ENC_LABEL, _MAC_LABEL = bytes.fromhex("A55A00010080"), bytes.fromhex("5AA500010080")
_SHORT, _LONG = 16, 32


def answer_first(challenge: Challenge) -> Flow[AesChannel]:
    """Prove the key, and begin a transaction.

    The tag's second answer is E(K, TI (4) || RndA' (16) || PDcap2 (6) || PCDcap2 (6)).
    """
    rnd_a, rnd_b = challenge.rnd_a, _rnd_b(challenge)
    opened = yield from _proven(challenge, rnd_a, rnd_b, _LONG)
    transaction_id, echo = opened[:4], opened[4:20]
    _require_echo(echo, rnd_a)
    return _channel(challenge, rnd_b, transaction_id, 0)


def answer_non_first(challenge: Challenge, before: SecureChannel) -> Flow[AesChannel]:
    """Prove a key inside the transaction of *before*, which ends.

    The tag's second answer is E(K, RndA' (16)).
    """
    rnd_a, rnd_b = challenge.rnd_a, _rnd_b(challenge)
    opened = yield from _proven(challenge, rnd_a, rnd_b, _SHORT)
    _require_echo(opened, rnd_a)
    return _channel(challenge, rnd_b, before.transaction_id, before.command_counter)


def _rnd_b(challenge: Challenge) -> bytes:
    if len(challenge.answer) != _SHORT:
        raise ProtocolError("the tag's challenge has not the length of one in AES mode")
    return aes_cbc_decrypt(bytes(challenge.key), _ZERO_IV, challenge.answer)


def _proven(challenge: Challenge, rnd_a: bytes, rnd_b: bytes, length: int) -> Flow[bytes]:
    """Send E(K, RndA || RndB') and decrypt the answer, which has *length* bytes."""
    key = bytes(challenge.key)
    answer = yield from second_part(
        challenge, aes_cbc_encrypt(key, _ZERO_IV, rnd_a + _rotated(rnd_b))
    )
    if len(answer) != length:
        raise ProtocolError(f"the tag's proof has {len(answer)} bytes, not {length}")
    return aes_cbc_decrypt(key, _ZERO_IV, answer)


def _require_echo(echo: bytes, rnd_a: bytes) -> None:
    if not hmac.compare_digest(echo, _rotated(rnd_a)):
        raise ProtocolError("the tag did not prove that it knows the key")


def _rotated(random: bytes) -> bytes:
    return random[1:] + random[:1]


def _channel(
    challenge: Challenge, rnd_b: bytes, transaction_id: bytes, command_counter: int
) -> AesChannel:
    key, mixed = bytes(challenge.key), core(challenge.rnd_a, rnd_b)
    return AesChannel(
        challenge.key_number,
        transaction_id,
        enc_key=aes_cmac(key, _ENC_LABEL + mixed),
        mac_key=aes_cmac(key, _MAC_LABEL + mixed),
        command_counter=command_counter,
    )
