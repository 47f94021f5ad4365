"""What the library's tests share: known answers, and templates and keys at random."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import assume
from hypothesis import strategies as st

from ntag424 import Generation, Key, Mode, Uid

_VECTORS = Path(__file__).parent / "vectors"


def forged(url):
    """Change the last digit of a MAC, whatever it is."""
    return url[:-1] + ("1" if url[-1] == "0" else "0")


# ---- known answers --------------------------------------------------------------------------


@dataclass(frozen=True)
class Vector:
    """One known answer; indexing reads hex as bytes, anything else as it stands."""

    id: str
    op: str
    given: dict
    expected: dict

    def __getitem__(self, name):
        value = self.given[name] if name in self.given else self.expected[name]
        return value if isinstance(value, int) or name.endswith("_text") else bytes.fromhex(value)

    def __contains__(self, name):
        return name in self.given or name in self.expected

    def get(self, name):
        """Return what is called *name*, or None where the vector does not have it."""
        try:
            return self[name]
        except KeyError:
            return None


def vectors(name, *ops):
    """Read the vectors of one file that are of one of the *ops*; there must be some."""
    document = json.loads((_VECTORS / f"{name}.json").read_text("utf-8"))
    entries = document["vectors"] if isinstance(document, dict) else document
    found = [
        Vector(entry["id"], entry["op"], entry["in"], entry["out"])
        for entry in entries
        if entry["op"] in ops
    ]
    if not found:
        raise LookupError(f"no vector of {', '.join(ops)} in {name}.json")
    return found


# ---- values ---------------------------------------------------------------------------------

BYTE = st.integers(0, 0xFF)
UIDS = st.binary(min_size=7, max_size=7).map(Uid)
KEYS = st.binary(min_size=16, max_size=16).map(Key)
COUNTERS = st.integers(0, 0xFFFFFF)

# ---- templates ------------------------------------------------------------------------------

WIDTHS = {"uid": 14, "ctr": 6, "tt": 2, "mac": 16, "mac-input": 0, "kv": 2, "epoch": 2}
TAMPERS = st.sampled_from(["CC", "CO", "OC", "OO", "II"])


def width_of(name, mode=Mode.AES):
    """Return how many characters stand for `{name}`."""
    if name.startswith("picc"):
        return 32 if mode == Mode.AES else 48
    if name.startswith("file:"):
        return 2 * file_parts(name)[0]
    return WIDTHS[name]


def file_parts(name):
    """Take the name of a file field apart: its bytes, and where in them the tamper status is."""
    size, _, place = name.removeprefix("file:").partition("+tt@")
    return int(size), int(place) if place else None


@dataclass(frozen=True)
class Blueprint:
    """A template in parts, from which a test builds every URL and offset by itself."""

    origin: str
    #: Literals at the even places, names of placeholders at the odd ones.
    pieces: tuple[str, ...]
    mode: Mode = Mode.AES

    @property
    def names(self):
        return self.pieces[1::2]

    @property
    def text(self):
        return self._filled({name: f"{{{name}}}" for name in self.names})

    @property
    def picc(self):
        """Return the name of the field of PICCData, if there is one."""
        return next((name for name in self.names if name.startswith("picc")), None)

    @property
    def file(self):
        """Return the name of the field of SDMENCFileData, if there is one."""
        return next((name for name in self.names if name.startswith("file:")), None)

    @property
    def mirrors_tamper(self):
        return "tt" in self.names or (self.file is not None and "+tt@" in self.file)

    @property
    def shows_uid(self):
        return bool({"uid", "picc", "picc:uid"}.intersection(self.names))

    @property
    def shows_counter(self):
        return bool({"ctr", "picc", "picc:ctr"}.intersection(self.names))

    def url(self, fields):
        """Return the URL in which *fields*, by name, are given as text."""
        return self._filled({"mac-input": ""} | fields)

    def span(self, name):
        """Return where in the URL the field called *name* stands."""
        start = len(self.origin)
        for index, piece in enumerate(self.pieces):
            width = width_of(piece, self.mode) if index % 2 else len(piece)
            if index % 2 and piece == name:
                return slice(start, start + width)
            start += width
        raise LookupError(name)

    def mac_input(self, url):
        """Return the characters of *url* that the MAC covers."""
        end = self.span("mac").start
        start = self.span("mac-input").start if "mac-input" in self.names else end
        return url[start:end].encode("ascii")

    def _filled(self, fields):
        return self.origin + "".join(
            fields[piece] if index % 2 else piece for index, piece in enumerate(self.pieces)
        )


_HOSTS = ["a", "t.example", "id.example.com", "www.example.com", "xn--bcher-kva.de"]
_PORTS = ["", "", ":1", ":8080", ":65535"]
ORIGINS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["http://", "https://", "http://www.", "https://www.", "lnurlw://", "ftp://"]),
    st.sampled_from(_HOSTS),
    st.sampled_from(_PORTS),
) | st.sampled_from(["myapp:", "myapp://", "urn:epc:id:", "com.example-1+x://A@b"])
# A dot stands beside a letter always, so no two pieces make a dot segment.
_PIECES = [*"aZ09~:@!$&()*+,;=_-/?", "a.b", "%41", "%C3%A9", "?x=", "00"]
_FREE = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
_LITERALS = st.sampled_from(["", "", "/", "&m=", "?p=", ";", "0", "/t?a.b=%C3%A9&"]) | _FREE

#: What a tag can show of itself, by whether it is encrypted.
_IDENTITIES = {
    True: [["picc"], ["picc"], ["picc:uid"], ["picc:ctr"]],
    False: [["uid", "ctr"], ["uid", "ctr"], ["uid"], ["ctr"]],
}
_STATIC = [[], ["kv"], ["kv", "epoch"]]
_FILES = ["file:16", "file:32", "file:16+tt@0", "file:16+tt@14", "file:32+tt@15"]


@st.composite
def blueprints(draw, *, encrypts=None, shows_uid=None):
    """Give valid templates: every placeholder in every place that the rules allow."""
    identities = _IDENTITIES[draw(st.booleans()) if encrypts is None else encrypts]
    if shows_uid:
        identities = [names for names in identities if not names[0].endswith("ctr")]
    identity = draw(st.sampled_from(identities))
    names = _ordered(draw, identity, draw(covered(identity)))
    literals = ["/" + draw(_LITERALS), *(draw(_LITERALS) for _ in names)]
    # One literal at most has the #; where it is none of them, the URL has no fragment.
    fragment = draw(st.integers(0, len(names) + 1))
    literals = [text + "#" * (place == fragment) for place, text in enumerate(literals)]
    pieces = [*itertools.chain(*zip(literals, names, strict=False)), literals[-1]]
    origin = draw(ORIGINS)
    if names[0] == "mac-input" and draw(st.booleans()):
        place = draw(st.integers(0, len(origin)))
        pieces[:3] = [origin[:place], "mac-input", origin[place:] + pieces[0] + pieces[2]]
        origin = ""
    blueprint = Blueprint(origin, tuple(pieces), draw(st.sampled_from(Mode)))
    # What is not in the URI code of the record must fit behind seven bytes of header.
    assume(len(blueprint.url({name: "0" * width_of(name, Mode.LRP) for name in names})) <= 256)
    return blueprint


@st.composite
def covered(draw, identity):
    """Give fields that only a MAC makes worth anything: file data and the tamper status."""
    shows_both = identity in (["picc"], ["uid", "ctr"])
    file = draw(st.sampled_from([None, *_FILES])) if shows_both else None
    inside = file is not None and "+tt@" in file
    tamper = not inside and draw(st.integers(0, 3)) == 0
    return [name for name in (file, "tt" if tamper else None) if name is not None]


def _ordered(draw, identity, behind_the_mark):
    """Put the fields in any order in which the MAC covers what it must."""
    names = draw(st.permutations([*identity, "mac", *draw(st.sampled_from(_STATIC))]))
    mac = names.index("mac")
    if not behind_the_mark:
        mark = draw(st.none() | st.integers(0, mac))
        return names if mark is None else [*names[:mark], "mac-input", *names[mark:]]
    mark, *places = sorted(draw(st.integers(0, mac)) for _ in range(1 + len(behind_the_mark)))
    for place, name in reversed(list(zip(places, behind_the_mark, strict=True))):
        names = [*names[:place], name, *names[place:]]
    return [*names[:mark], "mac-input", *names[mark:]]


@st.composite
def generations(draw, blueprint, epochs=BYTE):
    """Give a generation that tags of *blueprint* can be written with."""
    key_version = draw(st.integers(1, 255)) if "kv" in blueprint.names else 0
    return Generation(key_version, draw(epochs) if "epoch" in blueprint.names else 0)


def generation_fields(generation):
    """Return the text of `{kv}` and `{epoch}`."""
    return {"kv": f"{generation.key_version:02X}", "epoch": f"{generation.epoch:02X}"}
