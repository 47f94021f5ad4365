"""What a machine remembers of a ledger outside of it, so that a ledger that went back is noticed.

A restored or half-copied ledger answers as well as the real one, and accepts taps that were used
since the copy was made. Nothing inside it can tell. So every process that uses a ledger keeps, in
a file apart from it, how far the ledger was (revisions), and what the tags that were accepted last
had reached (marks). All processes of one machine share the file.

Layout, integers big-endian; the file has always the same size:

* 0: magic (8 bytes), store id (16).
* 64: the store's clock in ms (8), a hash of the boot id (16), time since that boot in ms (8).
* 128: key versions that were retired, one bit each, 32 bytes.
* 192: the timeline in which the ledger was last told what is remembered here (8).
* 4096: the revision of each part of the ledger, 65,536 times 8 bytes.
* 528384: marks in 131,072 sets of 8, chosen by a hash of the UID. A mark is UID (7 bytes),
  position (5), and the UNIX time of its last rise in s (4); the oldest of a full set gives way.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from ntag424.arguments import require_text, require_type
from ntag424.errors import LedgerMismatchError, LedgerUnavailableError
from ntag424.model import Uid
from ntag424.replay._clock import BootClock, Clock

#: Most parts of a ledger that count their revisions separately: one in a file or a database,
#: one for each place in Redis.
MAX_PARTS = 1 << 16
#: A revision is timeline * 2^40 + changes made in it.
CHANGES_PER_TIMELINE = 1 << 40

_HEADER = struct.Struct(">8s16s")
_MAGIC = b"NT424WT1"
_TIME_AT, _TIME = 64, struct.Struct(">Q16sQ")
_RETIRED_AT, _RETIRED_SIZE = 128, 32
_TOLD_AT = 192
_REVISIONS_AT, _REVISION_SIZE, _REVISION = 4096, 8, struct.Struct(">Q")
_MARKS_AT = _REVISIONS_AT + MAX_PARTS * _REVISION_SIZE
_SETS, _MARKS_PER_SET, _MARK = 1 << 17, 8, struct.Struct(">7s5sI")
_SET_SIZE = _MARKS_PER_SET * _MARK.size
_SIZE = _MARKS_AT + _SETS * _SET_SIZE
_FREE = bytes(7)
#: How much faster another machine's clock may go than ours: one part in so many.
_DRIFT = 1000
_FLUSH_SECONDS = 1.0
#: Another process writes for some microseconds, unless it was stopped at it.
_ATTEMPTS, _PAUSE_SECONDS = 4, 0.0005


class Witness:
    """The revisions, marks and time of one ledger, as far as this machine has seen them.

    They only rise. What is observed is there for the other processes of the machine, and
    survives this one, at once, but where another process was stopped in the middle of writing;
    a power cut may take back what was observed in the last second or so. Any thread may call
    any method.
    """

    def __init__(self, descriptor: int, clock: Clock) -> None:
        """Take over an open file of the right form; call `open` or `in_memory` instead."""
        self._file = descriptor
        # What is written here is in the file for all processes, at a tenth of a call's cost.
        self._map = mmap.mmap(descriptor, _SIZE)
        self._clock = clock
        self._boot = hashlib.blake2b(clock.boot_id.encode(), digest_size=16).digest()
        self._turn = threading.Lock()
        #: Observed while another process was writing: to be written next time.
        self._late_revisions: dict[int, int] = {}
        self._late_marks: dict[Uid, bytes] = {}
        self._stop = threading.Event()
        self._is_dirty = False
        self._flusher = threading.Thread(target=self._flush_now_and_then, daemon=True)
        self._flusher.start()

    @staticmethod
    def create(path: Path, store_id: str) -> None:
        """Make the file of a ledger that this machine knows nothing of yet, mode 0600.

        Raises:
            FileExistsError: something is there already.
            OSError: it cannot be written.

        """
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            # All of it now: a full disk must not be found out at a tap.
            os.posix_fallocate(descriptor, 0, _SIZE)
            os.pwrite(descriptor, _header(store_id), 0)
            os.fsync(descriptor)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)

    @classmethod
    def open(cls, path: Path, store_id: str, *, clock: Clock | None = None) -> Self:
        """Open the file of the ledger called *store_id*.

        Raises:
            FileNotFoundError: there is none.
            LedgerMismatchError: it is of another ledger, or no witness at all.
            OSError: it cannot be used.

        """
        require_type("path", path, Path, instead='Path("...")')
        require_text("store_id", store_id)
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _require_form(descriptor, store_id)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, clock or BootClock())

    @classmethod
    def in_memory(cls, *, clock: Clock | None = None) -> Self:
        """Remember as long as this process lives."""
        descriptor = os.memfd_create("ntag424-witness")
        os.ftruncate(descriptor, _SIZE)
        return cls(descriptor, clock or BootClock())

    def revision(self, part: int = 0) -> int:
        """Return the highest revision of *part* that was observed, 0 if none."""
        (seen,) = _REVISION.unpack_from(self._map, _REVISIONS_AT + part * _REVISION_SIZE)
        late = self._late_revisions.get(part, 0) if self._late_revisions else 0
        return late if late > seen else int(seen)

    def revisions(self) -> Sequence[int]:
        """Return the highest revision of every part that was observed, 0 if none."""
        seen = list(struct.unpack_from(f">{MAX_PARTS}Q", self._map, _REVISIONS_AT))
        for part, revision in dict(self._late_revisions).items():
            seen[part] = max(revision, seen[part])
        return seen

    @property
    def timeline(self) -> int:
        """The highest timeline of the ledger that was observed, 0 if none."""
        return max(self.revisions()) // CHANGES_PER_TIMELINE

    def observe(
        self, revisions: Mapping[int, int], accepted: Mapping[Uid, bytes] | None = None
    ) -> None:
        """Remember what the ledger has confirmed: *revisions* by part, positions by tag.

        Raises:
            LedgerUnavailableError: the file cannot be written.

        """
        with self._turn:
            for part, revision in revisions.items():
                self._late_revisions[part] = max(revision, self._late_revisions.get(part, 0))
            for uid, reached in (accepted or {}).items():
                self._late_marks[uid] = max(reached, self._late_marks.get(uid, b""))
            self._write_down(wait=False)

    def mark(self, uid: Uid) -> bytes:
        """Return the highest position of the tag that was observed, empty if none is known.

        A position is generation (2 bytes) and counter (3): see `position`.
        """
        for known, reached, _ in self._marks_at(_set_of(uid)):
            if known == uid:
                return max(reached, self._late_marks.get(uid, b""))
        return self._late_marks.get(uid, b"")

    def marks(self) -> Iterator[tuple[Uid, bytes]]:
        """Go through all tags that are remembered, with their positions, in no order."""
        yield from dict(self._late_marks).items()
        for at in range(_MARKS_AT, _SIZE, _SET_SIZE):
            for uid, reached, _ in self._marks_at(at):
                if uid != _FREE:
                    yield Uid(uid), reached

    @property
    def retired(self) -> frozenset[int]:
        """Ordinals, 1 to 255, of the key versions that were seen retired."""
        seen = int.from_bytes(self._map[_RETIRED_AT : _RETIRED_AT + _RETIRED_SIZE], "big")
        return frozenset(ordinal for ordinal in range(256) if seen >> ordinal & 1)

    def observe_retired(self, ordinals: Iterable[int]) -> None:
        """Remember that these key versions, 1 to 255, were retired."""
        with self._turn, _held(self._file, wait=True):
            seen = sum(1 << ordinal for ordinal in self.retired | set(ordinals))
            at = slice(_RETIRED_AT, _RETIRED_AT + _RETIRED_SIZE)
            self._map[at] = seen.to_bytes(_RETIRED_SIZE, "big")
            self._is_dirty = True

    @property
    def told(self) -> int:
        """The last timeline in which the ledger was told what is remembered here."""
        (timeline,) = _REVISION.unpack_from(self._map, _TOLD_AT)
        return int(timeline)

    def observe_told(self, timeline: int) -> None:
        """Remember that the ledger was told everything in *timeline*."""
        with self._turn:
            self._map[_TOLD_AT : _TOLD_AT + _REVISION.size] = _REVISION.pack(timeline)
            self._is_dirty = True

    def observe_time(self, store_ms: int) -> None:
        """Remember that the ledger's own clock showed *store_ms*, UNIX time in ms."""
        with self._turn:
            if store_ms > self.earliest_now():
                now = _TIME.pack(store_ms, self._boot, self._clock.uptime_ms())
                self._map[_TIME_AT : _TIME_AT + _TIME.size] = now
                self._is_dirty = True

    def earliest_now(self) -> int:
        """Return a time, in ms, that the ledger's clock has passed unless it was set back.

        It goes on by this machine's own clock, which cannot be set; 0 if nothing was observed.
        """
        store_ms, boot, uptime_ms = _TIME.unpack_from(self._map, _TIME_AT)
        if boot != self._boot:
            return int(store_ms)
        passed = self._clock.uptime_ms() - uptime_ms
        return int(store_ms + max(0, passed - passed // _DRIFT - 1))

    def close(self) -> None:
        """Put all on disk and release the file; calling it twice is fine."""
        if not self._stop.is_set():
            self._stop.set()
            self._flusher.join()
            with self._turn:
                self._write_down(wait=True)
                os.fdatasync(self._file)
                self._map.close()
                os.close(self._file)

    def _write_down(self, *, wait: bool) -> None:
        """Write what is late, unless another process is writing and we must not *wait*."""
        try:
            with _held(self._file, wait=wait):
                for part, revision in self._late_revisions.items():
                    at = _REVISIONS_AT + part * _REVISION_SIZE
                    if _REVISION.unpack_from(self._map, at)[0] < revision:
                        self._map[at : at + _REVISION_SIZE] = _REVISION.pack(revision)
                now = int(time.time()) & 0xFFFFFFFF
                for uid, reached in self._late_marks.items():
                    self._raise_mark(uid, reached, now)
        except BlockingIOError:
            return
        except OSError as error:
            raise LedgerUnavailableError(
                f"the witness file cannot be written ({error.strerror})"
            ) from error
        self._late_revisions.clear()
        self._late_marks.clear()
        self._is_dirty = True

    def _raise_mark(self, uid: Uid, reached: bytes, now: int) -> None:
        start = _set_of(uid)
        marks = self._map[start : start + _SET_SIZE]
        at = marks.find(uid)
        while at > 0 and at % _MARK.size:  # found across two of them
            at = marks.find(uid, at + 1)
        if at < 0:  # the oldest gives way; that of a free one is 0
            at = min(range(0, _SET_SIZE, _MARK.size), key=lambda at: marks[at + 12 : at + 16])
        elif marks[at + 7 : at + 12] >= reached:
            return
        # In one piece: another process may read it just now.
        self._map[start + at : start + at + _MARK.size] = _MARK.pack(uid, reached, now)

    def _marks_at(self, start: int) -> Iterator[tuple[bytes, bytes, int]]:
        return _MARK.iter_unpack(self._map[start : start + _SET_SIZE])

    def _flush_now_and_then(self) -> None:
        """Put on disk what was observed, off everybody's way."""
        while not self._stop.wait(_FLUSH_SECONDS):
            if self._late_revisions or self._late_marks:
                with self._turn, suppress(LedgerUnavailableError):
                    self._write_down(wait=False)
            if self._is_dirty:
                self._is_dirty = False
                with suppress(OSError):  # the next close or call says so
                    os.fdatasync(self._file)


def _header(store_id: str) -> bytes:
    return _HEADER.pack(_MAGIC, bytes.fromhex(store_id))


def _require_form(descriptor: int, store_id: str) -> None:
    header = _header(store_id)
    if os.fstat(descriptor).st_size != _SIZE or os.pread(descriptor, len(header), 0) != header:
        raise LedgerMismatchError(
            "the witness file is not that of this ledger",
            hint="Name the file that was made with the identity file of this service.",
        )


def _set_of(uid: Uid) -> int:
    return _MARKS_AT + zlib.crc32(uid) % _SETS * _SET_SIZE


@contextmanager
def _held(descriptor: int, *, wait: bool) -> Iterator[None]:
    """Keep other processes from writing; `BlockingIOError` if one is and we do not *wait*."""
    for _ in range(0 if wait else _ATTEMPTS):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        time.sleep(_PAUSE_SECONDS)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
