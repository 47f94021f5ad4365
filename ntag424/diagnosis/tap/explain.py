"""The entrance: a URL and candidates in, an explanation out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ntag424.diagnosis.tap.keys import KeyLabel, Origin
from ntag424.diagnosis.tap.readings import Budget
from ntag424.diagnosis.tap.report import Evidence, Explanation, Finding, Identity, Problem
from ntag424.diagnosis.tap.search import Match, Prepared, Truncation, prepare, search
from ntag424.diagnosis.tap.surface import Frame, frames
from ntag424.errors import VerificationError
from ntag424.keys import KeyState
from ntag424.model import EncryptedMirror, PiccDataTag, PiccMirror, PlainMirror
from ntag424.sdm import VerifiedTap
from ntag424.verifier import Verifier

_SHOWN = {
    PiccDataTag.UID_AND_COUNTER: "UID and counter",
    PiccDataTag.UID: "the UID only",
    PiccDataTag.COUNTER: "the counter only",
}
_TRUNCATED = {
    Truncation.FIRST: "the first 8 bytes of the CMAC",
    Truncation.LAST: "the last 8 bytes of the CMAC",
    Truncation.EVEN: "the even-numbered bytes of the CMAC",
}


def differences(match: Match) -> list[Finding]:
    """Name everything about *match* that is not as it should be, what happened to it included."""
    settings = [*_mirror(match), *_window(match), *_making(match)]
    found = [*_surface(match, settings), *_keys(match), *_generation(match), *settings]
    # One problem may show in two places, as where both keys are the factory's.
    return list({finding.problem: finding for finding in reversed(found)}.values())[::-1]


# ---- the URL --------------------------------------------------------------------------------


def _surface(match: Match, settings: list[Finding]) -> Iterator[Finding]:
    """Leave out how the text differs, where a mirror that was written over it explains that."""
    is_explained = any(_writes_over_text(match, finding.problem) for finding in settings)
    for finding in match.frame.findings:
        if finding.problem is not Problem.TEXT_DIFFERS or not is_explained:
            yield finding


def _writes_over_text(match: Match, problem: Problem) -> bool:
    if problem is Problem.OTHER_MODE:
        # PICCData is longer in LRP mode than the room that AES needs for it.
        return isinstance(match.reading.mirror, EncryptedMirror)
    return problem in (Problem.MAC_SHIFTED, Problem.IDENTITY_SHIFTED)


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
    if meta is not None and meta.family != file.family:
        yield Finding(
            Problem.MIXED_KEYS,
            f"The MAC key is {_whose(file)}, the PICCData key is {_whose(meta)}.",
        )
        return
    yield from _origin(match, file, "The MAC is made with")
    if meta is not None:
        yield from _origin(match, meta, "PICCData is encrypted with")


def _whose(label: KeyLabel) -> str:
    if label.origin is Origin.FACTORY:
        return "the one that NXP delivers, 16 zero bytes"
    if label.version is None:
        return "one that everybody knows"
    return f"of key version {label.version} of candidate {label.keyring}"


def _origin(match: Match, label: KeyLabel, what: str) -> Iterator[Finding]:
    match label.origin:
        case Origin.FACTORY:
            text = (
                f"{what} the key that NXP delivers, 16 zero bytes: the tag was never provisioned, "
                "and anybody can forge what it sends."
            )
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
    label, named = match.key, match.frame.setup.named_version
    is_retired = label.state is KeyState.RETIRED
    is_own = label.keyring == match.frame.candidate
    if is_own and label.version is not None and named not in (None, label.version):
        text = (
            f"The URL names key version {named}, and the tag has keys of "
            f"key version {label.version}{', which is retired' if is_retired else ''}."
        )
        yield Finding(Problem.OTHER_VERSION, text)
    elif is_retired:
        text = f"The tag's keys are those of key version {label.version}, which is retired."
        yield Finding(Problem.RETIRED_VERSION, text)
    epoch = _named_epoch(match.frame)
    if label.origin is Origin.SCHEME and epoch is not None and label.epoch not in (None, epoch):
        text = f"The tag has the keys of epoch {label.epoch}, not of epoch {epoch}."
        yield Finding(Problem.OTHER_EPOCH, text)


def _named_epoch(frame: Frame) -> int | None:
    """Return the epoch that is due, 0 where the template has none; None if it is unreadable."""
    names_epoch = frame.verifiers[frame.candidate].template.names_epoch
    return frame.setup.named_epoch if names_epoch else 0


# ---- settings -------------------------------------------------------------------------------


def _mirror(match: Match) -> Iterator[Finding]:
    reading, setup = match.reading, match.frame.setup
    if reading.mode is not setup.mode:
        text = f"The tag is in {reading.mode.upper()} mode, not in {setup.mode.upper()}."
        yield Finding(Problem.OTHER_MODE, text)
    if reading.is_reversed:
        text = "UID or counter stand in the URL with their bytes in reverse."
        yield Finding(Problem.MIRROR_REVERSED, text)
    is_encrypted, is_due = (
        isinstance(mirror, EncryptedMirror) for mirror in (reading.mirror, setup.mirror)
    )
    if is_encrypted is not is_due or reading.mirror.tag is not setup.mirror.tag:
        manner = "encrypted" if is_encrypted else "in the clear"
        text = f"The tag mirrors {_SHOWN[reading.mirror.tag]}, {manner}; the template does not."
        yield Finding(Problem.IDENTITY_DIFFERS, text)
    yield from _shifted(_places(reading.mirror, setup.mirror))


def _places(mirror: PiccMirror, due: PiccMirror) -> list[tuple[str, int | None, int | None]]:
    """Pair where PICCData, UID and counter are with where they are due."""
    if isinstance(mirror, EncryptedMirror) and isinstance(due, EncryptedMirror):
        return [("PICCData", mirror.picc_data_offset, due.picc_data_offset)]
    if isinstance(mirror, PlainMirror) and isinstance(due, PlainMirror):
        places = [
            ("the UID", mirror.uid_offset, due.uid_offset),
            ("the counter", mirror.read_counter_offset, due.read_counter_offset),
        ]
        return sorted(places, key=lambda place: place[1] or 0)
    return []


def _shifted(places: list[tuple[str, int | None, int | None]]) -> Iterator[Finding]:
    moved = [
        f"{what} at offset {at} of the file instead of {due}"
        for what, at, due in places
        if at is not None and due is not None and at != due
    ]
    if moved:
        yield Finding(Problem.IDENTITY_SHIFTED, f"The tag mirrors {' and '.join(moved)}.")


def _window(match: Match) -> Iterator[Finding]:
    setup, window = match.frame.setup, match.window
    if window.mac != setup.mac_offset:
        text = f"The MAC stands at offset {window.mac} of the file instead of {setup.mac_offset}."
        yield Finding(Problem.MAC_SHIFTED, text)
    # Where nothing is marked, the MAC covers nothing, wherever it stands.
    due = setup.mac_input_offset if setup.marks_mac_input else window.mac
    if window.start < due:
        text = (
            f"The MAC covers the file from offset {window.start}, which is {due - window.start} "
            "characters earlier than the template says."
        )
        yield Finding(Problem.MAC_WINDOW_EARLY, text)
    if window.start > due:
        is_empty = window.start == window.mac
        covered = "covers nothing of the file" if is_empty else f"begins at offset {window.start}"
        text = f"The MAC {covered}; the template has it begin at offset {due}."
        yield Finding(Problem.MAC_WINDOW_LATE, text)


def _making(match: Match) -> Iterator[Finding]:
    """Name what no chip does, and programs that compute a MAC get wrong."""
    window = match.window
    if window.stop != window.mac:
        text = (
            f"The MAC covers the file up to offset {window.stop}, without the "
            f"{window.mac - window.stop} characters in front of the MAC at offset {window.mac}."
        )
        yield Finding(Problem.NOT_AS_A_CHIP, text)
    if match.truncation is not Truncation.ODD:
        text = f"The MAC is made of {_TRUNCATED[match.truncation]}, not of the odd-numbered ones."
        yield Finding(Problem.NOT_AS_A_CHIP, text)


# ---- the entrance ---------------------------------------------------------------------------

#: A URL of a tag has 261 characters at most; what is behind these says nothing of it.
_MOST_CHARACTERS = 4096
# A counter above this is possible, but hints at PICCData that a wrong key opened.
_USUAL_COUNTER = 0xFFFF
_NXP = 0x04


def explain(url: str, candidates: Iterable[Verifier]) -> Explanation:
    """Say why *url* does not verify: under what key, mode or settings it would.

    Made for operators, with keys at hand. It takes up to a second, with pycryptodome
    alone about two, and its time depends on the keys: never offer it to the public.
    The answer contains no key and no MAC. No string makes it raise. It says that the URL
    verifies exactly if a candidate's `verify` does.

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
    prepared = prepare(frames(url[:_MOST_CHARACTERS], verifiers), verifiers, budget)
    match = search(prepared, budget)
    if match is None:
        identity = next(_identities(prepared), None)
        return Explanation(
            verifies=False,
            findings=tuple(_unmatched(prepared, identity)),
            identity=identity,
            complete=not budget.overdrawn,
        )
    findings = tuple(_matched(match))
    return Explanation(verifies=False, findings=findings, evidence=_as_found(match))


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


def _unmatched(prepared: list[Prepared], identity: Identity | None) -> list[Finding]:
    """Say what can be seen without the right key."""
    if not prepared:
        return [Finding(Problem.NO_MATCH, "There is no candidate to compare the URL with.")]
    best = prepared[0].frame
    found = list(best.findings)
    is_untouched = any(finding.problem is Problem.MIRRORS_UNTOUCHED for finding in found)
    if best.fits and not is_untouched:
        found.append(_nothing(best, identity))
    return found


def _nothing(best: Frame, identity: Identity | None) -> Finding:
    count = len(best.verifiers)
    whom = "the one candidate" if count == 1 else f"the {count} candidates"
    if identity is not None and isinstance(identity.mirror, EncryptedMirror):
        what = f"PICCData opens, but no key of {whom}, and no usual mistake, makes this MAC."
        return Finding(Problem.ONLY_PICC_DATA_OPENS, what)
    what = f"No key of {whom}, and no usual mistake, makes this MAC."
    return Finding(Problem.NO_MATCH, what)


def _identities(prepared: list[Prepared]) -> Iterator[Identity]:
    """Give who the tag seems to be, the likelier first; by chance it does so once in 2^24."""
    for one in prepared:
        for reading in one.readings:
            meta, uid, counter = reading.meta, reading.uid, reading.read_counter
            if uid is None or counter is None or reading.is_reversed:
                continue
            is_due = reading.mirror == one.frame.setup.mirror
            # Many keys, places and setups are tried: only the likely ones are believed.
            is_likely = is_due if meta is None else meta.origin in (Origin.SCHEME, Origin.FACTORY)
            if is_likely and uid[0] == _NXP and 0 < counter <= _USUAL_COUNTER:
                yield Identity(
                    uid=uid,
                    read_counter=counter,
                    mirror=reading.mirror,
                    keyring=None if meta is None else meta.keyring,
                    key_version=None if meta is None else meta.version,
                )
