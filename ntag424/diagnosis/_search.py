"""The search: the likely hypotheses about all candidates first, then the far-fetched ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ntag424.diagnosis._budget import Budget
from ntag424.diagnosis._frame import Frame
from ntag424.diagnosis._hypotheses import FileKey, KeyChoices, KeyLabel, key_choices
from ntag424.diagnosis._reading import Reading, readings
from ntag424.diagnosis._windows import Window, all_windows, due_windows, likely_windows, mac_text
from ntag424.model import SdmSettings
from ntag424.sdm import SESSIONS
from ntag424.verifier import Verifier

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
