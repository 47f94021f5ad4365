"""The search: the likely hypotheses about all candidates first, then the far-fetched ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, unique
from typing import NamedTuple

from ntag424.diagnosis.tap.keys import FileKey, KeyChoices, KeyLabel, key_choices
from ntag424.diagnosis.tap.readings import Budget, Reading, readings
from ntag424.diagnosis.tap.surface import Frame
from ntag424.model import Mode, SdmSettings
from ntag424.sdm import SESSIONS, SdmSession
from ntag424.verifier import Verifier

_MAC_CHARACTERS = 16
# Of a URL that was cut off within its MAC, so much must be left to prove anything: 40 bits.
_LEAST_LEFT = 10
# Where a setup foretells the whole URL, the MAC has less to prove: 16 bits of one of few
# keys, 32 bits of one of many.
_LEAST_FORETOLD, _LEAST_MISTAKEN = 4, 8
_MAC_TEXT = re.compile(rb"(?=([0-9A-F]{16}))|(?=([0-9A-F]{10,15})\Z)")
#: Characters next to which people begin their windows.
_SEAMS = b"/?#&=;"
_NEAR = 4
_MOST_PLACES = 24
# Keys of tags that do not show their UID cannot depend on it.
_NO_UID = bytes(7)


class Window(NamedTuple):
    """What a MAC covers and where it stands; a chip has it end where the MAC begins."""

    start: int
    stop: int
    mac: int


@unique
class Truncation(Enum):
    """Which 8 bytes of the CMAC are the MAC; the value picks them."""

    ODD = slice(1, None, 2)
    FIRST = slice(0, 8)
    LAST = slice(8, 16)
    EVEN = slice(0, None, 2)


# ---- windows --------------------------------------------------------------------------------


def due_windows(frame: Frame, _reading: Reading) -> Iterator[Window]:
    """Give the window that is expected."""
    setup = frame.setup
    yield Window(setup.mac_input_offset, setup.mac_offset, setup.mac_offset)


def other_starts(frame: Frame, reading: Reading) -> Iterator[Window]:
    """Give every window to where the MAC is due, those from seams first."""
    end = frame.setup.mac_offset
    likely = [window for window in likely_windows(frame, reading) if window.mac == end]
    yield from dict.fromkeys([*likely, *(Window(start, end, end) for start in range(end, -1, -1))])


def windows_of_hidden_epoch(frame: Frame, reading: Reading) -> Iterator[Window]:
    """Give the window that is expected, if one mistake foretells that the epoch is unreadable."""
    if frame.is_foretold and _hides_epoch(frame):
        yield from due_windows(frame, reading)


def likely_windows(frame: Frame, reading: Reading) -> Iterator[Window]:
    """Give, for every place of a MAC, the windows from seams of the URL and fields."""
    seams = {0, 2, 6, 7, *_seams(frame)}
    due = frame.setup.mac_input_offset
    seams |= set(range(due - _NEAR, due + _NEAR + 1))
    for places in reading.places:
        seams |= {places.start, places.stop}
    for end in _places(frame, reading):
        yield Window(end, end, end)
        yield from (Window(start, end, end) for start in sorted(seams) if 0 <= start < end)


def all_windows(frame: Frame, reading: Reading) -> Iterator[Window]:
    """Give every window there is, for every place of a MAC."""
    for end in _places(frame, reading):
        yield from (Window(start, end, end) for start in range(end, -1, -1))


def cut_windows(frame: Frame, _reading: Reading) -> Iterator[Window]:
    """Give windows that end before the MAC, as only programs make them."""
    start, mac = frame.setup.mac_input_offset, frame.setup.mac_offset
    for stop in sorted(_seams(frame), reverse=True):
        if start <= stop < mac:
            yield Window(start, stop, mac)


def _seams(frame: Frame) -> set[int]:
    """Find where parameters and fields begin and end."""
    content = frame.image.content
    seams = {
        place + behind
        for place, character in enumerate(content)
        if character in _SEAMS
        for behind in (0, 1)
    }
    for span in frame.form.spans.values():
        seams |= {frame.offset(span.start), frame.offset(span.stop)}
    return seams


def _places(frame: Frame, reading: Reading) -> list[int]:
    """Find where 16 hex characters stand, outside of the mirrors, the place that is due first."""
    taken, due = reading.places, frame.setup.mac_offset
    found = [match.start() for match in _MAC_TEXT.finditer(frame.image.content)]
    free = [at for at in found if not any(_overlap(at, place) for place in taken)]
    return sorted(free, key=lambda at: abs(at - due))[:_MOST_PLACES]


def _overlap(mac: int, place: range) -> bool:
    return mac < place.stop and place.start < mac + _MAC_CHARACTERS


# ---- the search -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Match:
    """A hypothesis whose MAC is the URL's."""

    frame: Frame
    reading: Reading
    key: KeyLabel
    window: Window
    truncation: Truncation

    @property
    def settings(self) -> SdmSettings:
        """What the tag's SDM settings must be."""
        return SdmSettings(self.reading.mirror, self.window.start, self.window.mac)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Some keys in some windows, for likely readings, for the others, or for both."""

    keys: Callable[[KeyChoices], Iterable[FileKey]]
    windows: Callable[[Frame, Reading], Iterator[Window]]
    readings: tuple[bool, ...] = (True,)
    #: Of a MAC at the end of a URL, so many characters must be there if the URL was foretold;
    #: None if the stage has nothing for such URLs.
    foretold: int | None = None
    #: Which of them are tried even if the template foretells the URL as well.
    although_fitting: Callable[[Frame], bool] = lambda _frame: False


def _hides_epoch(frame: Frame) -> bool:
    """Tell whether a mirror was written over the epoch."""
    names_epoch = frame.verifiers[frame.candidate].template.names_epoch
    return names_epoch and frame.setup.named_epoch is None


_BOTH = (True, False)
_UNLIKELY = (False,)
_STAGES = (
    _Stage(lambda keys: keys.proper, due_windows, _BOTH, _LEAST_FORETOLD, lambda _frame: True),
    _Stage(lambda keys: keys.of_all_epochs, windows_of_hidden_epoch, (True,), _LEAST_LEFT),
    _Stage(lambda keys: keys.mistaken, due_windows, foretold=_LEAST_MISTAKEN),
    _Stage(lambda keys: keys.foreign, due_windows, foretold=_LEAST_MISTAKEN),
    _Stage(lambda keys: keys.proper, other_starts),
    _Stage(lambda keys: keys.proper, cut_windows),
    _Stage(lambda keys: keys.of_all_epochs, due_windows, (True,), _LEAST_LEFT, _hides_epoch),
    _Stage(lambda keys: keys.mistaken + keys.foreign, due_windows, _UNLIKELY),
    _Stage(lambda keys: keys.proper, likely_windows),
    _Stage(lambda keys: keys.proper, all_windows),
    _Stage(lambda keys: keys.mistaken + keys.foreign, likely_windows),
    _Stage(lambda keys: keys.proper, likely_windows, _UNLIKELY),
    _Stage(lambda keys: keys.mistaken + keys.foreign, all_windows),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame with what is to be tried on it."""

    frame: Frame
    keys: KeyChoices
    readings: list[Reading]


def prepare(
    frames: list[Frame], verifiers: tuple[Verifier, ...], budget: Budget
) -> list[Prepared]:
    """Collect the keys and the readings of each frame."""
    chosen: dict[tuple[int, int | None, int], KeyChoices] = {}
    prepared = []
    for frame in frames:
        wanted = frame.candidate, frame.setup.named_version, frame.setup.named_epoch or 0
        if wanted not in chosen:
            chosen[wanted] = key_choices(verifiers, *wanted)
        keys = chosen[wanted]
        prepared.append(Prepared(frame, keys, readings(frame, keys.meta, budget)))
    return prepared


def search(prepared: list[Prepared], budget: Budget) -> Match | None:
    """Return the first hypothesis that holds, in order of likelihood; None if none does."""
    # A setup that foretells the whole URL goes before whatever only its MAC speaks for.
    ordered = sorted(prepared, key=lambda one: not one.frame.is_foretold)
    sessions = _Sessions(budget)
    for stage in _STAGES:
        for one in ordered:
            for reading in one.readings:
                if reading.is_likely in stage.readings:
                    found = _try(one, reading, stage, sessions)
                    if found is not None:
                        return found
    return None


class _Sessions:
    """Sessions that were paid for; the same key is tried in many windows."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._known: dict[tuple[FileKey, Mode, bytes], SdmSession] = {}

    def get(self, key: FileKey, reading: Reading) -> SdmSession | None:
        """Open the session of a key and a tap; None if that is too much."""
        wanted = key, reading.mode, reading.shown
        if wanted not in self._known:
            if not self.budget.session(reading.mode):
                return None
            session = SESSIONS[reading.mode](key.of(reading.uid or _NO_UID), reading.shown)
            self._known[wanted] = session
        return self._known[wanted]


def _try(one: Prepared, reading: Reading, stage: _Stage, sessions: _Sessions) -> Match | None:
    windows = list(_with_macs(one.frame, reading, stage))
    for key in stage.keys(one.keys) if windows else ():
        session = sessions.get(key, reading)
        if session is None:
            return None
        for window, due in windows:
            if not sessions.budget.mac(reading.mode, window.stop - window.start):
                return None
            covered = one.frame.image.content[window.start : window.stop]
            truncation = _truncation(session.cmac(covered), due)
            if truncation is not None:
                return Match(one.frame, reading, key.label, window, truncation)
    return None


def _with_macs(frame: Frame, reading: Reading, stage: _Stage) -> Iterator[tuple[Window, bytes]]:
    """Give the windows with the MAC that stands there, or what is left of it in the URL."""
    least = _LEAST_LEFT
    if frame.is_foretold:
        # Where the template foretells the URL as well, nothing but its MAC speaks for a setup.
        if stage.foretold is None or (frame.fits and not stage.although_fitting(frame)):
            return
        least = stage.foretold
    for window in stage.windows(frame, reading):
        due = frame.image.content[window.mac : window.mac + _MAC_CHARACTERS]
        is_written = due.strip(b"0") != b""  # and no placeholder
        if window.start >= 0 and len(due) >= least and is_written:
            yield window, due


def _truncation(cmac: bytes, due: bytes) -> Truncation | None:
    """Tell how *due*, characters of a URL, is made of a CMAC."""
    # A diagnosis for operators need not take the same time for every answer.
    for truncation in Truncation if len(due) == _MAC_CHARACTERS else (Truncation.ODD,):
        if cmac[truncation.value].hex().upper().encode().startswith(due):
            return truncation
    return None
