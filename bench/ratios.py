"""Compare candidates fairly on a machine that has other things to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TypeAlias

#: Does the work a number of times and returns the seconds it took.
Timer: TypeAlias = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians over all rounds of one interleaved run."""

    #: Seconds of one operation, by candidate.
    seconds: tuple[float, ...]
    #: How many times longer each candidate took than the first one.
    ratios: tuple[float, ...]


def timer(work: Callable[[], object]) -> Timer:
    """Time repeated calls of *work*."""

    def measure(times: int) -> float:
        start = perf_counter()
        for _ in range(times):
            work()
        return perf_counter() - start

    return measure


def compare(candidates: Sequence[Timer], *, rounds: int, times: int) -> Comparison:
    """Let all candidates run in every round, and take the median of what each round says.

    Whatever slows the machine down slows down neighbours of one round alike. Each
    round begins with another candidate.
    """
    for candidate in candidates:
        candidate(times)  # warm up
    table = [_round(candidates, number, times) for number in range(rounds)]
    return Comparison(
        tuple(median(row[i] for row in table) / times for i in range(len(candidates))),
        tuple(median(row[i] / row[0] for row in table) for i in range(len(candidates))),
    )


def _round(candidates: Sequence[Timer], number: int, times: int) -> list[float]:
    count = len(candidates)
    order = [(number + step) % count for step in range(count)]
    seconds = {index: candidates[index](times) for index in order}
    return [seconds[index] for index in range(count)]
