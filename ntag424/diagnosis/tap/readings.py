"""Where in a file UID and counter might stand, and what they then are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ntag424.diagnosis.tap.keys import KeyLabel, MetaKey
from ntag424.diagnosis.tap.surface import Frame
from ntag424.diagnosis.tap.tag_text import PICC_CHARACTERS
from ntag424.model import (
    EncryptedMirror,
    Mode,
    PiccDataTag,
    PiccMirror,
    PlainMirror,
    Uid,
)
from ntag424.sdm import SESSIONS

# Rough costs in microseconds with `cryptography` (pycryptodome takes several times as much):
# deriving a key and opening a session, and a block of MAC.
_SESSION = {Mode.AES: 16, Mode.LRP: 1100}
_FIRST_BLOCK = {Mode.AES: 6, Mode.LRP: 220}
_BLOCK = {Mode.AES: 0, Mode.LRP: 130}
_OPENING = {Mode.AES: 4, Mode.LRP: 150}
_BLOCK_BYTES = 16


class Budget:
    """What may still be computed, estimated and not measured.

    One purse for each mode: what LRP costs must not starve the search in AES.
    """

    def __init__(self, *, aes: int = 250_000, lrp: int = 1_600_000) -> None:
        self._left = {Mode.AES: aes, Mode.LRP: lrp}
        #: Whether anything was refused.
        self.overdrawn = False

    def session(self, mode: Mode) -> bool:
        """Pay for one key and session; False if that is too much."""
        return self._pay(mode, _SESSION[mode])

    def mac(self, mode: Mode, length: int) -> bool:
        """Pay for one MAC over *length* bytes; False if that is too much."""
        return self._pay(mode, _FIRST_BLOCK[mode] + length // _BLOCK_BYTES * _BLOCK[mode])

    def opening(self, mode: Mode) -> bool:
        """Pay for one decryption of PICCData; False if that is too much."""
        return self._pay(mode, _OPENING[mode])

    def _pay(self, mode: Mode, cost: int) -> bool:
        if self._left[mode] < cost:
            self.overdrawn = True
            return False
        self._left[mode] -= cost
        return True


_UID, _COUNTER = 14, 6
#: First byte of every UID: NXP (ISO/IEC 14443-3, NT4H2421Gx §8.5).
_NXP = 0x04
_NXP_UID = re.compile(rb"(?=(04[0-9A-F]{12}))")
_COUNTER_TEXT = re.compile(rb"(?=([0-9A-F]{6}))")
#: Readings of mirrors that are not where the template has them.
_MOST_ELSEWHERE = 48
_MOST_PLACES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read who the tag is, which may be wrong: only a MAC tells."""

    mode: Mode
    #: [UID (7)] || [SDMReadCtr (3, LSB first)].
    shown: bytes
    mirror: PiccMirror
    #: Under which key PICCData opened.
    meta: KeyLabel | None = None
    #: Whether UID or counter were taken in reverse.
    is_reversed: bool = False
    #: Whether this is likely enough for a search over all windows.
    is_likely: bool = True

    @property
    def uid(self) -> Uid | None:
        """The UID, if it is shown."""
        return Uid(self.shown[:7]) if len(self.shown) >= 7 else None

    @property
    def read_counter(self) -> int | None:
        """The counter, if it is shown."""
        counter = self.shown if self.uid is None else self.shown[7:]
        return int.from_bytes(counter, "little") if counter else None

    @property
    def places(self) -> tuple[range, ...]:
        """Offsets in the file that the mirrors take."""
        mirror = self.mirror
        if isinstance(mirror, EncryptedMirror):
            start = mirror.picc_data_offset
            return (range(start, start + PICC_CHARACTERS[self.mode]),)
        pairs = ((mirror.uid_offset, _UID), (mirror.read_counter_offset, _COUNTER))
        return tuple(range(at, at + width) for at, width in pairs if at is not None)


def readings(frame: Frame, meta_keys: tuple[MetaKey, ...], budget: Budget) -> list[Reading]:
    """Collect every way to read the identity, those at the places that are due first."""
    if frame.is_foretold:
        return list(_foretold(frame, meta_keys, budget))
    found = [
        *_plain_as_due(frame),
        *_encrypted(frame, meta_keys, budget),
        *islice(_plain_elsewhere(frame), _MOST_ELSEWHERE),
    ]
    return list({_key(reading): reading for reading in reversed(found)}.values())[::-1]


def _foretold(frame: Frame, meta_keys: tuple[MetaKey, ...], budget: Budget) -> Iterator[Reading]:
    """Read what stands where one mistake foretells it."""
    if frame.setup.picc_offset is None:
        yield from islice(_plain_as_due(frame), 1)
    else:
        yield from _encrypted_at(
            frame, frame.setup.picc_offset, frame.setup.mode, meta_keys, budget
        )


def _key(reading: Reading) -> tuple[Mode, bytes, PiccMirror]:
    return reading.mode, reading.shown, reading.mirror


# ---- PICCData -------------------------------------------------------------------------------


def _encrypted(frame: Frame, meta_keys: tuple[MetaKey, ...], budget: Budget) -> Iterator[Reading]:
    due = frame.setup.picc_offset
    for mode, width in PICC_CHARACTERS.items():
        pattern = re.compile(rb"(?=([0-9A-F]{%d}))" % width)
        places = [found.start() for found in pattern.finditer(frame.image.content)]
        places.sort(key=lambda place: abs(place - (due or 0)))
        for place in places[:_MOST_PLACES]:
            yield from _encrypted_at(frame, place, mode, meta_keys, budget)


def _encrypted_at(
    frame: Frame, place: int, mode: Mode, meta_keys: tuple[MetaKey, ...], budget: Budget
) -> Iterator[Reading]:
    text = frame.image.content[place : place + PICC_CHARACTERS[mode]].decode()
    picc, is_due = bytes.fromhex(text), place == frame.setup.picc_offset
    for meta in meta_keys:
        if budget.opening(mode):
            plain = SESSIONS[mode].open_picc_data(meta.key, picc)
            yield from _opened(plain, _PiccPlace(place, is_due, mode, meta.label))


@dataclass(frozen=True, slots=True)
class _PiccPlace:
    """Where PICCData was found, and under which key."""

    place: int
    is_due: bool
    mode: Mode
    meta: KeyLabel


def _opened(plain: bytes, at: _PiccPlace) -> Iterator[Reading]:
    """Give the reading, if *plain* is plausible; elsewhere only a chip's own UID is."""
    if not plain:
        return  # The place is beyond the end of the file.
    tag = next((tag for tag in PiccDataTag if tag.value == plain[0]), None)
    if tag is None or not (at.is_due or (tag.has_uid and plain[1] == _NXP)):
        return
    length = 7 * tag.has_uid + 3 * tag.has_counter
    yield Reading(
        mode=at.mode,
        shown=plain[1 : 1 + length],
        mirror=EncryptedMirror(at.place, tag),
        meta=at.meta,
    )


# ---- mirrors in the clear -------------------------------------------------------------------


def _plain_as_due(frame: Frame) -> Iterator[Reading]:
    uid_at, counter_at = frame.setup.plain_offsets
    uid, counter = _hex_at(frame, uid_at, _UID), _hex_at(frame, counter_at, _COUNTER)
    if uid is None and counter is None:
        return
    expected = frame.setup.mode
    mirror = PlainMirror(uid_at if uid else None, counter_at if counter else None)
    uid, counter = uid or b"", counter or b""
    for mode in (expected, *(mode for mode in Mode if mode is not expected)):
        yield Reading(
            mode=mode,
            shown=uid + counter[::-1],
            mirror=mirror,
            is_likely=mode is expected,
        )
    if uid and counter:
        # What is not mirrored shows as it was written: zeros.
        yield Reading(
            mode=expected,
            shown=uid,
            mirror=PlainMirror(uid_at, None),
            is_likely=not any(counter),
        )
        yield Reading(
            mode=expected,
            shown=counter[::-1],
            mirror=PlainMirror(None, counter_at),
            is_likely=not any(uid),
        )
    for shown in (uid[::-1] + counter[::-1], uid + counter, uid[::-1] + counter):
        yield Reading(mode=expected, shown=shown, mirror=mirror, is_reversed=True, is_likely=False)


def _hex_at(frame: Frame, offset: int | None, width: int) -> bytes | None:
    if offset is None:
        return None
    text = frame.image.content[offset : offset + width].decode("ascii", "replace")
    return bytes.fromhex(text) if re.fullmatch(f"[0-9A-F]{{{width}}}", text) else None


def _plain_elsewhere(frame: Frame) -> Iterator[Reading]:
    """Give every UID of NXP's with every counter, the nearest to the template's first."""
    content, due = frame.image.content, frame.setup.plain_offsets
    uids = [found.start() for found in _NXP_UID.finditer(content)]
    counters = [found.start() for found in _COUNTER_TEXT.finditer(content)]
    pairs = [(u, c) for u in uids for c in counters if c + _COUNTER <= u or u + _UID <= c]
    pairs.sort(key=lambda pair: _distance(pair[0], due[0]) + _distance(pair[1], due[1]))
    for uid_at, counter_at in pairs:
        uid, counter = _hex_at(frame, uid_at, _UID), _hex_at(frame, counter_at, _COUNTER)
        if uid is not None and counter is not None:
            yield Reading(
                mode=frame.setup.mode,
                shown=uid + counter[::-1],
                mirror=PlainMirror(uid_at, counter_at),
                is_likely=False,
            )


def _distance(place: int, due: int | None) -> int:
    return 0 if due is None else abs(place - due)
