"""One mistake on a tag of any layout: the URL it sends, and what must be said of it.

Tags are built from the bytes of their file and the offsets in their settings; what must be
said is computed here, from these, and never asked of the code that is tested.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from urllib.parse import quote

from hypothesis import assume
from hypothesis import strategies as st

from ntag424 import (
    Generation,
    Key,
    Keyring,
    KeyState,
    KeyVersion,
    Mode,
    TamperStatus,
    UrlTemplate,
    VerificationError,
    Verifier,
)
from ntag424.crypto import Lrp, aes_cmac
from ntag424.diagnosis import Problem
from ntag424.keys import An10922Keys, HkdfKeys, StaticKeys
from ntag424.model import EncryptedFileData, EncryptedMirror, PiccDataTag, PlainMirror, SdmSettings
from ntag424.model.files import SdmAccess, SdmBlock
from ntag424.testing import SimulatedTag, TapSource
from tests.ntag424.diagnosis.planting import (
    FILE,
    MASTER,
    META,
    OTHER,
    UID,
    exchanged,
    scheme_keys,
    with_lengths,
)
from tests.support import Blueprint, blueprints, file_parts, width_of

COUNTER = 0x2A
#: First byte of a file that a mirror may take without the phone losing the URL: the text's.
HEADER = 7
_SDM_ON, _SDM_OFF, _RIGHTS = b"\x40", b"\x00", bytes.fromhex("00E0")


@dataclass(frozen=True, kw_only=True)
class Mistaken:
    """A URL that does not verify, and the one thing that is wrong."""

    url: str
    verifier: Verifier
    problem: Problem
    #: Every number of the sentence, in its order; None where they are not fixed.
    numbers: list | None = field(default_factory=list)
    #: SDM settings that must be found; None where no MAC can be.
    settings: SdmSettings | None = None


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag of some layout as provisioning writes it; every part can be replaced."""

    blueprint: Blueprint
    keys: list
    text: bytes
    settings: SdmSettings
    mode: Mode
    file_read: int = 2
    meta_read: int = 1
    sdm_on: bool = True

    def url(self):
        access = SdmAccess(self.file_read, self.meta_read if self.is_encrypted else None)
        try:
            block = bytes(SdmBlock.of(self.settings, access))
            source = TapSource(self._chip(block))
            url = source.tap()
        except ValueError:
            assume(False)  # a chip refuses it, or nobody could read it
        return url

    def _chip(self, block):
        return SimulatedTag(
            uid=UID,
            keys=self.keys,
            ndef_file=with_lengths(self.text)[:256],
            file_settings=_SDM_ON + _RIGHTS + block if self.sdm_on else _SDM_OFF + _RIGHTS,
            random_bytes=lambda count: bytes(range(0xA0, 0xA0 + count)),
            read_counter=COUNTER - 1,
            lrp=self.mode is Mode.LRP,
            tamper=bytes(TamperStatus.CLOSED) if self.blueprint.mirrors_tamper else None,
        )

    @property
    def is_encrypted(self):
        return isinstance(self.settings.mirror, EncryptedMirror)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A template, what provisioning makes of it, and who verifies its taps."""

    blueprint: Blueprint
    template: UrlTemplate
    scheme: object
    generation: Generation

    @property
    def mode(self):
        return self.blueprint.mode

    @property
    def verifier(self):
        return self.verified_by(KeyVersion(max(1, self.generation.key_version), self.scheme))

    def verified_by(self, *versions):
        return Verifier(self.template, Keyring(versions), mode=self.mode)

    @property
    def tag(self):
        layout = self.template.layout(self.generation, mode=self.mode)
        return Tag(
            blueprint=self.blueprint,
            keys=scheme_keys(self.scheme, epoch=self.generation.epoch),
            text=layout.ndef_file,
            settings=layout.sdm,
            mode=self.mode,
        )

    @property
    def prefix(self):
        """Return how many characters of the URL are a code in the file."""
        message = int.from_bytes(self.tag.text[:2], "big")
        return HEADER - 2 + len(self.tag.url()) - message

    @property
    def shift(self):
        return HEADER - self.prefix

    def place(self, name):
        """Return the offset of a field in the file, and its width."""
        span = self.blueprint.span(name)
        return span.start + self.shift, span.stop - span.start

    @property
    def mirrored(self):
        return [name for name in self.blueprint.names if name not in ("kv", "epoch", "mac-input")]


@st.composite
def layouts(draw, *, encrypts=None, shows_uid=None, needs=()):
    """Give a layout with the fields of *needs*, for tags of its own generation."""
    blueprint = draw(blueprints(encrypts=encrypts, shows_uid=shows_uid))
    names = [*blueprint.names, *(["file"] if blueprint.file else [])]
    assume(all(name in names for name in needs))
    version = draw(st.integers(1, 9)) if "kv" in blueprint.names else 0
    epoch = draw(st.integers(0, 200)) if "epoch" in blueprint.names else 0
    scheme = An10922Keys(MASTER)
    if not blueprint.shows_uid:
        scheme, epoch = StaticKeys(file_read=FILE, meta_read=META), 0
    return Layout(
        blueprint=blueprint,
        template=UrlTemplate(blueprint.text),
        scheme=scheme,
        generation=Generation(version, epoch),
    )


def verifies(verifier, url):
    try:
        verifier.verify(url)
    except VerificationError:
        return False
    return True


def fits(template, url):
    try:
        template.parse(url)
    except VerificationError:
        return False
    return True


def mistaken(layout, tag, problem, numbers=(), *, verifier=None, url=None, found=True):
    """Tap the tag, and leave out taps that verify: then nothing was a mistake."""
    url, verifier = url or tag.url(), verifier or layout.verifier
    assume(not verifies(verifier, url))
    return Mistaken(
        url=url,
        verifier=verifier,
        problem=problem,
        numbers=None if numbers is None else list(numbers),
        settings=tag.settings if found else None,
    )


# ---- keys -----------------------------------------------------------------------------------


@st.composite
def factory_keys(draw):
    layout = draw(layouts())
    tag = replace(layout.tag, keys=[bytes(16)] * 5)
    return mistaken(layout, tag, Problem.FACTORY_KEYS, [16])


@st.composite
def factory_file_key(draw):
    layout = draw(layouts(encrypts=True))
    keys = [*layout.tag.keys[:2], bytes(16), *layout.tag.keys[3:]]
    version = max(1, layout.generation.key_version)
    numbers = [16, version, 0]
    return mistaken(layout, replace(layout.tag, keys=keys), Problem.MIXED_KEYS, numbers)


@st.composite
def other_slot(draw):
    layout = draw(layouts(shows_uid=True))
    slot = draw(st.sampled_from([0, 3, 4]))
    tag = replace(layout.tag, file_read=slot)
    return mistaken(layout, tag, Problem.OTHER_SLOT, [slot])


@st.composite
def swapped_keys(draw):
    layout = replace(
        draw(layouts(encrypts=True)), scheme=StaticKeys(file_read=FILE, meta_read=META)
    )
    layout = replace(layout, generation=Generation(layout.generation.key_version, 0))
    tag = replace(layout.tag, keys=exchanged(layout.tag.keys, 1, 2))
    return mistaken(layout, tag, Problem.KEYS_SWAPPED, [1, 2])


@st.composite
def undiversified_master(draw):
    layout = draw(layouts(shows_uid=True))
    tag = replace(layout.tag, keys=[bytes(MASTER)] * 5)
    version = max(1, layout.generation.key_version)
    return mistaken(layout, tag, Problem.UNDIVERSIFIED_MASTER, [version])


@st.composite
def other_scheme(draw):
    layout = draw(layouts(shows_uid=True))
    tag = replace(layout.tag, keys=scheme_keys(HkdfKeys(MASTER), epoch=layout.generation.epoch))
    version = max(1, layout.generation.key_version)
    return mistaken(layout, tag, Problem.OTHER_SCHEME, [version])


@st.composite
def reversed_uid_in_key(draw):
    layout = draw(layouts(shows_uid=True))
    keys = list(layout.tag.keys)
    keys[2] = bytes(layout.scheme.tag_key(UID[::-1], 2, layout.generation.epoch))
    return mistaken(layout, replace(layout.tag, keys=keys), Problem.UID_REVERSED_IN_KEY)


def _before(layout, state):
    """Give the verifier that also knows another master, as the version before."""
    version = max(2, layout.generation.key_version)
    old = KeyVersion(version - 1, An10922Keys(OTHER), state)
    return version, layout.verified_by(old, KeyVersion(version, layout.scheme))


@st.composite
def previous_master(draw):
    layout = draw(layouts(shows_uid=True, needs=["kv"]))
    assume(layout.generation.key_version > 1)
    version, verifier = _before(layout, KeyState.ACCEPTING)
    keys = scheme_keys(An10922Keys(OTHER), epoch=layout.generation.epoch)
    tag, numbers = replace(layout.tag, keys=keys), [version, version - 1]
    return mistaken(layout, tag, Problem.OTHER_VERSION, numbers, verifier=verifier)


@st.composite
def retired_master(draw):
    layout = draw(layouts(shows_uid=True))
    assume("kv" not in layout.blueprint.names)
    version, verifier = _before(layout, KeyState.RETIRED)
    tag = replace(layout.tag, keys=scheme_keys(An10922Keys(OTHER)))
    return mistaken(layout, tag, Problem.RETIRED_VERSION, [version - 1], verifier=verifier)


@st.composite
def other_epoch(draw):
    layout = draw(layouts(shows_uid=True))
    due = layout.generation.epoch
    epoch = draw(st.integers(0, 40).filter(lambda epoch: epoch != due))
    tag = replace(layout.tag, keys=scheme_keys(layout.scheme, epoch=epoch))
    return mistaken(layout, tag, Problem.OTHER_EPOCH, [epoch, due])


# ---- the MAC --------------------------------------------------------------------------------


@st.composite
def window(draw):
    layout = draw(layouts())
    tag = layout.tag
    due, mac = tag.settings.mac_input_offset, tag.settings.mac_offset
    start = draw(st.integers(0, mac).filter(lambda start: start != due))
    tag = replace(tag, settings=replace(tag.settings, mac_input_offset=start))
    if start < due:
        return mistaken(layout, tag, Problem.MAC_WINDOW_EARLY, [start, due - start])
    numbers = [due] if start == mac else [start, due]
    return mistaken(layout, tag, Problem.MAC_WINDOW_LATE, numbers)


def session_of(layout):
    """Compute the CMAC of the next tap, the whole of it, as a program would."""
    shown = bytes(UID) * layout.blueprint.shows_uid
    shown += COUNTER.to_bytes(3, "little") * layout.blueprint.shows_counter
    key = Key(layout.tag.keys[2])
    if layout.mode is Mode.LRP:
        vector = (bytes.fromhex("00010080") + shown).ljust(14, b"\0") + bytes.fromhex("1EE1")
        return Lrp.pair(key.lrp.cmac(vector))[0].cmac
    vector = (bytes.fromhex("3CC300010080") + shown).ljust(16, b"\0")
    session_key = aes_cmac(bytes(key), vector)
    return lambda message: aes_cmac(session_key, message)


def with_mac(layout, url, cmac):
    place = layout.blueprint.span("mac")
    return url[: place.start] + cmac.hex().upper() + url[place.stop :]


@st.composite
def other_bytes_of_the_cmac(draw):
    layout = draw(layouts())
    taken = draw(st.sampled_from([slice(0, 8), slice(8, 16), slice(0, 16, 2)]))
    url = layout.tag.url()
    cmac = session_of(layout)(layout.blueprint.mac_input(url))
    url = with_mac(layout, url, cmac[taken])
    numbers = [8] if taken.step is None else []
    return mistaken(layout, layout.tag, Problem.NOT_AS_A_CHIP, numbers, url=url)


@st.composite
def window_without_what_leads_the_mac_in(draw):
    layout = draw(layouts(needs=["mac-input"]))
    url = layout.tag.url()
    lead = layout.blueprint.pieces[layout.blueprint.pieces.index("mac") - 1]
    assume(lead)
    covered = layout.blueprint.mac_input(url)
    assume(covered.endswith(lead.encode()) and covered != lead.encode())
    url = with_mac(layout, url, session_of(layout)(covered[: -len(lead)])[1::2])
    mac = layout.tag.settings.mac_offset
    numbers = [mac - len(lead), len(lead), mac]
    return mistaken(layout, layout.tag, Problem.NOT_AS_A_CHIP, numbers, url=url)


# ---- offsets --------------------------------------------------------------------------------

STEPS = st.integers(-12, 12).filter(bool)


def moved(settings, by, *, mirror=True, mac=True, mac_input=True, file=True, tamper=True):
    """Add *by* to some of the offsets."""

    def plus(offset, is_meant):
        return offset if offset is None else offset + by * is_meant

    due, file_data = settings.mirror, settings.encrypted_file_data
    if isinstance(due, EncryptedMirror):
        due = EncryptedMirror(plus(due.picc_data_offset, mirror), due.tag)
    else:
        due = PlainMirror(plus(due.uid_offset, mirror), plus(due.read_counter_offset, mirror))
    if file_data is not None:
        file_data = EncryptedFileData(plus(file_data.offset, file), file_data.length)
    try:
        return SdmSettings(
            due,
            plus(settings.mac_input_offset, mac_input),
            plus(settings.mac_offset, mac),
            file_data,
            plus(settings.tamper_offset, tamper),
        )
    except ValueError:
        assume(False)


def readable(layout, tag):
    """Leave out tags whose mirrors take the record's header, or are not wholly in the URL."""
    mirror, file_data = tag.settings.mirror, tag.settings.encrypted_file_data
    places = [(tag.settings.mac_offset, 10)]  # so much proves that it is the MAC
    if isinstance(mirror, EncryptedMirror):
        places.append((mirror.picc_data_offset, width_of("picc", tag.mode)))
    else:
        places += [(mirror.uid_offset, 14), (mirror.read_counter_offset, 6)]
    if file_data is not None:
        places.append((file_data.offset, file_data.length))
    if "tt" in layout.blueprint.names:
        places.append((tag.settings.tamper_offset, 2))
    places = sorted((at, at + width) for at, width in places if at is not None)
    assume(places[0][0] >= HEADER and places[-1][1] <= len(tag.text))
    assume(all(one[1] <= other[0] for one, other in pairwise(places)))
    return tag


def offsets(layout, names, by):
    """List where the fields are and where they are due, in the order of their places."""
    found = []
    for name in sorted(names, key=lambda name: layout.place(name)[0]):
        due = layout.place(name)[0]
        found += [due + by, due]
    return found


@st.composite
def all_offsets(draw):
    layout = draw(layouts())
    why = {
        layout.prefix: [layout.prefix],
        layout.prefix - HEADER: [],
        -HEADER: [HEADER],
        -2: [2],
        -5: [5],
    }
    by = draw((st.sampled_from(list(why)) | STEPS).filter(bool))
    tag = replace(layout.tag, settings=moved(layout.tag.settings, by))
    numbers = [abs(by), *why.get(by, []), *offsets(layout, layout.mirrored, by)]
    return mistaken(layout, readable(layout, tag), Problem.OFFSETS_SHIFTED, numbers)


@st.composite
def mac_offset(draw):
    layout = draw(layouts())
    by, marked = draw(STEPS), "mac-input" in layout.blueprint.names
    settings = moved(
        layout.tag.settings, by, mirror=False, file=False, tamper=False, mac_input=not marked
    )
    tag = readable(layout, replace(layout.tag, settings=settings))
    return mistaken(layout, tag, Problem.MAC_SHIFTED, offsets(layout, ["mac"], by))


@st.composite
def identity_offset(draw):
    layout = draw(layouts())
    by = draw(STEPS)
    settings = moved(layout.tag.settings, by, mac=False, mac_input=False, file=False, tamper=False)
    tag = readable(layout, replace(layout.tag, settings=settings))
    names = [name for name in layout.mirrored if name[:4] in ("uid", "ctr", "picc")]
    return mistaken(layout, tag, Problem.IDENTITY_SHIFTED, offsets(layout, names, by))


def states_generation(layout, at, width):
    """Leave out mirrors over key version or epoch: what then stands there might be these."""
    names = {"kv", "epoch"}.intersection(layout.blueprint.names)
    places = [layout.place(name) for name in names]
    assume(all(start + size <= at or at + width <= start for start, size in places))


def only_here(layout, tag, name, by):
    """Leave out taps of a field that may as well have moved otherwise: no MAC tells."""
    url, (at, width) = tag.url(), layout.place(name)
    text = url[: layout.prefix] + layout.tag.text[HEADER:].decode("ascii")
    spans = [layout.blueprint.span(other) for other in layout.blueprint.names if other != name]
    known = [
        place
        for place in range(len(url))
        if not any(span.start <= place < span.stop for span in spans)
    ]
    for other in range(-48, 49):
        first = at - layout.shift + other
        is_there = all(
            url[place] == text[place] or first <= place < first + width for place in known
        )
        assume(other == by or not is_there)
    return url


@st.composite
def file_data_offset(draw):
    layout = draw(layouts(needs=["file"]))
    by = draw(STEPS)
    settings = moved(
        layout.tag.settings, by, mirror=False, mac=False, mac_input=False, tamper=False
    )
    if layout.blueprint.file and "+tt@" in layout.blueprint.file:
        settings = replace(settings, tamper_offset=None)  # else it leaves the file data
    tag = readable(layout, replace(layout.tag, settings=settings))
    states_generation(
        layout, settings.encrypted_file_data.offset, settings.encrypted_file_data.length
    )
    name = layout.blueprint.file
    url, numbers = only_here(layout, tag, name, by), offsets(layout, [name], by)
    return mistaken(layout, tag, Problem.FILE_DATA_SHIFTED, numbers, url=url)


@st.composite
def tamper_offset(draw):
    layout = draw(layouts(needs=["tt"]))
    by = draw(STEPS)
    settings = moved(layout.tag.settings, by, mirror=False, mac=False, mac_input=False, file=False)
    tag = readable(layout, replace(layout.tag, settings=settings))
    states_generation(layout, settings.tamper_offset, 2)
    url, numbers = only_here(layout, tag, "tt", by), offsets(layout, ["tt"], by)
    return mistaken(layout, tag, Problem.TAMPER_STATUS_MISSING, numbers, url=url)


@st.composite
def exchanged_offsets(draw):
    layout = draw(layouts(encrypts=False, needs=["uid", "ctr"]))
    (uid, _), (counter, _) = layout.place("uid"), layout.place("ctr")
    settings = replace(layout.tag.settings, mirror=PlainMirror(counter, uid))
    tag = readable(layout, replace(layout.tag, settings=settings))
    at = [counter, uid, uid, counter] if counter < uid else [uid, counter, counter, uid]
    return mistaken(layout, tag, Problem.IDENTITY_SHIFTED, at)


# ---- room -----------------------------------------------------------------------------------


def with_room(layout, name, by, *, counted_anew):
    """Give a field more or less room in the text; offsets are the template's or counted anew."""
    tag, (start, width) = layout.tag, layout.place(name)
    stop = start + width
    room = b"0" * by if by > 0 else b""
    text = tag.text[: stop + min(0, by)] + room + tag.text[stop:]
    settings = tag.settings
    if counted_anew:
        settings = _counted_anew(settings, stop, by)
    return replace(tag, text=text, settings=settings)


def _counted_anew(settings, stop, by):
    def anew(offset):
        return offset if offset is None or offset < stop else offset + by

    mirror, file_data = settings.mirror, settings.encrypted_file_data
    if isinstance(mirror, EncryptedMirror):
        mirror = EncryptedMirror(anew(mirror.picc_data_offset), mirror.tag)
    else:
        mirror = PlainMirror(anew(mirror.uid_offset), anew(mirror.read_counter_offset))
    if file_data is not None:
        file_data = EncryptedFileData(anew(file_data.offset), file_data.length)
    return SdmSettings(
        mirror,
        anew(settings.mac_input_offset),
        anew(settings.mac_offset),
        file_data,
        anew(settings.tamper_offset),
    )


def room_of_run(layout, name):
    """Give where the fields begin that stand side by side with this one, and their width."""
    pieces = [piece for piece in layout.blueprint.pieces if piece not in ("", "mac-input")]
    at = pieces.index(name)
    fields = set(layout.blueprint.names)
    first = last = at
    while first and pieces[first - 1] in fields:
        first -= 1
    while last + 1 < len(pieces) and pieces[last + 1] in fields:
        last += 1
    start = layout.place(pieces[first])[0]
    return start, sum(layout.place(piece)[1] for piece in pieces[first : last + 1])


def looks_cut_off(layout, url):
    """Tell whether a whole tap might begin with *url*."""
    whole = layout.tag.url()
    fields = [layout.blueprint.span(name) for name in layout.blueprint.names]
    literal = "".join(
        "\0" if any(span.start <= place < span.stop for span in fields) else character
        for place, character in enumerate(whole)
    )
    return len(url) < len(whole) and all(
        due in ("\0", character) for due, character in zip(literal, url, strict=False)
    )


@st.composite
def room_for_a_field(draw):
    layout = draw(layouts())
    # Nobody can tell a literal of zeros from a placeholder.
    assume(all(set(piece) != {"0"} for piece in layout.blueprint.pieces[::2]))
    names = [name for name in layout.mirrored if name != "mac" and not name.startswith("file")]
    name, by = draw(st.sampled_from(names)), draw(st.integers(-4, 6).filter(bool))
    start, width = layout.place(name)
    assume(width + by >= 0)
    counted_anew = draw(st.booleans())
    tag = with_room(layout, name, by, counted_anew=counted_anew)
    readable(layout, tag)
    if tag.settings == layout.tag.settings:  # fields side by side share the room
        start, width = room_of_run(layout, name)
    url = tag.url()
    assume(not looks_cut_off(layout, url))
    return mistaken(layout, tag, Problem.FIELD_LENGTH, [width + by, start, width], url=url)


@st.composite
def size_of_the_file_data(draw):
    layout = draw(layouts(needs=["file"]))
    name = layout.blueprint.file
    (start, _), size = layout.place(name), file_parts(name)[0]
    other = draw(st.sampled_from([16, 32, 48]).filter(lambda other: other != size))
    tag = with_room(layout, name, 2 * (other - size), counted_anew=True)
    file_data = EncryptedFileData(start, 2 * other)
    tag = readable(
        layout, replace(tag, settings=replace(tag.settings, encrypted_file_data=file_data))
    )
    numbers = [other, other, 2 * other, start, size]
    return mistaken(layout, tag, Problem.FIELD_LENGTH, numbers)


# ---- modes and mirrors ----------------------------------------------------------------------


@st.composite
def layout_of_the_other_mode(draw):
    layout = draw(layouts(encrypts=True))
    other = Mode.AES if layout.mode is Mode.LRP else Mode.LRP
    tag = readable(layout, replace(layout.tag, mode=other))
    url = tag.url()
    right = replace(layout, blueprint=replace(layout.blueprint, mode=other))
    assume(not looks_cut_off(right, url))
    return mistaken(layout, tag, Problem.OTHER_MODE, url=url)


@st.composite
def other_mode(draw):
    layout = draw(layouts(encrypts=False))
    other = Mode.AES if layout.mode is Mode.LRP else Mode.LRP
    return mistaken(layout, replace(layout.tag, mode=other), Problem.OTHER_MODE)


@st.composite
def uid_alone(draw):
    layout = draw(layouts(encrypts=True, needs=["picc"]))
    assume(layout.blueprint.file is None)
    mirror = EncryptedMirror(layout.tag.settings.mirror.picc_data_offset, PiccDataTag.UID)
    tag = replace(layout.tag, settings=replace(layout.tag.settings, mirror=mirror))
    return mistaken(layout, tag, Problem.IDENTITY_DIFFERS)


@st.composite
def sdm_off(draw):
    layout = draw(layouts())
    tag = replace(layout.tag, sdm_on=False)
    assume(not layout.blueprint.mirrors_tamper)
    return mistaken(layout, tag, Problem.MIRRORS_UNTOUCHED, found=False)


@st.composite
def reversed_mirror(draw):
    layout = draw(layouts(encrypts=False, needs=["ctr"]))
    assume("mac-input" not in layout.blueprint.names)
    url, span = layout.tag.url(), layout.blueprint.span("ctr")
    url = url[: span.start] + COUNTER.to_bytes(3, "little").hex().upper() + url[span.stop :]
    # Zeros in front of it make it the counter as it should be, in another place.
    assume(f"{COUNTER:06X}" not in url)
    return mistaken(layout, layout.tag, Problem.MIRROR_REVERSED, url=url)


# ---- the way of the URL ---------------------------------------------------------------------


@st.composite
def cut_off(draw):
    layout = draw(layouts())
    count = draw(st.integers(1, 20))
    url = layout.tag.url()
    assume(len(url) - count > len(layout.blueprint.origin) + 1)
    # PICCData is 16 characters longer in LRP mode: what is left may be of a tap in the other.
    other = Mode.AES if layout.mode is Mode.LRP else Mode.LRP
    short = replace(layout, blueprint=replace(layout.blueprint, mode=other))
    assume(layout.blueprint.picc is None or not looks_cut_off(short, url[:-count]))
    assume(not fits(layout.template, url[:-count]))
    return mistaken(layout, layout.tag, Problem.TRUNCATED, [count], url=url[:-count], found=False)


@st.composite
def lower_case(draw):
    layout = draw(layouts())
    url = layout.tag.url()
    return mistaken(layout, layout.tag, Problem.CASE_CHANGED, url=url.lower())


@st.composite
def lower_case_of_the_mac(draw):
    layout = draw(layouts())
    url, span = layout.tag.url(), layout.blueprint.span("mac")
    url = url[: span.start] + url[span].lower() + url[span.stop :]
    return mistaken(layout, layout.tag, Problem.CASE_CHANGED, url=url)


@st.composite
def encoded_once_more(draw):
    layout = draw(layouts())
    url = quote(layout.tag.url(), safe="")
    return mistaken(layout, layout.tag, Problem.ESCAPED, url=url)


@st.composite
def appended(draw):
    layout = draw(layouts())
    url = layout.tag.url() + draw(st.sampled_from(["&fbclid=Iw", "#top", "?utm_source=x"]))
    return mistaken(layout, layout.tag, Problem.APPENDED, url=url)


@st.composite
def other_host(draw):
    layout = draw(layouts())
    assume(layout.blueprint.origin.startswith("http"))
    url = layout.tag.url()
    scheme, _, _ = layout.blueprint.origin.partition("://")
    origin = draw(st.sampled_from(["staging.example.org", "b", "id.example.com:99"]))
    url = f"{scheme}://{origin}" + url[len(layout.blueprint.origin) :]
    numbers = map(int, re.findall(r"\b\d+\b", layout.blueprint.origin))
    return mistaken(layout, layout.tag, Problem.HOST_DIFFERS, numbers, url=url)


@st.composite
def white_space(draw):
    layout = draw(layouts())
    url = layout.tag.url()
    place = draw(st.integers(0, len(url)))
    url = url[:place] + draw(st.sampled_from([" ", "\n", "\r\n", "\u200b"])) + url[place:]
    count = len(url) - len(layout.tag.url())
    return mistaken(layout, layout.tag, Problem.WHITE_SPACE, [count], url=url)


@st.composite
def other_scheme_of_the_url(draw):
    layout = draw(layouts())
    assume(layout.blueprint.origin.startswith("http"))
    url = layout.tag.url()
    scheme, _, rest = url.partition("://")
    other = "http" if scheme == "https" else "https"
    return mistaken(layout, layout.tag, Problem.SCHEME_DIFFERS, url=f"{other}://{rest}")


KINDS = [
    factory_keys,
    factory_file_key,
    other_slot,
    swapped_keys,
    undiversified_master,
    other_scheme,
    reversed_uid_in_key,
    previous_master,
    retired_master,
    other_epoch,
    window,
    other_bytes_of_the_cmac,
    window_without_what_leads_the_mac_in,
    all_offsets,
    mac_offset,
    identity_offset,
    file_data_offset,
    tamper_offset,
    exchanged_offsets,
    room_for_a_field,
    size_of_the_file_data,
    layout_of_the_other_mode,
    other_mode,
    uid_alone,
    sdm_off,
    reversed_mirror,
    cut_off,
    lower_case,
    lower_case_of_the_mac,
    encoded_once_more,
    appended,
    other_host,
    white_space,
    other_scheme_of_the_url,
]
