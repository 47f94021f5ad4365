"""Authentications out of a log: with the application key everything in them can be computed.

RndA is inside part 2, under the key; so are TI and RndA' in the tag's answer to it
(NT4H2421Gx §9.1.5, §9.2.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ntag424.crypto import Lrp, aes_cbc_decrypt, aes_cbc_encrypt, aes_cmac, aes_ecb_decrypt
from ntag424.diagnosis.apdu.crypto import AesKeys, Live, LrpKeys, one_byte_off
from ntag424.diagnosis.apdu.values import Fault, Field, KnownKey, Part
from ntag424.handshake._parts import core

_ZERO_IV = bytes(16)
_ENC_LABEL, _MAC_LABEL = bytes.fromhex("A55A00010080"), bytes.fromhex("5AA500010080")
_LRP_PREFIX, _LRP_LABEL = bytes.fromhex("00010080"), bytes.fromhex("9669")
_LRP_CHALLENGE, _PROOF = 17, 32
_LAST_KEY = 4


@dataclass(frozen=True, slots=True)
class Parts:
    """One authentication, as it was logged, without status words."""

    key_number: int
    is_first: bool
    challenge: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    #: The tag's proof; None where it refused, or nothing was logged.
    answer: bytes | None = field(default=None, repr=False)

    @property
    def is_lrp(self) -> bool:
        """Whether the tag answered in LRP mode."""
        return len(self.challenge) == _LRP_CHALLENGE


@dataclass(frozen=True, slots=True)
class Followed:
    """What an authentication comes to."""

    #: The authentication, if both sides proved the key.
    live: Live | None = field(repr=False)
    fields: tuple[Field, ...] = ()
    faults: tuple[Fault, ...] = ()


def follow(
    parts: Parts, keys: Iterable[KnownKey], before: Live | None, *, is_refused: bool
) -> Followed:
    """Find the key of an authentication, check both proofs, and derive what comes of it.

    *before* is the authentication whose transaction a NonFirst goes on with, *is_refused*
    whether the missing answer is a refusal.
    """
    ordered = sorted(keys, key=lambda known: known.number not in (None, parts.key_number))
    if not ordered:
        return Followed(None)
    length = _length_fault(parts)
    if length is not None:
        return Followed(None, (), (length,))
    attempts = [_attempt(parts, known) for known in ordered]
    best = max(attempts, key=lambda attempt: attempt.rank)
    if not best.rank:
        return Followed(None, (), (_unexplained(parts, ordered),))
    faults = list(best.faults)
    if best.known.number not in (None, parts.key_number) and parts.key_number <= _LAST_KEY:
        text = f"key {parts.key_number} is asked for, and the key of {best.known.name} is used."
        faults.append(Fault(Part.KEY_NUMBER, text))
    if parts.answer is None and is_refused and not faults:
        text = f"the command is right for {best.known.name}: the tag has another key there."
        faults.append(Fault(Part.KEY, text))
    fields = (Field("key", meaning=best.known.name), *best.fields)
    return Followed(best.live(parts, before), fields, tuple(faults))


def _length_fault(parts: Parts) -> Fault | None:
    if len(parts.proof) != _PROOF:
        return Fault(Part.DATA, f"part 2 has {len(parts.proof)} bytes of data, and 32 are due.")
    if len(parts.challenge) not in (16, _LRP_CHALLENGE):
        return Fault(Part.ANSWER_DATA, f"no tag's challenge has {len(parts.challenge)} bytes.")
    due = 32 if parts.is_first else 16
    if parts.answer is not None and len(parts.answer) != due:
        text = f"the tag's proof has {len(parts.answer)} bytes, and {due} are due."
        return Fault(Part.ANSWER_DATA, text)
    return None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An authentication read under one key; *rank* is how many of the two proofs hold."""

    known: KnownKey
    rank: int
    faults: tuple[Fault, ...] = ()
    fields: tuple[Field, ...] = ()
    keys: AesKeys | LrpKeys | None = field(default=None, repr=False)
    transaction_id: bytes | None = None

    def live(self, parts: Parts, before: Live | None) -> Live | None:
        """Give what begins, unless the tag refused, or its TI is not known."""
        refused = parts.answer is None
        tid, counter = self.transaction_id, 0
        if not parts.is_first:
            tid = None if before is None else before.transaction_id
            counter = 0 if before is None else before.command_counter
        if refused or self.keys is None or tid is None:
            return None
        running = int(parts.is_first)
        return Live(self.keys, tid, counter, running, parts.key_number, is_proven=self.rank == 2)


def _attempt(parts: Parts, known: KnownKey) -> _Attempt:
    return _lrp(parts, known) if parts.is_lrp else _aes(parts, known)


# ---- AES ------------------------------------------------------------------------------------


def _aes(parts: Parts, known: KnownKey) -> _Attempt:
    key = bytes(known.key)
    rnd_b = aes_cbc_decrypt(key, _ZERO_IV, parts.challenge)
    opened = aes_cbc_decrypt(key, _ZERO_IV, parts.proof)
    rnd_a, turned = opened[:16], opened[16:]
    mine = None if turned == _left(rnd_b) else _aes_proof_fault(parts, key, rnd_b, opened)
    if mine is not None and mine.part is Part.ANSWER_DATA:
        rnd_b = _right(turned)
    rnd_a = _aes_recovered(parts, key, rnd_a, rnd_b)
    tags, tid = (None, None) if parts.answer is None else _aes_answer(parts, key, rnd_a)
    proves = mine is None or mine.part is not Part.KEY
    tag_proves = parts.answer is not None and (tags is None or tags.part is not Part.KEY)
    if not proves and not tag_proves:
        return _Attempt(known, 0)
    if not proves:
        mine = Fault(Part.DATA, "RndB' in part 2 is not the RndB of the challenge, turned.")
    if tags is not None and tags.part is Part.KEY:
        tags = Fault(Part.ANSWER_DATA, "the tag's proof does not hold, and the host's does.")
    mixed = core(rnd_a, rnd_b)
    keys = AesKeys(aes_cmac(key, _ENC_LABEL + mixed), aes_cmac(key, _MAC_LABEL + mixed))
    found = tuple(fault for fault in (mine, tags) if fault is not None)
    fields = () if tid is None else (Field("TI", tid),)
    return _Attempt(known, int(proves) + int(tag_proves), found, fields, keys, tid)


def _aes_recovered(parts: Parts, key: bytes, rnd_a: bytes, rnd_b: bytes) -> bytes:
    """Give RndA as the tag saw it, where a byte of part 2 was changed afterwards."""
    if parts.answer is None:
        return rnd_a
    at = 4 if parts.is_first else 0
    seen = _right(aes_cbc_decrypt(key, _ZERO_IV, parts.answer)[at : at + 16])
    meant = aes_cbc_encrypt(key, _ZERO_IV, seen + _left(rnd_b))
    return seen if _off(meant, parts.proof) == 1 else rnd_a


def _aes_proof_fault(parts: Parts, key: bytes, rnd_b: bytes, opened: bytes) -> Fault:
    """Say why part 2 does not prove the key; `Part.KEY` where nothing says that it is the key."""
    rnd_a, turned = opened[:16], opened[16:]
    second = aes_ecb_decrypt(key, parts.proof[16:])
    for made, text in (
        (turned == rnd_b, "RndB was not turned: its first byte goes to the end."),
        (
            turned == _right(rnd_b),
            "RndB was turned the wrong way: its first byte goes to the end.",
        ),
        (rnd_a == _left(rnd_b), "RndB' stands before RndA: RndA || RndB' is due."),
        (
            second == _left(rnd_b),
            "each block was encrypted by itself: the two are one message in CBC.",
        ),
    ):
        if made:
            return Fault(Part.DATA, text)
    if _off(aes_cbc_encrypt(key, _ZERO_IV, _right(turned)), parts.challenge) == 1:
        return Fault(Part.ANSWER_DATA, "one byte of the challenge, E(K, RndB), was changed.")
    if _off(turned, _left(rnd_b)) == 1:
        return Fault(Part.DATA, "one byte of the first block of part 2 was changed.")
    due = aes_cbc_encrypt(key, _ZERO_IV, rnd_a + _left(rnd_b))
    if _off(due, parts.proof) == 1:
        return Fault(Part.DATA, "one byte of the second block of part 2 was changed.")
    return Fault(Part.KEY, "")


def _aes_answer(parts: Parts, key: bytes, rnd_a: bytes) -> tuple[Fault | None, bytes | None]:
    """Check the tag's proof; give TI, if there is one and it can be trusted."""
    answer = parts.answer or b""
    opened = aes_cbc_decrypt(key, _ZERO_IV, answer)
    at = 4 if parts.is_first else 0
    if opened[at : at + 16] == _left(rnd_a):
        return None, opened[:4] if parts.is_first else None
    changed = Fault(Part.ANSWER_DATA, "the tag's proof was changed: RndA' in it is not RndA.")
    echo = _left(rnd_a)
    if not parts.is_first:
        near = _off(aes_cbc_encrypt(key, _ZERO_IV, echo), answer) == 1
        return (changed if near else Fault(Part.KEY, "")), None
    if opened[4:16] == echo[:12]:
        return changed, opened[:4]
    # A byte of the first block garbles all of it, and one byte of the second.
    for block in one_byte_off(answer[:16]):
        if aes_cbc_decrypt(key, _ZERO_IV, block)[4:] == echo[:12]:
            return changed, None
    return Fault(Part.KEY, ""), None


# ---- LRP ------------------------------------------------------------------------------------


def _lrp(parts: Parts, known: KnownKey) -> _Attempt:
    rnd_b, rnd_a, mac = parts.challenge[1:], parts.proof[:16], parts.proof[16:]
    master = _master(bytes(known.key), rnd_a, rnd_b)
    keys = LrpKeys(master)
    proof_fault = _lrp_proof_fault(keys, rnd_a, rnd_b, mac)
    proves = proof_fault is None or proof_fault.part is not Part.KEY
    answer_fault, tag_proves, tid = None, False, None
    if parts.answer is not None:
        sealed, tag_mac = parts.answer[:-16], parts.answer[-16:]
        due = keys.cmac(rnd_b + rnd_a + sealed)
        tag_proves = due == tag_mac
        tid = keys.decrypt(0, sealed)[:4] if sealed else None
        if not tag_proves and proves and proof_fault is None:
            part = Part.ANSWER_MAC if _off(due, tag_mac) == 1 else Part.ANSWER_DATA
            answer_fault = Fault(part, "the tag's proof does not hold, and the host's does.")
    rank = int(proves) + int(tag_proves)
    if tag_proves and not proves:
        proof_fault = Fault(Part.DATA, "the MAC in part 2 is not over RndA || RndB.")
    if not rank:
        return _Attempt(known, 0)
    found = tuple(fault for fault in (proof_fault, answer_fault) if fault is not None)
    fields = () if tid is None else (Field("TI", tid),)
    return _Attempt(known, rank, found, fields, keys, tid)


def _lrp_proof_fault(keys: LrpKeys, rnd_a: bytes, rnd_b: bytes, mac: bytes) -> Fault | None:
    due = keys.cmac(rnd_a + rnd_b)
    if mac == due:
        return None
    if _off(due, mac) == 1:
        return Fault(Part.DATA, "one byte of the MAC in part 2 was changed.")
    for message, text in (
        (rnd_b + rnd_a, "the MAC in part 2 is over RndB || RndA; RndA || RndB is due."),
        (rnd_a + _left(rnd_b), "the MAC in part 2 is over RndB'; in LRP mode RndB is not turned."),
    ):
        if keys.cmac(message) == mac:
            return Fault(Part.DATA, text)
    return Fault(Part.KEY, "")


def _master(key: bytes, rnd_a: bytes, rnd_b: bytes) -> bytes:
    return Lrp.of(key).cmac(_LRP_PREFIX + core(rnd_a, rnd_b) + _LRP_LABEL)


# ---- where nothing holds --------------------------------------------------------------------


def _unexplained(parts: Parts, keys: list[KnownKey]) -> Fault:
    """Say that the key is another one, and whether it is so by one byte."""
    first = keys[0]
    if parts.is_lrp:
        # Here RndA and RndB stand in the clear, and nothing tells a change of them apart.
        text = f"{first.name} did not make this authentication, or RndA or RndB was changed."
        return Fault(Part.KEY, text)
    if any(_proves(key, parts) for key in one_byte_off(bytes(first.key))):
        return Fault(Part.KEY, f"{first.name} differs in one byte from the key that was used.")
    others = "" if len(keys) == 1 else ", nor did any other of the keys given"
    return Fault(Part.KEY, f"{first.name} did not make this authentication{others}.")


def _proves(key: bytes, parts: Parts) -> bool:
    rnd_b = aes_cbc_decrypt(key, _ZERO_IV, parts.challenge)
    return aes_cbc_decrypt(key, parts.proof[:16], parts.proof[16:]) == _left(rnd_b)


def _left(random: bytes) -> bytes:
    return random[1:] + random[:1]


def _right(random: bytes) -> bytes:
    return random[-1:] + random[:-1]


def _off(one: bytes, other: bytes) -> int:
    """Count the bytes in which two texts of one length differ."""
    return sum(a != b for a, b in zip(one, other, strict=True))
