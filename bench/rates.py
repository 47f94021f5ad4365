"""How often a second: ways to do the same thing take turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

#: Works for a moment and returns how often a second it did it.
Rate: TypeAlias = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Rates:
    """What every way reached in every round."""

    rounds: list[dict[str, float]]

    @property
    def ways(self) -> list[str]:
        """Return what the ways are called."""
        return list(self.rounds[0])

    def of(self, way: str) -> float:
        """Return the median of all rounds."""
        return median(row[way] for row in self.rounds)

    def ratio(self, way: str, other: str) -> float:
        """Return how many times more *way* did than *other*: the median of all rounds."""
        return median(row[way] / row[other] for row in self.rounds)

    def best(self, *ways: str) -> str:
        """Return which of *ways* did the most."""
        return max(ways, key=self.of)


def take_turns(ways: Mapping[str, Rate], *, rounds: int) -> Rates:
    """Let all *ways* work in every round, and each round begin with another one."""
    for rate in ways.values():
        rate()  # warm up
    return Rates([_round(ways, number) for number in range(rounds)])


def _round(ways: Mapping[str, Rate], number: int) -> dict[str, float]:
    names = list(ways)
    shift = number % len(names)
    found = {name: ways[name]() for name in names[shift:] + names[:shift]}
    return {name: found[name] for name in names}
