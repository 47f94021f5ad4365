"""Access conditions: who may do what with a file (NT4H2421Gx §8.2.3.3)."""

from __future__ import annotations

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
