"""What `repair` found, and what it is going to do, in words: said before it is done."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntag424 import Uid
from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.evidence import Evidence
from ntag424_provisioning.engine.jobs import is_intact, look_at
from ntag424_provisioning.enrolment import Later
from ntag424_provisioning.model import Goal, KnownTag, Stage
from ntag424_provisioning.model.known_tag import ATTEMPTS

# The tag locks a key for good at a thousand: the first tenth is worth a warning.
_WARNING = 100


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One sentence each."""

    uid: Uid
    finding: str
    intention: str
    #: Empty if all is well with the attempts that were spent.
    warning: str
    #: Whether there is nothing to do.
    is_sound: bool


def diagnose(bench: Bench) -> Diagnosis:
    """Look at the tag on the reader; nothing is sent that costs an attempt.

    Raises:
        As `look_at`.

    """
    evidence = look_at(bench)
    known = evidence.known
    # Who enrols later has nothing to do with a tag that is written.
    ended = (Stage.READY, Stage.WRITTEN) if isinstance(bench.enroller, Later) else (Stage.READY,)
    is_sound = known.stage in ended and is_intact(evidence, bench)
    finding, intention = _words(evidence, is_sound=is_sound)
    return Diagnosis(known.uid, finding, intention, _warning(known.attempts), is_sound)


def allow_more_attempts(bench: Bench) -> None:
    """Allow as many attempts again as there were at the beginning.

    Raises:
        As `look_at`.

    """
    known = look_at(bench).known
    bench.journal.put(replace(known, allowance=max(known.attempts) + ATTEMPTS))


def _words(evidence: Evidence, *, is_sound: bool) -> tuple[str, str]:
    """Return what was found, and what will be done."""
    known = evidence.known
    match known.stage:
        case Stage.PLANNED:
            words = "is as it was before it was to be written.", f"{_becoming(known.goal)}."
        case Stage.WRITING:
            words = _begun(known), f"{_becoming(known.goal)}."
        case Stage.WRITTEN if known.goal is not None and known.goal.is_reset:
            words = "blank again; no ledger was told.", "prove that it is, and tell the ledger."
        case Stage.WRITTEN if is_sound:
            words = "works, and is not enrolled.", "nothing; --enrol enrols it."
        case Stage.WRITTEN:
            words = "written, and not enrolled.", "prove that it works, and enrol it."
        case Stage.READY if is_sound:
            words = "works, as it was left.", "nothing."
        case Stage.READY:
            words = "is not as it was left.", "write it again, as a new life."
        case Stage.BLANK:
            words = "nothing was begun with it.", "what --url says."
    return words


def _begun(known: KnownTag) -> str:
    open_slots = [str(number) for number, keys in enumerate(known.slots) if len(keys) > 1]
    which = f"; key {', '.join(open_slots)} may be either" if open_slots else ""
    about = f", last at {known.about}" if known.about else ""
    return f"begun and not finished{about}{which}."


def _becoming(goal: Goal | None) -> str:
    if goal is None or goal.profile is None:
        return "make it blank"
    generation = goal.generation
    return (
        f"finish it for {goal.profile.template.place}, key version {generation.key_version}, "
        f"epoch {generation.epoch}"
    )


def _warning(attempts: tuple[int, ...]) -> str:
    worst = max(attempts)
    if worst < _WARNING:
        return ""
    return f"{worst} authentications had no success; a thousand lock a key for good."
