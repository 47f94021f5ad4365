"""The entrance: a URL and candidates in, an explanation out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ntag424.diagnosis.form import Form
from ntag424.diagnosis.keys import KeyLabel, Origin
from ntag424.diagnosis.readings import Budget
from ntag424.diagnosis.report import Evidence, Explanation, Finding, Problem
from ntag424.diagnosis.search import Match, Prepared, prepare, search
from ntag424.diagnosis.surface import Frame, read_surface
from ntag424.errors import VerificationError
from ntag424.keys import KeyState
from ntag424.model import EncryptedMirror, Mode, PiccDataTag
from ntag424.sdm import VerifiedTap
from ntag424.verifier import Verifier

_SHOWN = {
    PiccDataTag.UID_AND_COUNTER: "UID and counter",
    PiccDataTag.UID: "the UID only",
    PiccDataTag.COUNTER: "the counter only",
}


def differences(match: Match) -> list[Finding]:
    """Name everything about *match* that is not as it should be, what happened to it included."""
    settings = [*_mirror(match), *_window(match)]
    found = [*_surface(match, settings), *_keys(match), *_generation(match), *settings]
    # One problem may show in two places, as where both keys are the factory's.
    return list({finding.problem: finding for finding in reversed(found)}.values())[::-1]


# ---- the URL --------------------------------------------------------------------------------


def _surface(match: Match, settings: list[Finding]) -> Iterator[Finding]:
    """Leave out how the text differs, where a mirror that was written over it explains that."""
    is_explained = any(_writes_over_text(match, finding.problem) for finding in settings)
    for finding in match.frame.surface.findings:
        if finding.problem is Problem.TEXT_DIFFERS and is_explained:
            yield from _placeholder_length(match)
        else:
            yield finding


def _writes_over_text(match: Match, problem: Problem) -> bool:
    if problem is Problem.OTHER_MODE:
        # PICCData is longer in LRP mode than the room that AES needs for it.
        return isinstance(match.reading.mirror, EncryptedMirror)
    return problem in (Problem.MAC_SHIFTED, Problem.IDENTITY_SHIFTED)


def _placeholder_length(match: Match) -> Iterator[Finding]:
    frame = match.frame
    excess = len(frame.text) - len(frame.form)
    if excess and match.window[1] - frame.offset(frame.form.mac.start) == excess:
        more = "more" if excess > 0 else "fewer"
        yield Finding(
            Problem.FIELD_LENGTH,
            f"Before the MAC the tag was given {abs(excess)} characters {more} than the "
            "template has, and the mirrors were written over its text.",
        )


# ---- keys -----------------------------------------------------------------------------------


def _keys(match: Match) -> Iterator[Finding]:
    file, meta = match.key, match.reading.meta
    if file.is_meta and meta is not None and not meta.is_meta and meta.slot is not None:
        yield Finding(
            Problem.KEYS_SWAPPED,
            f"The MAC is made with the meta-read key, of slot {file.slot}, and PICCData is "
            f"encrypted with the key of slot {meta.slot}.",
        )
        return
    yield from _origin(match, file, "The MAC is made with")
    if meta is not None:
        yield from _origin(match, meta, "PICCData is encrypted with")
        if meta.family != file.family:
            yield Finding(
                Problem.MIXED_KEYS,
                f"The MAC key is {_whose(file)}, the PICCData key is {_whose(meta)}.",
            )


def _whose(label: KeyLabel) -> str:
    if label.version is None:
        return "one that everybody knows"
    return f"of key version {label.version} of candidate {label.keyring}"


def _origin(match: Match, label: KeyLabel, what: str) -> Iterator[Finding]:
    match label.origin:
        case Origin.FACTORY:
            text = f"{what} the factory key (16 zero bytes): none was written to the tag."
            yield Finding(Problem.FACTORY_KEYS, text)
        case Origin.DEVELOPMENT:
            text = f"{what} a key that {label.scheme} derives from a published master."
            yield Finding(Problem.DEVELOPMENT_KEYS, text)
        case Origin.MASTER:
            text = f"{what} the master key of key version {label.version} itself."
            yield Finding(Problem.UNDIVERSIFIED_MASTER, text)
        case Origin.RELATIVE:
            text = (
                f"{what} a key that {label.scheme}, with its usual parameters, derives from the "
                f"master of key version {label.version}."
            )
            yield Finding(Problem.OTHER_SCHEME, text)
        case Origin.REVERSED_UID:
            text = f"{what} a key that was derived for the UID with its bytes in reverse."
            yield Finding(Problem.UID_REVERSED_IN_KEY, text)
        case Origin.NO_UID:
            text = f"{what} the key that {label.scheme} derives for a UID of zeros."
            yield Finding(Problem.OTHER_SCHEME, text)
        case Origin.OTHER_SLOT:
            text = f"{what} the key of slot {label.slot}, which the scheme has for something else."
            yield Finding(Problem.OTHER_SLOT, text)
        case Origin.SCHEME:
            pass
    if label.keyring is not None and label.keyring != match.frame.candidate:
        text = (
            f"{what} a key of candidate {label.keyring}, and the URL has the form of "
            f"candidate {match.frame.candidate}."
        )
        yield Finding(Problem.OTHER_KEYRING, text)


def _generation(match: Match) -> Iterator[Finding]:
    label, frame = match.key, match.frame
    if label.state is KeyState.RETIRED:
        text = f"The tag's keys are those of key version {label.version}, which is retired."
        yield Finding(Problem.RETIRED_VERSION, text)
    if label.version is not None and frame.named_version not in (None, label.version):
        text = (
            f"The URL names key version {frame.named_version}, and the tag has keys of "
            f"key version {label.version}."
        )
        yield Finding(Problem.OTHER_VERSION, text)
    if label.origin is Origin.SCHEME and label.epoch not in (None, frame.named_epoch):
        text = f"The tag has the keys of epoch {label.epoch}, not of epoch {frame.named_epoch}."
        yield Finding(Problem.OTHER_EPOCH, text)


# ---- settings -------------------------------------------------------------------------------


def _mirror(match: Match) -> Iterator[Finding]:
    reading, frame = match.reading, match.frame
    if reading.mode is not frame.expected_mode:
        text = f"The tag is in {reading.mode.upper()} mode, not in {frame.expected_mode.upper()}."
        yield Finding(Problem.OTHER_MODE, text)
    if reading.is_reversed:
        text = "UID or counter stand in the URL with their bytes in reverse."
        yield Finding(Problem.MIRROR_REVERSED, text)
    is_encrypted = isinstance(reading.mirror, EncryptedMirror)
    due = frame.form.identity
    if is_encrypted is not (frame.form.picc is not None) or reading.mirror.tag is not due:
        manner = "encrypted" if is_encrypted else "in the clear"
        text = f"The tag mirrors {_SHOWN[reading.mirror.tag]}, {manner}; the template does not."
        yield Finding(Problem.IDENTITY_DIFFERS, text)
    yield from _shifted(_due_places(match))


def _due_places(match: Match) -> list[tuple[str, int | None, int | None]]:
    """Pair where PICCData, UID and counter are with where the template has them."""
    mirror, frame = match.reading.mirror, match.frame
    if isinstance(mirror, EncryptedMirror):
        return [("PICCData", mirror.picc_data_offset, frame.picc_offset)]
    return [
        ("the UID", mirror.uid_offset, frame.uid_offset),
        ("the counter", mirror.read_counter_offset, frame.counter_offset),
    ]


def _shifted(places: list[tuple[str, int | None, int | None]]) -> Iterator[Finding]:
    moved = [
        f"{what} at offset {at} of the file instead of {due}"
        for what, at, due in places
        if at is not None and due is not None and at != due
    ]
    if moved:
        yield Finding(Problem.IDENTITY_SHIFTED, f"The tag mirrors {' and '.join(moved)}.")


def _window(match: Match) -> Iterator[Finding]:
    frame, (start, end) = match.frame, match.window
    due_end = frame.offset(frame.form.mac.start)
    if end != due_end:
        text = f"The MAC stands at offset {end} of the file instead of {due_end}."
        yield Finding(Problem.MAC_SHIFTED, text)
    # Where nothing is marked, the MAC covers nothing, wherever it stands.
    due = frame.offset(frame.form.mac_input_start) if frame.form.marks_mac_input else end
    if start < due:
        text = (
            f"The MAC covers the file from offset {start}, which is {due - start} characters "
            "earlier than the template says."
        )
        yield Finding(Problem.MAC_WINDOW_EARLY, text)
    if start > due:
        covered = "covers nothing of the file" if start == end else f"begins at offset {start}"
        text = f"The MAC {covered}; the template has it begin at offset {due}."
        yield Finding(Problem.MAC_WINDOW_LATE, text)


#: A URL of a tag has 261 characters at most; what is behind these says nothing of it.
_MOST_CHARACTERS = 4096
# A counter above this is possible, but hints at PICCData that a wrong key opened.
_USUAL_COUNTER = 0xFFFF
_NXP = 0x04


def explain(url: str, candidates: Iterable[Verifier]) -> Explanation:
    """Say why *url* does not verify: under what key, mode or settings it would.

    Made for operators, with keys at hand. It takes up to a second for AES, some
    seconds for LRP, and its time depends on the keys: never offer it to the public.
    The answer contains no key and no MAC. No string makes it raise.

    *candidates* are tried together: the URL may have the template of one and the keys
    of another. Evidence and findings name them by their index.
    """
    verifiers = tuple(candidates)
    for index, verifier in enumerate(verifiers):
        try:
            tap = verifier.verify(url)
        except VerificationError:
            continue
        return Explanation(verifies=True, evidence=_as_verified(index, verifier, tap))
    budget = Budget()
    prepared = [prepare(frame, verifiers, budget) for frame in _frames(url, verifiers)]
    match = search(prepared, budget)
    if match is None:
        findings = tuple(_unmatched(prepared))
        return Explanation(verifies=False, findings=findings, complete=not budget.overdrawn)
    findings = tuple(_matched(match))
    return Explanation(verifies=False, findings=findings, evidence=_as_found(match))


def _frames(url: str, verifiers: tuple[Verifier, ...]) -> list[Frame]:
    """Put the URL under every template, the one it agrees best with first."""
    frames = []
    for index, verifier in enumerate(verifiers):
        forms = tuple(Form(verifier.template.text, mode) for mode in Mode)
        surface = read_surface(url[:_MOST_CHARACTERS], forms)
        frames += [Frame(index, verifiers, forms, surface, text) for text in surface.texts]
    return sorted(frames, key=_oddity)


def _oddity(frame: Frame) -> tuple[bool, bool, int, int]:
    """Order frames: first the mended text, then by how much had to be mended."""
    surface = frame.surface
    is_unmended = frame.text != surface.texts[0]
    return is_unmended, not surface.fits, len(surface.findings), -surface.reach


def _as_verified(index: int, verifier: Verifier, tap: VerifiedTap) -> Evidence:
    version = next(one for one in verifier.keyring if one.ordinal == tap.key_version)
    scheme = version.scheme
    return Evidence(
        candidate=index,
        keyring=index,
        scheme=type(scheme).__name__,
        key_version=version.ordinal,
        state=version.state,
        epoch=tap.epoch,
        file_read_number=scheme.file_read_number,
        meta_read_number=scheme.meta_read_number if verifier.template.encrypts else None,
        mode=tap.mode,
        uid=tap.uid,
        read_counter=tap.read_counter,
        sdm=verifier.template.layout(mode=tap.mode).sdm,
    )


def _as_found(match: Match) -> Evidence:
    label, reading = match.key, match.reading
    return Evidence(
        candidate=match.frame.candidate,
        keyring=label.keyring,
        scheme=label.scheme,
        key_version=label.version,
        state=label.state,
        epoch=label.epoch,
        file_read_number=label.slot,
        meta_read_number=None if reading.meta is None else reading.meta.slot,
        mode=reading.mode,
        uid=reading.uid,
        read_counter=reading.read_counter,
        sdm=match.settings,
    )


def _matched(match: Match) -> list[Finding]:
    found = differences(match)
    if found:
        return found
    # All is as it should be but one thing, which shows only behind the MAC.
    text = "The encrypted file data has no tamper status where the template has it."
    return [Finding(Problem.TAMPER_STATUS_MISSING, text)]


def _unmatched(prepared: list[Prepared]) -> list[Finding]:
    """Say what can be seen without the right key."""
    if not prepared:
        return [Finding(Problem.NO_MATCH, "There is no candidate to compare the URL with.")]
    best = prepared[0]
    found = list(best.frame.surface.findings)
    is_untouched = any(finding.problem is Problem.MIRRORS_UNTOUCHED for finding in found)
    if best.frame.surface.fits and not is_untouched:
        found.append(_picc_data_only(best) or _nothing(best))
    return found


def _nothing(best: Prepared) -> Finding:
    count = len(best.frame.verifiers)
    whom = "the one candidate" if count == 1 else f"the {count} candidates"
    what = f"No key of {whom}, and no usual mistake, makes this MAC."
    return Finding(Problem.NO_MATCH, what)


def _picc_data_only(best: Prepared) -> Finding | None:
    """Name the key under which PICCData looks right; by chance it does so once in 2^24."""
    for reading in best.readings:
        meta, uid, counter = reading.meta, reading.uid, reading.read_counter
        if meta is None or meta.version is None or uid is None or counter is None:
            continue
        if uid[0] == _NXP and 0 < counter <= _USUAL_COUNTER:
            what = (
                f"PICCData probably opens under key version {meta.version} of candidate "
                f"{meta.keyring}, as UID {uid} and counter {counter}; but no key makes the MAC."
            )
            return Finding(Problem.ONLY_PICC_DATA_OPENS, what)
    return None
