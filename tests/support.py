"""What the library's tests share: known answers, and templates and keys at random."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from ntag424 import Generation, Key, Uid

_VECTORS = Path(__file__).parent / "vectors"

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

WIDTHS = {"uid": 14, "ctr": 6, "picc": 32, "mac": 16, "mac-input": 0, "kv": 2, "epoch": 2}


@dataclass(frozen=True)
class Blueprint:
    """A template in parts, from which a test builds every URL and offset by itself."""

    origin: str
    #: Literals at the even places, names of placeholders at the odd ones.
    pieces: tuple[str, ...]

    @property
    def names(self):
        return self.pieces[1::2]

    @property
    def text(self):
        return self._filled({name: f"{{{name}}}" for name in self.names})

    @property
    def encrypts(self):
        return "picc" in self.names

    def url(self, fields):
        """Return the URL in which *fields*, by name, are given as text."""
        return self._filled({"mac-input": ""} | fields)

    def span(self, name):
        """Return where in the URL the field called *name* stands."""
        start = len(self.origin)
        for index, piece in enumerate(self.pieces):
            if index % 2 and piece == name:
                return slice(start, start + WIDTHS[name])
            start += WIDTHS[piece] if index % 2 else len(piece)
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
    st.sampled_from(["http://", "https://", "http://www.", "https://www."]),
    st.sampled_from(_HOSTS),
    st.sampled_from(_PORTS),
)
# A dot stands beside a letter always, so no two pieces make a dot segment.
_PIECES = [*"aZ09~:@!$&()*+,;=_-/?", "a.b", "%41", "%C3%A9", "?x=", "00"]
_FREE = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
_LITERALS = st.sampled_from(["", "", "/", "&m=", "?p=", ";", "0", "/t?a.b=%C3%A9&"]) | _FREE

_MIRRORS = {True: ["picc", "mac"], False: ["uid", "ctr", "mac"]}
_STATIC = [[], ["kv"], ["kv", "epoch"]]


@st.composite
def blueprints(draw, *, encrypts=None):
    """Give valid templates: every placeholder in every place that the rules allow."""
    mirrors = _MIRRORS[draw(st.booleans()) if encrypts is None else encrypts]
    names = draw(st.permutations(mirrors + draw(st.sampled_from(_STATIC))))
    mark = draw(st.none() | st.integers(0, names.index("mac")))
    if mark is not None:
        names.insert(mark, "mac-input")
    literals = ["/" + draw(_LITERALS), *(draw(_LITERALS) for _ in names)]
    # One literal at most has the #; where it is none of them, the URL has no fragment.
    fragment = draw(st.integers(0, len(names) + 1))
    literals = [text + "#" * (place == fragment) for place, text in enumerate(literals)]
    pieces = [*itertools.chain(*zip(literals, names, strict=False)), literals[-1]]
    return Blueprint(draw(ORIGINS), tuple(pieces))


@st.composite
def generations(draw, blueprint, epochs=BYTE):
    """Give a generation that tags of *blueprint* can be written with."""
    key_version = draw(st.integers(1, 255)) if "kv" in blueprint.names else 0
    return Generation(key_version, draw(epochs) if "epoch" in blueprint.names else 0)


def generation_fields(generation):
    """Return the text of `{kv}` and `{epoch}`."""
    return {"kv": f"{generation.key_version:02X}", "epoch": f"{generation.epoch:02X}"}
