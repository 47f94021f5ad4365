"""Access conditions: who may do what with a file (NT4H2421Gx §8.2.3.3)."""

from __future__ import annotations

from collections.abc import Collection

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._refusal import RefusedError

#: Conditions beside the key numbers 0..4.
FREE = 0xE
NEVER = 0xF

KEY_NUMBERS = range(5)
KEY_OR_NEVER = (*KEY_NUMBERS, NEVER)
ANY_CONDITION = (*KEY_NUMBERS, FREE, NEVER)


def parse_conditions(word: bytes) -> tuple[int, int, int, int]:
    """Split a 2-byte access word, LE on the wire, into its nibbles, lowest first."""
    return word[0] & 0xF, word[0] >> 4, word[1] & 0xF, word[1] >> 4


def require_condition(name: str, condition: int, allowed: tuple[int, ...]) -> None:
    """Check one nibble.

    Raises:
        ValueError: *condition* is not among *allowed*; the sentence names *name*.
    """
    if condition not in allowed:
        raise ValueError(f"{name} must not be access condition {condition:X}")


def known(condition: int, allowed: tuple[int, ...]) -> int:
    """Give *condition*, or NEVER for one that is reserved (§8.2.3.3)."""
    return condition if condition in allowed else NEVER


def granted_by_key(conditions: Collection[int], key_number: int | None) -> bool:
    """Let pass whom one of *conditions* lets pass; tell whether *key_number* does it.

    *key_number* is the key that is authenticated, if any. False means that only a free
    condition is met, and then a file's communication mode does not apply.

    Raises:
        RefusedError: no condition is met.
    """
    if key_number in conditions:
        return True
    if FREE in conditions:
        return False
    if set(conditions) == {NEVER}:
        raise RefusedError(Status.PERMISSION_DENIED)
    raise RefusedError(Status.AUTHENTICATION_ERROR)
