"""The entrance: a URL and candidates in, an explanation out."""

from __future__ import annotations

from collections.abc import Iterable

from ntag424.diagnosis._budget import Budget
from ntag424.diagnosis._comparison import differences
from ntag424.diagnosis._explanation import Evidence, Explanation
from ntag424.diagnosis._form import Form
from ntag424.diagnosis._frame import Frame
from ntag424.diagnosis._problem import Finding, Problem
from ntag424.diagnosis._search import Match, Prepared, prepare, search
from ntag424.diagnosis._surface import read_surface
from ntag424.errors import VerificationError
from ntag424.model import Mode
from ntag424.sdm import VerifiedTap
from ntag424.verifier import Verifier

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
