"""How a tag may be set up instead of as its template says: one mistake each.

Each of them foretells the whole URL: which characters the tag mirrors, and which are the
text that was written to it. So most are ruled out before a key is tried, and the one that
holds is the whole explanation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ntag424.diagnosis.tap.form import FILE_DATA, PICC_DATA, Form, hex_number, in_braces
from ntag424.diagnosis.tap.report import Finding, Problem
from ntag424.diagnosis.tap.tag_text import (
    COUNTER,
    FILE_BLOCK,
    IDENTITY,
    MAC,
    MAC_INPUT,
    PICC_CHARACTERS,
    STATIC,
    TAMPER,
    UID,
    SeenUrl,
    TagText,
)
from ntag424.model import EncryptedMirror, Mode, PiccDataTag, PiccMirror, PlainMirror
from ntag424.ndef import HEADER_BYTES, split_prefix
from ntag424.url_template import Placeholder

_WHAT = {
    PICC_DATA: "PICCData",
    UID: "the UID",
    COUNTER: "the counter",
    FILE_DATA: "the encrypted file data",
    TAMPER: "the tamper status",
    MAC: "the MAC",
}
#: How far people miss; the longest prefix has 12 characters, PICCData of LRP 16 too many.
_FARTHEST = 48
#: How many setups that foretell one URL are tried.
_MOST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Where a tag mirrors what; offsets count from the start of the NDEF file (§10.7.1)."""

    mode: Mode
    mirror: PiccMirror
    mac_input_offset: int
    mac_offset: int
    #: Whether the template says where the MAC begins to cover the text.
    marks_mac_input: bool
    #: What stands at {kv} and {epoch}; None where nothing does, or it cannot be read.
    named_version: int | None
    named_epoch: int | None
    #: What is wrong with it; None for the template's own.
    finding: Finding | None = None

    @property
    def picc_offset(self) -> int | None:
        """Where PICCData stands."""
        return self.mirror.picc_data_offset if isinstance(self.mirror, EncryptedMirror) else None

    @property
    def plain_offsets(self) -> tuple[int | None, int | None]:
        """Where UID and counter stand in the clear."""
        if isinstance(self.mirror, EncryptedMirror):
            return None, None
        return self.mirror.uid_offset, self.mirror.read_counter_offset


def due_setup(form: Form, shift: int, named_from: str) -> Setup:
    """Return what the template says; *shift* makes offsets of places in *named_from*."""
    return _as_setup(TagText.of(form), shift, named_from, None)


def other_setups(forms: Sequence[Form], url: str) -> Iterator[tuple[Setup, Finding]]:
    """Give every mistake that foretells *url* to the letter, the likelier first."""
    shift, beginning = forms[0].shift, forms[0].beginning
    if split_prefix(url[: len(beginning)])[0] != split_prefix(beginning)[0]:
        return  # The tag's file has another URI code, and all offsets are counted from it.
    # What the template foretells too, or a copy of that which was cut off, must have its MAC in
    # another place, in another mode, or over another text.
    due = {TagText.of(form).reach for form in forms if form.agreement(url) == len(url)}
    seen = SeenUrl(url, HEADER_BYTES - shift, is_ambiguous=bool(due))
    fitting = [
        (tag, told)
        for tag, told in _mistakes(forms, len(url))
        if seen.is_explained_by(tag) and tag.reach not in due
    ]
    # A MAC that seems to begin with zeros more likely begins behind them.
    fitting.sort(key=lambda pair: _zeros_at(url, pair[0].fields[MAC][0]))
    for tag, told in fitting[:_MOST]:
        finding = told.finding(tag, shift)
        yield _as_setup(tag, shift, url, finding), finding


def _zeros_at(url: str, place: int) -> int:
    return len(url) - place - len(url[place:].lstrip("0"))


# ---- mistakes -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of a tag that is set up so."""

    problem: Problem
    before: TagText
    #: A sentence in which {0} stands for the fields that moved.
    sentence: str

    def finding(self, tag: TagText, shift: int) -> Finding:
        """Put the numbers in: offsets in the file."""
        moved = [
            f"{_WHAT[name]} at offset {start + shift} of the file instead of "
            f"{self.before.fields[name][0] + shift}"
            for start, _, name in tag.mirrors
            if name in self.before.fields and start != self.before.fields[name][0]
        ]
        return Finding(self.problem, self.sentence.replace("{0}", _listed(moved)))


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), *parts[-1:]] if len(parts) > 1 else parts)


def _mistakes(forms: Sequence[Form], length: int) -> Iterator[tuple[TagText, _Told]]:
    for tag in (TagText.of(form) for form in forms if len(form) == length):
        yield from _all_moved(tag)
        yield from _of_other_mode(tag, forms)
        yield from _of_other_manner(tag)
        yield from _some_moved(tag)
        yield from _more_encrypted(tag)
    for tag in (TagText.of(form) for form in forms if len(form) != length):
        yield from _of_other_size(tag, length - len(tag.text))


def _distances() -> Iterator[int]:
    """Give how far something may have moved, the least first."""
    for size in range(1, _FARTHEST + 1):
        yield from (size, -size)


def _all_moved(tag: TagText) -> Iterator[tuple[TagText, _Told]]:
    prefix = HEADER_BYTES - tag.form.shift
    written = tag.form.origin[:prefix]
    # Where people begin to count, and by how much that is wrong.
    known = {
        prefix: f"they were counted with the {prefix} characters of {written}",
        prefix - HEADER_BYTES: f"they were counted from the first character of {written}",
        -HEADER_BYTES: f"the {HEADER_BYTES} bytes of NLEN and record header were left out",
        -2: "the 2 bytes of NLEN were left out",
        2 - HEADER_BYTES: "the 5 bytes of the record header were left out",
    }
    names = tuple(name for name in tag.fields if name not in STATIC)
    for by in dict.fromkeys((*known, *_distances())):
        if by:
            size = "large" if by > 0 else "small"
            why = f": {known[by]}" if by in known else ""
            sentence = f"Every offset is {abs(by)} too {size}{why}; the tag mirrors " + "{0}."
            told = _Told(Problem.OFFSETS_SHIFTED, tag, sentence)
            yield tag.moved(by, *names), told


def _some_moved(tag: TagText) -> Iterator[tuple[TagText, _Told]]:
    sentence = "The tag mirrors {0}."
    groups = [
        (Problem.MAC_SHIFTED, (MAC,)),
        (Problem.IDENTITY_SHIFTED, IDENTITY),
        (Problem.IDENTITY_SHIFTED, (UID,)),
        (Problem.IDENTITY_SHIFTED, (COUNTER,)),
        (Problem.FILE_DATA_SHIFTED, (FILE_DATA,)),
        (Problem.TAMPER_STATUS_MISSING, (TAMPER,)),
    ]
    for by in _distances():
        for problem, names in groups:
            if tag.fields.keys() & set(names):
                yield tag.moved(by, *names), _Told(problem, tag, sentence)


def _of_other_mode(tag: TagText, forms: Sequence[Form]) -> Iterator[tuple[TagText, _Told]]:
    """Have the layout of one mode, and a tag in the other: PICCData differs in length."""
    if PICC_DATA not in tag.fields:
        return
    for mode in (form.mode for form in forms if form.mode is not tag.mode):
        start, _ = tag.fields[PICC_DATA]
        sentence = f"The tag is in {mode.upper()} mode, and was laid out for {tag.mode.upper()}."
        other = tag.placed(**{PICC_DATA: (start, PICC_CHARACTERS[mode])})
        yield replace(other, mode=mode), _Told(Problem.OTHER_MODE, tag, sentence)


def _of_other_manner(tag: TagText) -> Iterator[tuple[TagText, _Told]]:
    """Mirror PICCData where UID or counter are due, or exchange these two."""
    uid, counter = tag.fields.get(UID), tag.fields.get(COUNTER)
    if uid and counter:
        other = tag.placed(UID=(counter[0], uid[1]), COUNTER=(uid[0], counter[1]))
        sentence = "UIDOffset and SDMReadCtrOffset are exchanged; the tag mirrors {0}."
        yield other, _Told(Problem.IDENTITY_SHIFTED, tag, sentence)
    for start, _ in filter(None, (uid, counter)):
        places = {UID: None, COUNTER: None, PICC_DATA: (start, PICC_CHARACTERS[tag.mode])}
        sentence = "The tag mirrors UID and counter encrypted, as PICCData; the template does not."
        yield tag.placed(**places), _Told(Problem.IDENTITY_DIFFERS, tag, sentence)


def _of_other_size(tag: TagText, excess: int) -> Iterator[tuple[TagText, _Told]]:
    """Have more or less room for one field than the template."""
    if FILE_DATA in tag.fields:
        start, width = tag.fields[FILE_DATA]
        if width + excess > 0 and not excess % FILE_BLOCK:
            encrypting = tag.resized(FILE_DATA, excess, counted_anew=True)
            yield _with_file_size(encrypting, start, width + excess, tag)
    # What the tag fills in comes first: the rest is seldom of another length.
    names = [name for name in tag.fields if name != MAC_INPUT and name not in STATIC]
    names += [name for name in tag.fields if name in STATIC]
    for name in names:
        other = _resized(tag, name, excess, counted_anew=True)
        # Where the tag mirrors the same, fields side by side share their room.
        if other is not None and other != _resized(tag, name, excess, counted_anew=False):
            yield other, _Told(Problem.FIELD_LENGTH, tag, _room(tag, [name], excess))
    for name in names:
        other = _resized(tag, name, excess, counted_anew=False)
        if other is not None:
            run = tag.run_of(name)
            yield other, _Told(Problem.FIELD_LENGTH, tag, _room(tag, run, excess))


def _resized(tag: TagText, name: str, excess: int, *, counted_anew: bool) -> TagText | None:
    is_possible = tag.fields[name][1] + excess >= 0
    return tag.resized(name, excess, counted_anew=counted_anew) if is_possible else None


def _room(tag: TagText, names: list[str], excess: int) -> str:
    start = tag.fields[names[0]][0]
    width = sum(tag.fields[name][1] for name in names)
    return (
        f"On the tag there are {width + excess} characters for {''.join(map(in_braces, names))}, "
        f"from offset {start + tag.form.shift} of the file, instead of {width}."
    )


def _more_encrypted(tag: TagText) -> Iterator[tuple[TagText, _Told]]:
    """Encrypt more of the same text than the template says."""
    if FILE_DATA not in tag.fields:
        return
    start, width = tag.fields[FILE_DATA]
    for room in range(width + FILE_BLOCK, tag.fields[MAC][0] - start + 1, FILE_BLOCK):
        yield _with_file_size(tag, start, room, tag)


def _with_file_size(tag: TagText, start: int, width: int, due: TagText) -> tuple[TagText, _Told]:
    sentence = (
        f"The tag encrypts {width // 2} bytes of the file, {{file:{width // 2}}}, and mirrors "
        f"{width} characters at offset {start + tag.form.shift} of it; the template has "
        f"{{file:{due.fields[FILE_DATA][1] // 2}}}."
    )
    other = tag.placed(**{FILE_DATA: (start, width)})
    return other, _Told(Problem.FIELD_LENGTH, due, sentence)


# ---- offsets --------------------------------------------------------------------------------


def _as_setup(tag: TagText, shift: int, url: str, finding: Finding | None) -> Setup:
    return Setup(
        mode=tag.mode,
        mirror=_mirror(tag, shift),
        mac_input_offset=tag.mac_input + shift,
        mac_offset=tag.fields[MAC][0] + shift,
        marks_mac_input=MAC_INPUT in tag.fields,
        named_version=_number(tag, Placeholder.KEY_VERSION, url),
        named_epoch=_number(tag, Placeholder.EPOCH, url),
        finding=finding,
    )


def _mirror(tag: TagText, shift: int) -> PiccMirror:
    fields = tag.fields
    if PICC_DATA in fields:
        is_due = tag.form.picc is not None
        shown = tag.form.identity if is_due else PiccDataTag.UID_AND_COUNTER
        return EncryptedMirror(fields[PICC_DATA][0] + shift, shown)
    uid, counter = fields.get(UID), fields.get(COUNTER)
    return PlainMirror(
        None if uid is None else uid[0] + shift,
        None if counter is None else counter[0] + shift,
    )


def _number(tag: TagText, field: Placeholder, url: str) -> int | None:
    """Read a static field, if no mirror was written over it."""
    if field.name not in tag.fields:
        return None
    start, width = tag.fields[field.name]
    is_over = any(at < start + width and start < at + size for at, size, _ in tag.mirrors)
    text = url[start : start + width]
    return None if is_over or len(text) != width else hex_number(text)
