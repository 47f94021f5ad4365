"""To enrol a tag so that asking again does no harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ntag424.arguments import require_text, require_type
from ntag424.errors import LedgerUnavailableError, StaleGenerationError
from ntag424.model import Generation, Uid
from ntag424.replay._ledger import TagLedger, TagRecord, TagState, require_read_counter


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a ledger is to know of one tag. It holds no secret."""

    uid: Uid
    generation: Generation
    #: Taps up to it are used.
    counter: int
    #: For people; ledgers keep none.
    label: str = ""
    #: That of its URL, for whoever knows which ones are served; empty where nobody says.
    template: str = ""

    def __post_init__(self) -> None:
        require_type("uid", self.uid, Uid, instead="Uid(...) or Uid.from_hex(...)")
        require_type("generation", self.generation, Generation, instead="Generation(...)")
        require_text("label", self.label)
        require_text("template", self.template)
        require_read_counter(self.counter)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """From now on the ledger expects the tag's taps."""

    record: TagRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """The ledger knew exactly that already: an answer may have been lost."""

    record: TagRecord


@dataclass(frozen=True, slots=True)
class Stale:
    """The ledger knows the generation with another counter, or a higher one; nothing changed."""

    record: TagRecord


EnrolmentVerdict: TypeAlias = Enrolled | Standing | Stale


async def enrol_once(ledger: TagLedger, enrolment: Enrolment) -> EnrolmentVerdict:
    """Enrol a tag; the same call again finds it standing.

    Raises:
        LedgerUnavailableError: the ledger could not answer; calling again does no harm.

    """
    try:
        await ledger.enrol(enrolment.uid, enrolment.generation, enrolment.counter)
    except StaleGenerationError:
        record = await _find(ledger, enrolment.uid)
        return Standing(record) if _is_as_wanted(record, enrolment) else Stale(record)
    return Enrolled(await _find(ledger, enrolment.uid))


async def retire(ledger: TagLedger, uid: Uid) -> TagRecord | None:
    """Let no tap that the tag made so far count; return what is known of it, None if nothing.

    It is erased, and comes back by an enrolment in a higher generation. Only if it is
    suspended it stays so: an enrolment must not undo what somebody decided about the tag.

    Raises:
        LedgerUnavailableError: the ledger could not answer; calling again does no harm.

    """
    record = await ledger.find(uid)
    if record is None or record.state is not TagState.ACTIVE:
        return record
    await ledger.set_state(uid, TagState.ERASED)
    return await ledger.find(uid)


def _is_as_wanted(record: TagRecord, enrolment: Enrolment) -> bool:
    wanted = (enrolment.generation, enrolment.counter)
    # Taps of an erased tag are refused in this generation, whatever is said of it.
    return (record.generation, record.counter) == wanted and record.state is not TagState.ERASED


async def _find(ledger: TagLedger, uid: Uid) -> TagRecord:
    record = await ledger.find(uid)
    if record is None:
        raise LedgerUnavailableError("the ledger does not know what it was told")
    return record
