"""The four jobs: provision, rotate, reset, repair. Any of them may be cut off at any point."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum, unique

from ntag424 import Generation, Keyring, KeyVersion, Mode, Uid, Verifier
from ntag424.flow import run
from ntag424.keys import KeyScheme
from ntag424_provisioning.engine.access import require_allowed
from ntag424_provisioning.engine.bench import Bench, Outcome, Result
from ntag424_provisioning.engine.evidence import Evidence, gather
from ntag424_provisioning.engine.generations import next_generation
from ntag424_provisioning.engine.observe import Observation, observe
from ntag424_provisioning.engine.preview import Preview, preview
from ntag424_provisioning.engine.prove import Proof, prove
from ntag424_provisioning.engine.workpiece import Workpiece, in_doubt_once_begun
from ntag424_provisioning.engine.write import write
from ntag424_provisioning.errors import (
    InDoubtError,
    RefusedError,
    SetupError,
    StaleEpochError,
    WorkingTagError,
    WrongKeyError,
)
from ntag424_provisioning.model import Goal, Profile, Stage
from ntag424_provisioning.model.image import NDEF_FILE

# A ledger that knows a higher generation each time is not the ledger of these tags.
_GENERATIONS_TRIED = 3


@unique
class Origin(Enum):
    """Which chips may be written."""

    #: Those whose UID NXP signed.
    NXP = "nxp"
    #: Any: simulated tags have no signature of NXP's.
    ANY = "any"


@unique
class UrlChange(Enum):
    """What to do with a tag that works, and shows another URL than is asked for."""

    REFUSED = "refused"
    MEANT = "meant"


def provision(
    bench: Bench,
    profile: Profile,
    *,
    label: str = "",
    origin: Origin = Origin.NXP,
    url_change: UrlChange = UrlChange.REFUSED,
) -> Result:
    """Make the tag on the reader a working tag of *profile*, under the active key version.

    A tag that is that already is left alone. One that was begun and not finished is
    finished.

    Raises:
        NotOurChipError, OriginalityError: it is not written.
        WrongKeyError: it has keys of somebody else.
        WorkingTagError: it works with another URL, and *url_change* does not mean that.
        InDoubtError: it was begun; `repair` finishes it.
        VaultError, RefusedError, ReaderError, TransportError: it is as it was.

    """
    evidence = look_at(bench)
    piece = _workpiece(bench, evidence)
    with in_doubt_once_begun(piece):
        present = evidence.known.goal
        if present is not None and _is_same_life(bench, present, profile):
            if evidence.known.stage is not Stage.READY:
                return _go_on(piece, evidence, present)
            if is_intact(evidence, bench):
                return _unchanged(evidence)
        if url_change is UrlChange.REFUSED:
            _require_same_url(evidence, profile)
        if origin is Origin.NXP:
            piece.session.check_originality(piece.known.uid)
        goal = Goal(profile, _next(bench, evidence, profile))
        _require_image(bench, goal, piece.known.uid)
        piece.known = replace(piece.known, label=label or piece.known.label)
        return _finish(piece, goal, evidence.observation)


def foresee(bench: Bench, profile: Profile) -> Preview:
    """Say what `provision` would do to the tag on the reader; nothing changes it.

    Raises:
        As `provision`.

    """
    evidence = look_at(bench)
    uid, present = evidence.known.uid, evidence.known.goal
    if present is None or not _is_same_life(bench, present, profile):
        present = Goal(profile, _next(bench, evidence, profile))
    _require_image(bench, present, uid)
    scheme = _scheme(bench, present)
    return preview(evidence, present, {mode: present.image(uid, scheme, mode) for mode in Mode})


def rotate(bench: Bench) -> Result:
    """Move the tag on the reader to the active key version, with the profile it has.

    Raises:
        RefusedError: the vault has no record of it.
        As `provision` else.

    """
    profile = _recorded_profile(look_at(bench))
    # Its origin was checked when it was written first.
    return provision(bench, profile, origin=Origin.ANY)


def reset(bench: Bench) -> Result:
    """Make the tag on the reader as NXP delivered it, prove it, and tell the ledger.

    Raises:
        As `provision`.

    """
    evidence = look_at(bench)
    piece = _workpiece(bench, evidence)
    if evidence.observation.uid is None:
        raise RefusedError(
            "a tag with random IDs is known by nothing but its URL, which a reset would take away",
            'It can be written again as often as you like: "ntag424 provision".',
        )
    shown = None if evidence.tap is None else evidence.tap.generation
    goal = Goal(None, piece.known.generation or shown or Generation(0, evidence.highest_epoch))
    with in_doubt_once_begun(piece):
        return _finish(piece, goal, evidence.observation)


def repair(bench: Bench, profile: Profile | None = None, *, origin: Origin = Origin.NXP) -> Result:
    """Finish what was begun with the tag on the reader, by what the journal says.

    *profile* is for a tag that the journal does not know: what it is to become.

    Raises:
        RefusedError: nothing is known of it, and no profile was given.
        As `provision` else.

    """
    evidence = look_at(bench)
    goal = evidence.known.goal
    if goal is None or evidence.known.stage is Stage.BLANK:
        if profile is None:
            raise RefusedError(
                f"the vault knows of nothing that was begun with tag {evidence.known.uid}",
                'Say what it is to become with --url, or run "ntag424 reset".',
            )
        return provision(bench, profile, origin=origin)
    piece = _workpiece(bench, evidence)
    with in_doubt_once_begun(piece):
        if evidence.known.stage is not Stage.READY:
            return _go_on(piece, evidence, goal)
        if is_intact(evidence, bench):
            return _unchanged(evidence)
        # Somebody else wrote to it: a life of its own, so that nothing old becomes new.
        again = Goal(goal.profile, _next(bench, evidence, _recorded_profile(evidence)))
        return _finish(piece, again, evidence.observation)


def look_at(bench: Bench) -> Evidence:
    """Look at the tag on the reader; the journal must be ready before the first command.

    Raises:
        VaultError: it is not.
        NotOurChipError, WrongKeyError: see `observe` and `gather`.

    """
    bench.journal.require_writable()
    return gather(run(observe(), bench.link), bench.journal, bench.keyring)


def is_intact(evidence: Evidence, bench: Bench) -> bool:
    """Whether a tag in use still looks as it was left, as far as everybody can see."""
    goal, tap = evidence.known.goal, evidence.tap
    if goal is None or tap is None or tap.generation != goal.generation:
        return False
    image = goal.image(tap.uid, _scheme(bench, goal), tap.mode)
    seen, versions = evidence.observation, evidence.observation.key_versions
    return (
        all(told in (None, key.version) for told, key in zip(versions, image.keys, strict=True))
        and seen.settings == dict(image.settings)
        and seen.cc == image.cc
        and image.settings[NDEF_FILE].sdm is not None
    )


def _workpiece(bench: Bench, evidence: Evidence) -> Workpiece:
    return Workpiece(bench, evidence.known, is_begun=evidence.known.stage is Stage.WRITING)


def _is_same_life(bench: Bench, present: Goal, profile: Profile) -> bool:
    """Whether nothing new begins: it is what the tag was, or is to be, made into already."""
    active = bench.keyring.active.ordinal
    return present.profile == profile and present.generation.key_version == active


def _next(bench: Bench, evidence: Evidence, profile: Profile) -> Generation:
    enrolled = bench.enroller.find(evidence.known.uid)
    former = [evidence.known.generation, None if enrolled is None else enrolled.generation]
    highest = max((one for one in former if one is not None), default=None)
    return next_generation(bench.keyring.active, profile, highest, evidence.highest_epoch)


def _unchanged(evidence: Evidence) -> Result:
    goal, tap = evidence.known.goal, evidence.tap
    generation = Generation() if goal is None else goal.generation
    counter = 0 if tap is None else tap.counter
    uid, url = evidence.known.uid, evidence.observation.url
    return Result(uid, Outcome.UNCHANGED, generation, counter, url)


def _go_on(piece: Workpiece, evidence: Evidence, goal: Goal) -> Result:
    """Take up what was left: a tag that was proven lacks nothing but its enrolment."""
    known = piece.known
    if known.stage is not Stage.WRITTEN or not is_intact(evidence, piece.bench):
        return _finish(piece, goal, evidence.observation)
    try:
        # As it was asked the first time: the answer alone may have been lost.
        result = _enrol(piece, goal, Proof(known.counter, evidence.observation.url))
        return result if piece.known.stage is Stage.READY else _unchanged(evidence)
    except StaleEpochError:
        return _finish(piece, goal, evidence.observation)


def _finish(piece: Workpiece, goal: Goal, seen: Observation) -> Result:
    _require_allowed(piece, goal, seen)
    for _ in range(_GENERATIONS_TRIED):
        with _planned(piece, goal):
            proof = _write_and_prove(piece, goal, seen)
        if goal.profile is None:
            return _blank(piece, goal)
        piece.put(replace(piece.known, stage=Stage.WRITTEN, about="", counter=proof.counter))
        piece.is_begun = True
        try:
            return _enrol(piece, goal, proof)
        except StaleEpochError as stale:
            former = max(stale.known, goal.generation)
            active = piece.bench.keyring.active
            goal = Goal(goal.profile, next_generation(active, goal.profile, former, 0))
    raise InDoubtError(
        f"the ledger knows a higher generation of tag {piece.known.uid} each time",
        "Check that it is the ledger of these tags, and that nobody else writes them now.",
    )


@contextmanager
def _planned(piece: Workpiece, goal: Goal) -> Iterator[None]:
    """Put the goal down; a tag that works, and is refused untouched, stays what it was."""
    former = piece.known
    stage = Stage.WRITING if piece.is_begun else Stage.PLANNED
    piece.put(replace(former, goal=goal, stage=stage))
    try:
        yield
    except (RefusedError, WrongKeyError):
        if former.stage in (Stage.READY, Stage.WRITTEN) and not piece.is_begun:
            piece.put(replace(piece.known, goal=former.goal, stage=former.stage))
        raise


def _enrol(piece: Workpiece, goal: Goal, proof: Proof) -> Result:
    uid, generation = piece.known.uid, goal.generation
    template = piece.known.template
    is_known = piece.bench.enroller.enrol(uid, generation, proof.counter, template)
    piece.put(replace(piece.known, stage=Stage.READY if is_known else Stage.WRITTEN))
    return Result(uid, Outcome.PROVISIONED, generation, proof.counter, proof.url)


def _write_and_prove(piece: Workpiece, goal: Goal, seen: Observation) -> Proof:
    version = _version(piece.bench, goal)
    mode = write(piece, goal, version.scheme, seen)
    piece.known = replace(piece.known, about="its proof")
    return prove(piece, goal, version, mode)


def _blank(piece: Workpiece, goal: Goal) -> Result:
    """Have the ledger refuse what a blank tag made before; if it cannot, `repair` does."""
    uid, generation = piece.known.uid, goal.generation
    piece.put(replace(piece.known, stage=Stage.WRITTEN, about="", counter=0))
    is_told = piece.bench.enroller.retire(uid, generation)
    piece.put(replace(piece.known, stage=Stage.BLANK))
    return Result(uid, Outcome.RESET, generation, 0, is_retired=is_told)


def _scheme(bench: Bench, goal: Goal) -> KeyScheme:
    return _version(bench, goal).scheme


def _version(bench: Bench, goal: Goal) -> KeyVersion:
    """Return the goal's key version, retired or not; a blank tag needs none."""
    for version in bench.keyring:
        if version.ordinal == goal.generation.key_version or goal.is_reset:
            return KeyVersion(version.ordinal, version.scheme)
    raise SetupError(
        f"the tag was written under key version {goal.generation.key_version}, which is not here",
        'Bring it back with "ntag424 keys restore".',
    )


def _require_image(bench: Bench, goal: Goal, uid: Uid) -> None:
    """Refuse what cannot be written before anything is."""
    try:
        for mode in Mode:
            goal.image(uid, _scheme(bench, goal), mode)
        if goal.profile is not None:
            Verifier(goal.profile.template, Keyring([_version(bench, goal)]))
    except ValueError as error:
        hint = "Choose another template, or another key scheme."
        raise RefusedError(f"template and keys do not go together: {error}", hint) from error


def _require_allowed(piece: Workpiece, goal: Goal, seen: Observation) -> None:
    """Refuse by what the tag tells everybody, before anything is put down or tried."""
    mode = Mode.AES if goal.profile is None else goal.profile.mode or Mode.AES
    image = goal.image(piece.known.uid, _scheme(piece.bench, goal), mode)
    require_allowed(seen.settings, image.settings)


def _require_same_url(evidence: Evidence, profile: Profile) -> None:
    known = evidence.known
    former = None if known.goal is None else known.goal.profile
    works = known.stage in (Stage.READY, Stage.WRITTEN) and former is not None
    if works and former is not None and former.template != profile.template:
        raise WorkingTagError(
            f"tag {known.uid} works, with the URL {former.template.place}: with another one, "
            "whatever counts on that URL loses it"
        )


def _recorded_profile(evidence: Evidence) -> Profile:
    goal = evidence.known.goal
    if goal is None or goal.profile is None:
        raise RefusedError(
            f"the vault does not know what tag {evidence.known.uid} is for",
            'Run "ntag424 provision", which says so.',
        )
    return goal.profile
