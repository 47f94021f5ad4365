"""Fifty ways to write a tag: each guards every character it mirrors, and none another's."""

from __future__ import annotations

from itertools import permutations

import pytest

from ntag424 import (
    Generation,
    Key,
    Keyring,
    Mode,
    TamperStatus,
    UrlTemplate,
    VerificationError,
    Verifier,
)
from ntag424.keys import StaticKeys
from ntag424.testing import tap_source

UID = bytes.fromhex("04DE5F1EACC040")
KEYS = StaticKeys(file_read=Key(b"F" * 16), meta_read=Key(b"M" * 16))
ORIGIN = "https://id.example.com"

# No two of them make a tag compute its MAC over the same bytes under the same key: where
# they do, the MACs are equal on every chip, and only the ledger keeps the taps apart.
FORMS = [
    "/t?p={picc}&m={mac}",
    "/t?p={picc:uid}&m={mac}",
    "/t?p={picc:ctr}&m={mac}",
    "/t?{mac-input}p={picc}&m={mac}",
    "/t?p={mac-input}{picc}&m={mac}",
    "/t?p={picc}{mac-input}&m={mac}",
    "/t{mac-input}?p={picc}&m={mac}",
    "/{mac-input}t?p={picc:uid}&m={mac}",
    "/t?{mac-input}p={picc:ctr}&m={mac}",
    "/t?{mac-input}u={uid}&c={ctr}&m={mac}",
    "/t?u={uid}&{mac-input}c={ctr}&m={mac}",
    "/t?c={ctr}&{mac-input}u={uid}&m={mac}",
    "/t?{mac-input}u={uid}&m={mac}",
    "/t?{mac-input}c={ctr}&m={mac}",
    "/t?u={uid}&c={ctr}{mac-input}&mac={mac}",
    "/t#k={kv}&{mac-input}p={picc}&m={mac}",
    "/t#{mac-input}k={kv}{epoch}&p={picc}&m={mac}",
    "/t?p={picc}&{mac-input}e={file:16}&m={mac}",
    "/t?{mac-input}p={picc}&e={file:16}&m={mac}",
    "/t?{mac-input}p={picc}&e={file:32}&m={mac}",
    "/t?{mac-input}e={file:16}&u={uid}&c={ctr}&m={mac}",
    "/t?{mac-input}p={picc}&f={file:16+tt@4}&m={mac}",
    "/t?{mac-input}p={picc}&t={tt}&m={mac}",
    "/t?{mac-input}u={uid}&c={ctr}&t={tt}&m={mac}",
    "/t?{mac-input}t={tt}&p={picc}&e={file:16}&m={mac}&z=1",
]
LAYOUTS = [(mode, form) for mode in Mode for form in FORMS]
each_layout = pytest.mark.parametrize(("mode", "form"), LAYOUTS, ids=map(":".join, LAYOUTS))


class Fleet:
    """Tags of one layout, their verifier, and one tap."""

    def __init__(self, mode: Mode, form: str) -> None:
        self.template = UrlTemplate(ORIGIN + form)
        self.verifier = Verifier(self.template, Keyring.single(KEYS), mode=mode)
        source = tap_source(
            self.template,
            KEYS,
            UID,
            generation=Generation(1),
            mode=mode,
            tamper=TamperStatus.CLOSED if "tt" in form else None,
        )
        self.url = source.tap()

    @property
    def mac(self):
        return self.url[self.mac_place]

    @property
    def mac_place(self):
        end = len(self.url) - len(self.template.text.partition("{mac}")[2])
        return slice(end - 16, end)

    def accepts(self, url):
        try:
            self.verifier.verify(url)
        except VerificationError:
            return False
        return True

    def with_mac(self, mac):
        return self.url[: self.mac_place.start] + mac + self.url[self.mac_place.stop :]


FLEETS = {layout: Fleet(*layout) for layout in LAYOUTS}


def test_there_are_fifty_different_layouts():
    assert len(FLEETS) == 50


@each_layout
def test_the_tap_of_each_layout_verifies(mode, form):
    fleet = FLEETS[mode, form]
    assert fleet.accepts(fleet.url)


@each_layout
def test_no_bit_of_any_character_behind_the_path_can_be_flipped(mode, form):
    fleet = FLEETS[mode, form]
    flipped = (
        fleet.url[:place] + chr(ord(fleet.url[place]) ^ 1 << bit) + fleet.url[place + 1 :]
        for place in range(len(ORIGIN), len(fleet.url))
        for bit in range(7)
    )
    assert [url for url in flipped if fleet.accepts(url)] == []


def test_no_two_layouts_make_the_same_mac():
    assert len({fleet.mac for fleet in FLEETS.values()}) == 50


def test_a_mac_of_one_layout_verifies_under_no_other():
    accepted = [
        (one, other)
        for one, other in permutations(FLEETS, 2)
        if FLEETS[other].accepts(FLEETS[other].with_mac(FLEETS[one].mac))
    ]
    assert accepted == []


def test_a_url_of_one_layout_verifies_under_no_other():
    # The same form in both modes differs in its keys alone, and PICCData tells them apart.
    accepted = [
        (one, other)
        for one, other in permutations(FLEETS, 2)
        if one[1] != other[1] or "{picc" not in one[1]
        if FLEETS[other].accepts(FLEETS[one].url)
    ]
    assert accepted == []


def test_layouts_with_an_empty_window_share_a_mac_because_the_chip_computes_the_same():
    encrypted = Fleet(Mode.AES, "/t?p={picc}&m={mac}")
    plain = Fleet(Mode.AES, "/t?u={uid}&c={ctr}&m={mac}")
    assert encrypted.mac == plain.mac
