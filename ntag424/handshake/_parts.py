"""What the authentications of both modes have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ntag424.apdu import CommandApdu, Status
from ntag424.flow import Flow
from ntag424.model import Key
from ntag424.status_words import refusal

#: PCDcap2 of a host that can do LRP: the first of up to 6 bytes, the others are zero.
LRP_CAPABILITIES = b"\x02"
_SECOND_PART = 0xAF
_RANDOM = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """The tag answered part 1: what both sides chose so far."""

    #: Name of the command in the data sheet.
    command: str
    key_number: int
    key: Key = field(repr=False)
    rnd_a: bytes = field(repr=False)
    #: As it came: E(K, RndB) (16), or in LRP mode 01h || RndB (16).
    answer: bytes = field(repr=False)


def drawn(random_bytes: Callable[[int], bytes]) -> bytes:
    """Draw RndA, 16 bytes.

    Raises:
        ValueError: *random_bytes* gave another number of them.

    """
    rnd_a = random_bytes(_RANDOM)
    if len(rnd_a) != _RANDOM:
        raise ValueError(f"random_bytes({_RANDOM}) gave {len(rnd_a)} bytes")
    return rnd_a


def first_part(command: str, ins: int, data: bytes) -> Flow[bytes]:
    """Ask for a challenge.

    Raises:
        TagRefusedError: the tag gives none; `AuthenticationDelayError` if later.

    """
    answer = yield CommandApdu(ins, data)
    if answer.status != Status.ADDITIONAL_FRAME:
        raise refusal(command, answer.status)
    return answer.data


def second_part(challenge: Challenge, proof: bytes) -> Flow[bytes]:
    """Send the host's *proof*, 32 bytes, and return the tag's.

    Raises:
        TagRefusedError: 91AE: the key is wrong, and the tag counted it.

    """
    answer = yield CommandApdu(_SECOND_PART, proof)
    if answer.status != Status.OK:
        raise refusal(challenge.command, answer.status)
    return answer.data


def core(rnd_a: bytes, rnd_b: bytes) -> bytes:
    """Mix the two random numbers, 16 bytes each, into the 26 of the session vectors (§9.1.7)."""
    mixed = bytes(one ^ other for one, other in zip(rnd_a[2:8], rnd_b[:6], strict=True))
    return rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]
