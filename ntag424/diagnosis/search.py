"""The search: the likely hypotheses about all candidates first, then the far-fetched ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ntag424.diagnosis.keys import FileKey, KeyChoices, KeyLabel, key_choices
from ntag424.diagnosis.readings import Budget, Reading, readings
from ntag424.diagnosis.surface import Frame
from ntag424.model import SdmSettings
from ntag424.sdm import SESSIONS
from ntag424.verifier import Verifier

_MAC_CHARACTERS = 16
# Of a URL that was cut off within its MAC, so much must be left to prove anything: 40 bits.
_LEAST_LEFT = 10
_MAC_TEXT = re.compile(rb"(?=([0-9A-F]{16}))|(?=([0-9A-F]{10,15})\Z)")
#: Characters next to which people begin their windows.
_SEAMS = b"/?#&=;"
_NEAR = 4
_MOST_PLACES = 24

Window = tuple[int, int]


def due_windows(frame: Frame, _reading: Reading) -> Iterator[Window]:
    """Give the window that the template says, in each mode that it has a form for."""
    seen: list[Window] = []
    for form in (frame.form, *frame.forms):
        window = frame.offset(form.mac_input_start), frame.offset(form.mac.start)
        if window not in seen:
            seen.append(window)
            yield window


def likely_windows(frame: Frame, reading: Reading) -> Iterator[Window]:
    """Give, for every place of a MAC, the windows from seams of the URL and fields."""
    content = frame.image.content
    seams = {0, 2, 6, 7}
    for place, character in enumerate(content):
        if character in _SEAMS:
            seams |= {place, place + 1}
    for span in frame.form.spans.values():
        seams |= {frame.offset(span.start), frame.offset(span.stop)}
    due = frame.offset(frame.form.mac_input_start)
    seams |= set(range(due - _NEAR, due + _NEAR + 1))
    for places in reading.places:
        seams |= {places.start, places.stop}
    for end in _places(frame, reading):
        yield end, end
        yield from ((start, end) for start in sorted(seams) if 0 <= start < end)


def all_windows(frame: Frame, reading: Reading) -> Iterator[Window]:
    """Give every window there is, for every place of a MAC."""
    for end in _places(frame, reading):
        yield from ((start, end) for start in range(end, -1, -1))


def _places(frame: Frame, reading: Reading) -> list[int]:
    """Find where 16 hex characters stand, outside of the mirrors, the template's place first."""
    taken = reading.places
    due = frame.offset(frame.form.mac.start)
    found = [match.start() for match in _MAC_TEXT.finditer(frame.image.content)]
    free = [at for at in found if not any(_overlap(at, place) for place in taken)]
    return sorted(free, key=lambda at: abs(at - due))[:_MOST_PLACES]


def _overlap(mac: int, place: range) -> bool:
    return mac < place.stop and place.start < mac + _MAC_CHARACTERS


def mac_text(content: bytes, offset: int) -> bytes | None:
    """Return the MAC that stands at *offset*, or what a URL that was cut off left of it."""
    text = content[offset : offset + _MAC_CHARACTERS]
    return text if offset >= 0 and len(text) >= _LEAST_LEFT else None


# Keys of tags that do not show their UID cannot depend on it.
_NO_UID = bytes(7)


@dataclass(frozen=True, slots=True)
class Match:
    """A hypothesis whose MAC is the URL's."""

    frame: Frame
    reading: Reading
    key: KeyLabel
    #: SDMMACInputOffset and SDMMACOffset.
    window: Window

    @property
    def settings(self) -> SdmSettings:
        """What the tag's SDM settings must be."""
        return SdmSettings(self.reading.mirror, *self.window)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Some keys in some windows, for likely readings, for the others, or for both."""

    keys: Callable[[KeyChoices], Iterable[FileKey]]
    windows: Callable[[Frame, Reading], Iterator[Window]]
    readings: tuple[bool, ...] = (True,)


_BOTH = (True, False)
_STAGES = (
    _Stage(lambda keys: keys.proper, due_windows, _BOTH),
    _Stage(lambda keys: keys.mistaken, due_windows, _BOTH),
    _Stage(lambda keys: keys.foreign, due_windows, _BOTH),
    _Stage(lambda keys: keys.proper, likely_windows),
    _Stage(lambda keys: keys.of_all_epochs(), due_windows),
    _Stage(lambda keys: keys.proper, all_windows),
    _Stage(lambda keys: keys.mistaken + keys.foreign, likely_windows),
    _Stage(lambda keys: keys.proper, likely_windows, (False,)),
    _Stage(lambda keys: keys.mistaken + keys.foreign, all_windows),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame with what is to be tried on it."""

    frame: Frame
    keys: KeyChoices
    readings: list[Reading]


def prepare(frame: Frame, verifiers: tuple[Verifier, ...], budget: Budget) -> Prepared:
    """Collect the keys and the readings of one frame."""
    keys = key_choices(verifiers, frame.candidate, frame.named_version, frame.named_epoch)
    return Prepared(frame, keys, readings(frame, keys.meta, budget))


def search(prepared: list[Prepared], budget: Budget) -> Match | None:
    """Return the first hypothesis that holds, in order of likelihood; None if none does."""
    for stage in _STAGES:
        for one in prepared:
            for reading in one.readings:
                if reading.is_likely in stage.readings:
                    found = _try(one.frame, reading, stage, stage.keys(one.keys), budget)
                    if found is not None:
                        return found
    return None


def _try(
    frame: Frame, reading: Reading, stage: _Stage, keys: Iterable[FileKey], budget: Budget
) -> Match | None:
    content = frame.image.content
    windows = [
        (window, due)
        for window in stage.windows(frame, reading)
        if (due := mac_text(content, window[1])) is not None and window[0] >= 0
    ]
    for key in keys if windows else ():
        if not budget.session(reading.mode):
            return None
        session = SESSIONS[reading.mode](key.of(reading.uid or _NO_UID), reading.shown)
        for (start, end), due in windows:
            if not budget.mac(reading.mode, end - start):
                return None
            # A diagnosis for operators need not take the same time for every answer.
            if session.mac(content[start:end]).hex().upper().encode().startswith(due):
                return Match(frame, reading, key.label, (start, end))
    return None
