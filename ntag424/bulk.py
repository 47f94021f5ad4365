"""Very many taps, on all cores: for audits, migrations and imports of logs."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from multiprocessing import get_context
from typing import Protocol, TypeAlias

from ntag424.errors import MalformedTapError, TapMacError, VerificationError
from ntag424.model import Generation, Mode, TamperStatus, Uid
from ntag424.sdm import VerifiedTap

#: URLs that are handed to a worker at a time.
CHUNK = 1024
# Chunks handed to each worker: one it works on, one that waits for it.
_AHEAD = 2
# Chunks kept for each process until those before them are done.
_KEPT = 2

Outcome: TypeAlias = VerifiedTap | VerificationError
# What crosses between processes. Plain tuples: they are packed several times quicker
# than the values they stand for.
_Packed: TypeAlias = (
    tuple[bytes | None, int | None, int, int, str, bytes | None, bytes | None] | str | None
)


class Verifies(Protocol):
    """A `Verifier`, a `VerifierSet`, or what else can be sent to another process."""

    def verify(self, url: str) -> VerifiedTap:
        """Check one URL; see `Verifier.verify`."""
        ...


def verify_many(
    verifier: Verifies, urls: Iterable[str], *, workers: int | None = None
) -> Iterator[tuple[str, Outcome]]:
    """Check every one of *urls* and yield it with what came out, in their order.

    A tap that does not verify is a result here, not an exception. *urls* may be endless:
    at most a few thousand are taken ahead of what was yielded. *workers* are processes,
    this one among them, one for each core by default; few URLs are checked in this one
    alone. The others are started afresh, so a script must guard its own start by
    `__name__ == "__main__"`.
    """
    chunks = _chunks(iter(urls))
    first = next(chunks, [])
    count = _cores() if workers is None else workers
    if count <= 1 or len(first) < CHUNK:
        for url in chain(first, chain.from_iterable(chunks)):
            yield url, _checked(verifier, url)
    else:
        yield from _in_parallel(verifier, chain([first], chunks), count)


def _chunks(urls: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(urls, CHUNK)):
        yield chunk


def _cores() -> int:
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def _in_parallel(
    verifier: Verifies, chunks: Iterator[list[str]], count: int
) -> Iterator[tuple[str, Outcome]]:
    # Not forked: the caller may have threads. The keys travel through a pipe.
    pool = ProcessPoolExecutor(count - 1, get_context("spawn"), _start_worker, (verifier,))
    kept: deque[_Chunk] = deque()
    try:
        for urls in chunks:
            # What the workers cannot take is done here, instead of waiting for them.
            if sum(chunk.is_pending for chunk in kept) < _AHEAD * (count - 1):
                kept.append(_Handed(urls, pool.submit(_check, urls)))
            else:
                kept.append(_Done(urls, [_checked(verifier, url) for url in urls]))
            while kept and (len(kept) > _KEPT * count or not kept[0].is_pending):
                yield from kept.popleft().results()
        for chunk in kept:
            yield from chunk.results()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Handed:
    """A chunk that a worker checks."""

    urls: list[str]
    future: Future[list[_Packed]]

    @property
    def is_pending(self) -> bool:
        return not self.future.done()

    def results(self) -> Iterator[tuple[str, Outcome]]:
        return zip(self.urls, map(_outcome, self.future.result()), strict=True)


@dataclass(frozen=True, slots=True)
class _Done:
    """A chunk that this process has checked."""

    urls: list[str]
    outcomes: list[Outcome]

    is_pending = False

    def results(self) -> Iterator[tuple[str, Outcome]]:
        return zip(self.urls, self.outcomes, strict=True)


_Chunk: TypeAlias = _Handed | _Done


class _Worker:
    """What a worker process keeps between chunks."""

    verifier: Verifies


def _start_worker(verifier: Verifies) -> None:
    # Ctrl-C goes to the whole group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker.verifier = verifier


def _check(urls: list[str]) -> list[_Packed]:
    return [_packed(_Worker.verifier, url) for url in urls]


def _checked(verifier: Verifies, url: str) -> Outcome:
    try:
        return verifier.verify(url)
    except VerificationError as error:
        # Without the frames it came through: thousands may be kept.
        return error.with_traceback(None)


def _packed(verifier: Verifies, url: str) -> _Packed:
    tap = _checked(verifier, url)
    if isinstance(tap, MalformedTapError):
        return str(tap)
    if isinstance(tap, VerificationError):
        return None
    return (
        None if tap.uid is None else bytes(tap.uid),
        tap.read_counter,
        tap.key_version,
        tap.epoch,
        tap.mode.value,
        tap.file_data,
        None if tap.tamper is None else bytes(tap.tamper),
    )


def _outcome(packed: _Packed) -> Outcome:
    if packed is None:
        return TapMacError()
    if isinstance(packed, str):
        return MalformedTapError(packed)
    uid, counter, key_version, epoch, mode, file_data, tamper = packed
    return VerifiedTap(
        None if uid is None else Uid(uid),
        counter,
        _generation(key_version, epoch),
        _MODES[mode],
        file_data,
        None if tamper is None else TamperStatus.from_bytes(tamper),
    )


_generation = cache(Generation)
_MODES = {mode.value: mode for mode in Mode}
