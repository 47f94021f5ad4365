"""How `verify_many` uses two cores, against what this machine lets a plain loop gain by them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from statistics import median
from time import perf_counter

from bench.report import Line
from ntag424 import Key, Keyring, UrlTemplate, Verifier, verify_many
from ntag424.keys import An10922Keys
from ntag424.testing import tap_source

_ROUNDS, _URLS, _STEPS = 3, 400_000, 60_000_000
_LEAST = 0.85
_UID = bytes.fromhex("04DE5F1EACC040")
_KEYS = An10922Keys(Key(bytes(range(16))))
_TEMPLATE = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")


def lines() -> Iterator[Line]:
    """Let both scale in each round, and compare them there."""
    verifier = Verifier(_TEMPLATE, Keyring.single(_KEYS))
    source = tap_source(_TEMPLATE, _KEYS, _UID)
    some = [source.tap() for _ in range(500)]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(_spin, [1, 1]))  # warm up
        rounds = [_round(verifier, some, pool) for _ in range(_ROUNDS)]
    ours, loop = median(row[0] for row in rounds), median(row[1] for row in rounds)
    share = median(row[0] / row[1] for row in rounds)
    yield Line(
        f"verify_many on two cores: {ours:.2f} x one, a plain loop {loop:.2f} x",
        f"{share:.2f}",
        f">= {_LEAST:.2f}",
        share >= _LEAST,
    )


def _round(verifier: Verifier, some: list[str], pool: ProcessPoolExecutor) -> tuple[float, float]:
    """Return how many times quicker two cores are: with URLs, and with nothing but arithmetic."""
    return _gain_of_urls(verifier, some), _gain_of_a_loop(pool)


def _gain_of_urls(verifier: Verifier, some: list[str]) -> float:
    start = perf_counter()
    for url in islice(cycle(some), _URLS):
        verifier.verify(url)
    alone = perf_counter() - start
    start = perf_counter()
    # The start of the workers is part of it.
    for _ in verify_many(verifier, islice(cycle(some), _URLS), workers=2):
        pass
    return alone / (perf_counter() - start)


def _gain_of_a_loop(pool: ProcessPoolExecutor) -> float:
    start = perf_counter()
    _spin(_STEPS)
    alone = perf_counter() - start
    start = perf_counter()
    list(pool.map(_spin, [_STEPS // 2] * 2))
    return alone / (perf_counter() - start)


def _spin(steps: int) -> int:
    number = 0
    for step in range(steps):
        number ^= step
    return number
