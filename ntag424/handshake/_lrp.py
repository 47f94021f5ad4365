"""AuthenticateLRP (NT4H2421Gx §9.2.5 to §9.2.7)."""

from __future__ import annotations

import hmac

from ntag424.crypto import Lrp
from ntag424.errors import ProtocolError
from ntag424.flow import Flow
from ntag424.handshake._parts import LRP_CAPABILITIES, Challenge, core, second_part
from ntag424.secure_channel import LrpChannel, SecureChannel

_PREFIX, _LABEL = bytes.fromhex("00010080"), bytes.fromhex("9669")
#: What the answer to part 1 begins with.
LRP_MARK = 0x01
_LRP_BIT = 0x02
_BLOCK = 16
_FIRST_COUNTER = bytes(4)


def answer_first(challenge: Challenge) -> Flow[LrpChannel]:
    """Prove the key, and begin a transaction.

    The tag's second answer is PICCData (16) || CMAC_LRP (16) over RndB || RndA || PICCData;
    PICCData is TI (4) || PDCap2 (6) || PCDCap2 (6) in LRICB with EncCtr 0.
    """
    rnd_b = _rnd_b(challenge)
    keys = _session_keys(challenge, rnd_b)
    answer = yield from _proven(challenge, keys[0], rnd_b, 2 * _BLOCK)
    sealed, mac = answer[:_BLOCK], answer[_BLOCK:]
    _require(mac, keys[0].cmac(rnd_b + challenge.rnd_a + sealed))
    opened = keys[1].decrypt(_FIRST_COUNTER, sealed)
    if not opened[4] & _LRP_BIT or opened[10:] != LRP_CAPABILITIES.ljust(6, b"\0"):
        raise ProtocolError("the tag's capabilities are not those of LRP mode")
    return LrpChannel(challenge.key_number, opened[:4], session_keys=keys, encryption_counter=1)


def answer_non_first(challenge: Challenge, before: SecureChannel) -> Flow[LrpChannel]:
    """Prove a key inside the transaction of *before*, which ends.

    The tag's second answer is CMAC_LRP (16) over RndB || RndA.
    """
    rnd_b = _rnd_b(challenge)
    keys = _session_keys(challenge, rnd_b)
    answer = yield from _proven(challenge, keys[0], rnd_b, _BLOCK)
    _require(answer, keys[0].cmac(rnd_b + challenge.rnd_a))
    return LrpChannel(
        challenge.key_number,
        before.transaction_id,
        session_keys=keys,
        command_counter=before.command_counter,
    )


def _rnd_b(challenge: Challenge) -> bytes:
    if len(challenge.answer) != 1 + _BLOCK or challenge.answer[0] != LRP_MARK:
        raise ProtocolError("the tag's challenge is not one in LRP mode")
    return challenge.answer[1:]


def _proven(challenge: Challenge, for_mac: Lrp, rnd_b: bytes, length: int) -> Flow[bytes]:
    """Send RndA || CMAC_LRP over RndA || RndB, and take an answer of *length* bytes."""
    rnd_a = challenge.rnd_a
    answer = yield from second_part(challenge, rnd_a + for_mac.cmac(rnd_a + rnd_b))
    if len(answer) != length:
        raise ProtocolError(f"the tag's proof has {len(answer)} bytes, not {length}")
    return answer


def _require(received: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(received, expected):
        raise ProtocolError("the tag did not prove that it knows the key")


def _session_keys(challenge: Challenge, rnd_b: bytes) -> tuple[Lrp, Lrp]:
    vector = _PREFIX + core(challenge.rnd_a, rnd_b) + _LABEL
    return Lrp.pair(challenge.key.lrp.cmac(vector))
