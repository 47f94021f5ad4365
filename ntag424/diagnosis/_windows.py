"""Where the MAC might stand, and where it might begin to cover the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ntag424.diagnosis._frame import Frame
from ntag424.diagnosis._reading import Reading

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
