"""Who may do what with a file (NT4H2421Gx §8.2.3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias

from ntag424.arguments import require_number, require_octets


@unique
class Everybody(Enum):
    """The two conditions that are no key; the values are those of the chip."""

    FREE = 0xE
    NEVER = 0xF


FREE, NEVER = Everybody.FREE, Everybody.NEVER

#: An application key, 0 to 4, or one for everybody.
Condition: TypeAlias = int | Everybody


def nibble(condition: Condition) -> int:
    """Return what stands for *condition* on the wire."""
    return condition.value if isinstance(condition, Everybody) else condition


def condition_of(value: int) -> Condition:
    """Undo `nibble`.

    Raises:
        ValueError: there is no such key.

    """
    if value in (0xE, 0xF):
        return Everybody(value)
    require_condition(value)
    return value


def require_condition(condition: Condition) -> None:
    """Refuse a key that no tag has."""
    if not isinstance(condition, Everybody):
        require_number("a condition", condition)
    if not isinstance(condition, Everybody) and condition not in range(5):
        raise ValueError(f"application keys are numbered 0 to 4, not {condition}")


@dataclass(frozen=True, slots=True)
class AccessRights:
    """The four rights of a file."""

    read: Condition
    write: Condition
    read_write: Condition
    #: May change these settings; `NEVER` is final.
    change: Condition

    def __post_init__(self) -> None:
        for condition in (self.read, self.write, self.read_write, self.change):
            require_condition(condition)

    def __bytes__(self) -> bytes:
        """ReadWrite | Change (1) || Read | Write (1)."""
        low = nibble(self.read_write) << 4 | nibble(self.change)
        return bytes((low, nibble(self.read) << 4 | nibble(self.write)))

    @classmethod
    def from_bytes(cls, octets: bytes) -> AccessRights:
        """Undo `bytes()`.

        Raises:
            ValueError: not two bytes, or a key that no tag has.

        """
        require_octets("access rights", octets)
        if len(octets) != 2:
            raise ValueError(f"access rights have 2 bytes, not {len(octets)}")
        low, high = octets
        return cls(
            read=condition_of(high >> 4),
            write=condition_of(high & 0xF),
            read_write=condition_of(low >> 4),
            change=condition_of(low & 0xF),
        )
