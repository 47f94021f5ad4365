"""`move`: everything arrives, and never do two ledgers accept taps."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from ntag424_service.errors import MoveError
from ntag424_service.operations import comparison
from ntag424_service.operations.move import Progress, Step, move

from ntag424 import CountedTap, Generation, Uid
from ntag424.errors import LedgerError
from ntag424.replay import Accepted, Grant, Phase, Replayed, SqliteStore, TagRecord, TagState
from ntag424.replay.sqlite._archive import SqliteArchive
from tests.service import move_process
from tests.service.asking import Wire
from tests.service.house import NONCE
from tests.service.running import PATIENCE_SECONDS, environment, run_command, serving

pytestmark = pytest.mark.anyio

STORE_ID = "0123456789abcdef" * 2
NOW, NEXT = Generation(1, 2), Generation(1, 3)
STATES = list(TagState)
#: More than two pages.
MANY = 2100


def uid_of(number):
    return Uid(b"\x04" + number.to_bytes(6, "big"))


def tags(count, counter=5):
    """Records of every kind."""
    return [
        TagRecord(uid_of(n), NOW, counter, STATES[n % 4 % 3], enrolled=n % 5 > 0)
        for n in range(count)
    ]


@dataclass(frozen=True)
class Place:
    """A file where a ledger is, or is to be."""

    path: Path

    @property
    def store(self):
        return SqliteStore(self.path)

    @property
    def url(self):
        return f"sqlite:///{self.path}"

    async def make(self, phase=Phase.SERVING, records=(), store_id=STORE_ID):
        await self.store.init(store_id=store_id, phase=phase)
        async with self.archive(store_id) as archive:
            await archive.merge(records)
        return self

    def archive(self, store_id=STORE_ID):
        return _Archive(self.store, store_id)

    async def records(self):
        async with self.archive() as archive:
            return [record async for page in archive.records() for record in page]

    def ask(self, sql):
        """Reach around the ledger."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            return db.execute(sql).fetchall()

    @property
    def phase(self):
        """Its phase, or None where nothing is."""
        if not self.path.exists():
            return None
        ((phase,),) = self.ask("SELECT phase FROM store")
        return Phase(phase)


class _Archive:
    def __init__(self, store, store_id):
        self._store, self._store_id = store, store_id

    async def __aenter__(self):
        self._archive = await self._store.archive(self._store_id)
        return self._archive

    async def __aexit__(self, *_):
        await self._archive.aclose()


@pytest.fixture
def target(tmp_path):
    return Place(tmp_path / "target.db")


@pytest.fixture
def source(tmp_path):
    return Place(tmp_path / "source.db")


@pytest.fixture
async def full(source):
    """A ledger of some pages that serves."""
    return await source.make(records=tags(MANY))


def silent(progress):
    pass


def moved(source, target, tell=silent):
    return move(source.store, target.store, STORE_ID, tell)


# ---- what arrives ---------------------------------------------------------------------------


async def test_every_record_arrives_as_it_was(full, target):
    assert await moved(full, target) == MANY
    assert await target.records() == tags(MANY)


async def test_an_empty_ledger_moves_too(source, target):
    await source.make()
    assert (await moved(source, target), target.phase) == (0, Phase.SERVING)


async def test_the_target_serves_under_the_same_id_and_the_source_no_more(full, target):
    await moved(full, target)
    await target.store.open(STORE_ID).aclose()
    with pytest.raises(LedgerError, match="moved elsewhere"):
        full.store.open(STORE_ID)


async def test_a_tap_that_was_used_up_is_so_in_the_target(source, target):
    await source.make()
    before = source.store.open(STORE_ID)
    await before.enrol(uid_of(1), NOW, 0)
    await before.redeem(CountedTap(uid_of(1), NOW, 7), grant=Grant(bytes(32), 300))
    await before.aclose()
    await moved(source, target)
    after = target.store.open(STORE_ID)
    verdicts = [await after.redeem(CountedTap(uid_of(1), NOW, n)) for n in (7, 8)]
    await after.aclose()
    assert verdicts == [Replayed(), Accepted()]


async def test_every_step_is_told_in_order(full, target):
    told = []
    await moved(full, target, told.append)
    assert told == [
        Progress(Step.READY),
        Progress(Step.LEAVING),
        Progress(Step.COPIED, 1000, MANY),
        Progress(Step.COPIED, 2000, MANY),
        Progress(Step.COPIED, MANY, MANY),
        Progress(Step.VERIFIED, MANY, MANY),
        Progress(Step.SERVING, MANY, MANY),
    ]


async def test_a_move_that_had_finished_does_nothing(full, target):
    await moved(full, target)
    before = target.path.read_bytes()
    told = []
    assert await moved(full, target, told.append) is None
    assert (told, target.path.read_bytes() == before) == ([], True)


# ---- and back -------------------------------------------------------------------------------


async def test_a_ledger_that_moves_back_knows_what_happened_meanwhile(full, target):
    await moved(full, target)
    async with target.archive() as archive:
        await archive.merge(tags(MANY + 5, counter=6))
    await moved(target, full)
    assert await full.records() == tags(MANY + 5, counter=6)
    assert (target.phase, full.phase) == (Phase.SEALED, Phase.SERVING)


async def test_a_session_from_before_is_not_back_with_the_ledger(source, target):
    await source.make()
    grant = Grant(bytes(32), 86400)
    before = source.store.open(STORE_ID)
    await before.enrol(uid_of(1), NOW, 0)
    await before.redeem(CountedTap(uid_of(1), NOW, 7), grant=grant)
    await before.aclose()
    await moved(source, target)
    await moved(target, source)
    after = source.store.open(STORE_ID)
    found = await after.grant(grant.digest)
    await after.aclose()
    assert found is None


async def test_a_tag_set_active_meanwhile_does_not_stop_the_way_back(source, target):
    suspended = TagRecord(uid_of(1), NOW, 5, TagState.SUSPENDED, enrolled=True)
    await source.make(records=[suspended])
    await moved(source, target)
    ledger = target.store.open(STORE_ID)
    await ledger.set_state(uid_of(1), TagState.ACTIVE)
    await ledger.aclose()
    await moved(target, source)
    # By maximum: what was stricter once stays so.
    assert await source.records() == [suspended]


# ---- what is refused, and changes nothing ---------------------------------------------------


BOTH_SERVE = "both ledgers serve"
ELSEWHERE = "moved elsewhere already"
UNFINISHED = "a move into the ledger to move from has not finished"
REFUSED = {
    (Phase.SERVING, Phase.SERVING): BOTH_SERVE,
    (Phase.SEALED, None): ELSEWHERE,
    (Phase.SEALED, Phase.SEALED): ELSEWHERE,
    (Phase.LEAVING, Phase.SERVING): "serves already",
    (Phase.SERVING, Phase.LEAVING): "a move out of the ledger to move to has not finished",
    (Phase.LEAVING, Phase.LEAVING): "a move out of the ledger to move to has not finished",
    (Phase.FILLING, None): UNFINISHED,
    (Phase.FILLING, Phase.FILLING): UNFINISHED,
    (Phase.FILLING, Phase.SERVING): UNFINISHED,
    (Phase.FILLING, Phase.SEALED): UNFINISHED,
}


@pytest.mark.parametrize(("phases", "sentence"), REFUSED.items())
async def test_a_pair_that_is_not_safe_is_refused(source, target, phases, sentence):
    for place, phase in zip((source, target), phases, strict=True):
        if phase is not None:
            await place.make(phase, tags(3))
    with pytest.raises(MoveError, match=sentence) as refusal:
        await moved(source, target)
    assert refusal.value.hint
    assert (source.phase, target.phase) == phases


async def test_a_ledger_cannot_move_to_where_it_is(full):
    with pytest.raises(MoveError, match="they are the same"):
        await moved(full, full)
    assert full.phase is Phase.SERVING


async def test_without_a_source_no_target_is_made(source, target):
    with pytest.raises(MoveError, match="the ledger to move from: there is no ledger"):
        await moved(source, target)
    assert target.phase is None


async def test_the_ledger_of_another_service_does_not_move(source, target):
    await source.make(store_id="f" * 32)
    with pytest.raises(MoveError, match="to move from: this is not the ledger"):
        await moved(source, target)
    assert (source.phase, target.phase) == (Phase.SERVING, None)


@pytest.mark.parametrize("phase", Phase)
async def test_the_ledger_of_another_service_is_not_moved_into(full, target, phase):
    await target.make(phase, store_id="f" * 32)
    with pytest.raises(MoveError, match="to move to: this is not the ledger"):
        await moved(full, target)
    assert (full.phase, target.phase) == (Phase.SERVING, phase)


async def test_what_is_no_ledger_is_not_moved_into(full, target):
    target.path.write_text("precious")
    with pytest.raises(MoveError, match="the ledger to move to: "):
        await moved(full, target)
    assert (full.phase, target.path.read_text()) == (Phase.SERVING, "precious")


async def test_where_the_target_cannot_be_written_the_source_goes_on_serving(full, tmp_path):
    with pytest.raises(MoveError, match="the ledger to move to: ") as refusal:
        await moved(full, Place(tmp_path / "nowhere" / "target.db"))
    assert "again" in refusal.value.hint
    assert full.phase is Phase.SERVING


@pytest.mark.parametrize("begun", [Phase.SERVING, Phase.LEAVING, Phase.SEALED])
async def test_a_target_that_knows_better_is_refused(source, target, begun):
    """The one to move from was moved elsewhere long ago, and what came of it is here."""
    await source.make(begun, tags(3))
    await target.make(Phase.FILLING, tags(3, counter=6))
    with pytest.raises(MoveError, match="knows 3 tags better"):
        await moved(source, target)
    assert (source.phase, target.phase) == (begun, Phase.FILLING)


async def test_a_target_that_knows_more_tags_is_refused(source, target):
    await source.make(records=tags(3))
    await target.make(Phase.SEALED, tags(4))
    with pytest.raises(MoveError, match="knows 1 tags better"):
        await moved(source, target)
    assert (source.phase, target.phase) == (Phase.SERVING, Phase.SEALED)


# ---- what goes wrong in between -------------------------------------------------------------


def at(step, act):
    """Do something once *step* was told."""

    def tell(progress):
        if progress.step is step:
            act()

    return tell


def lose_a_tag(target):
    target.ask("DROP TRIGGER a_tag_leaves_a_tombstone")
    target.ask("DELETE FROM tag WHERE uid = x'04000000000001'")


def lose_a_tap(target):
    target.ask("DROP TRIGGER a_counter_never_goes_back")
    target.ask("UPDATE tag SET counter = 4 WHERE uid = x'04000000000001'")


def lose_a_state(target):
    target.ask("UPDATE tag SET state = 'active' WHERE uid = x'04000000000001'")


def lose_an_enrolment(target):
    target.ask("UPDATE tag SET enrolled = 0 WHERE uid = x'04000000000001'")


@pytest.mark.parametrize("lose", [lose_a_tag, lose_a_tap, lose_a_state, lose_an_enrolment])
async def test_a_target_that_lost_something_does_not_serve(source, target, lose):
    await source.make(records=tags(3))
    with pytest.raises(MoveError, match="1 of 3 tags did not arrive"):
        await moved(source, target, at(Step.COPIED, lambda: lose(target)))
    assert target.phase is Phase.FILLING


@pytest.mark.parametrize(
    ("side", "phase"),
    [("source", "serving"), ("source", "filling"), ("target", "sealed"), ("target", "serving")],
)
async def test_what_somebody_else_moved_meanwhile_is_left_alone(source, target, side, phase):
    await source.make(records=tags(3))
    place = {"source": source, "target": target}[side]
    meddle = at(Step.VERIFIED, lambda: place.ask(f"UPDATE store SET phase = '{phase}'"))
    with pytest.raises(MoveError, match="somebody else moved"):
        await moved(source, target, meddle)
    assert place.phase is Phase(phase)
    assert {source.phase, target.phase} != {Phase.SERVING}


async def test_a_source_that_goes_away_is_named(full, target):
    with pytest.raises(MoveError, match="the ledger to move from: ") as refusal:
        await moved(full, target, at(Step.READY, full.path.unlink))
    assert "again" in refusal.value.hint
    assert target.phase is Phase.FILLING


async def test_a_target_that_goes_away_is_named(full, target):
    with pytest.raises(MoveError, match="the ledger to move to: "):
        await moved(full, target, at(Step.LEAVING, target.path.unlink))
    assert full.phase is Phase.LEAVING


async def test_what_lost_its_target_on_the_way_can_go_elsewhere(full, target, tmp_path):
    with pytest.raises(MoveError):
        await moved(full, target, at(Step.LEAVING, target.path.unlink))
    elsewhere = Place(tmp_path / "elsewhere.db")
    assert await moved(full, elsewhere) == MANY
    assert (full.phase, elsewhere.phase) == (Phase.SEALED, Phase.SERVING)


async def test_the_source_is_sealed_for_good_before_the_target_serves(full, target, monkeypatch):
    """Else one that was cut off in between could be moved elsewhere, and be old there."""
    phases = []
    enter = SqliteArchive.enter

    async def watched(archive, phase):
        phases.append(phase)
        await enter(archive, phase)

    monkeypatch.setattr(SqliteArchive, "enter", watched)
    await moved(full, target)
    assert phases == [Phase.LEAVING, Phase.SEALED, Phase.SERVING]


async def test_of_two_moves_at_once_the_ledger_serves_in_the_end_and_in_one_place(full, target):
    outcomes = await asyncio.gather(
        *(moved(full, target) for _ in range(2)), return_exceptions=True
    )
    assert [kind for kind in map(type, outcomes) if kind not in (int, MoveError)] == []
    assert await moved(full, target) in (None, MANY)
    assert (full.phase, target.phase) == (Phase.SEALED, Phase.SERVING)
    assert await target.records() == tags(MANY)


# ---- comparing ------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 7, 1000])
async def test_however_little_fits_into_memory_the_same_tags_are_missing(
    source, target, monkeypatch, at_once
):
    monkeypatch.setattr(comparison, "_AT_ONCE", at_once)
    await source.make(records=tags(30))
    await target.make(records=tags(30, counter=4)[:10] + tags(30)[10:28])
    async with source.archive() as one, target.archive() as other:
        missing = await comparison.count_missing(one, other, comparison.covers)
    assert missing == 12


# ---- killed ---------------------------------------------------------------------------------


@contextmanager
def child(mode, source, target, store_id=STORE_ID):
    """Run the program; it is gone when the block ends."""
    with subprocess.Popen(
        [sys.executable, move_process.__file__, mode, source, target, store_id],
        env=environment({"PYTHONPATH": ":".join(path for path in sys.path if path)}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def advance(process, steps):
    """Let the program take so many *steps*; it halts after the last. Return their names."""
    told = [process.stdout.readline().strip()]
    for _ in range(steps - 1):
        process.stdin.write("\n")
        process.stdin.flush()
        told.append(process.stdout.readline().strip())
    return told


STEPS = ["ready", "leaving", "copied", "copied", "copied", "verified", "serving"]


@pytest.mark.parametrize("steps", range(1, 8), ids=[f"{n} {step}" for n, step in enumerate(STEPS)])
async def test_a_move_killed_at_any_step_is_finished_by_the_same_move(full, target, steps):
    with child("halt", full.url, target.url) as process:
        assert advance(process, steps) == STEPS[:steps]
    assert (full.phase, target.phase).count(Phase.SERVING) <= 1
    assert await moved(full, target) == (None if steps == 7 else MANY)
    assert (full.phase, target.phase) == (Phase.SEALED, Phase.SERVING)
    assert await target.records() == tags(MANY)


async def test_a_move_killed_again_and_again_anywhere_is_finished_in_the_end(full, target):
    chance = random.Random(424)
    for _ in range(12):
        with child("run", full.url, target.url) as process:
            for _ in range(chance.randrange(1, 7)):
                process.stdout.readline()
            process.kill()  # somewhere after this step: the program did not wait
            process.wait()
        assert (full.phase, target.phase).count(Phase.SERVING) <= 1
    assert await moved(full, target) in (None, MANY)
    assert (full.phase, target.phase) == (Phase.SEALED, Phase.SERVING)
    assert await target.records() == tags(MANY)


# ---- under a running service ----------------------------------------------------------------


async def test_from_the_seal_on_a_service_on_the_source_accepts_nothing(installation, target):
    uid = uid_of(1)
    await installation.enrol(uid)
    phone = installation.tag(uid)
    store_id = installation.identity.store_id
    source = f"sqlite:///{installation.store}"
    with serving(installation) as service:
        wire = await Wire.open(service.port)

        async def statuses():
            tapped = (await wire.post_tap(phone.tap(), NONCE)).status
            ready = (await wire.ask("GET", "/readyz")).status
            looked_up = (await wire.ask("GET", "/v1/session", headers=bearer)).status
            return tapped, ready, looked_up

        accepted = await wire.post_tap(phone.tap(), NONCE)
        bearer = {"authorization": f"Bearer {accepted.members['session']}"}
        with child("halt", source, target.url, store_id) as process:
            seen = {}
            for step in ["ready", "leaving", "copied", "verified", "serving"]:
                assert advance(process, 1) == [step]
                seen[step] = await statuses()
                process.stdin.write("\n")
                process.stdin.flush()
            process.wait(PATIENCE_SECONDS)
        seen["afterwards"] = await statuses()
        await wire.aclose()
    assert seen.pop("ready") == (200, 200, 200)
    assert set(seen.values()) == {(503, 503, 503)}


async def test_a_service_that_is_led_to_the_target_goes_on(installation, target):
    uid = uid_of(1)
    await installation.enrol(uid)
    phone = installation.tag(uid)
    with serving(installation) as service:
        wire = await Wire.open(service.port)
        used = phone.tap()
        assert (await wire.post_tap(used, NONCE)).status == 200
        await wire.aclose()
    source = f"sqlite:///{installation.store}"
    done = run_command(
        "move", "--from", source, "--to", target.url, settings=installation.settings
    )
    assert done.returncode == 0, done.stderr
    led = type(installation)(installation.folder, {"NTAG424_STORE": target.url})
    with serving(led) as service:
        wire = await Wire.open(service.port)
        answers = [(await wire.post_tap(url)).status for url in (used, phone.tap())]
        await wire.aclose()
    assert answers == [409, 200]


# ---- two targets ----------------------------------------------------------------------------


class _CutError(Exception):
    """A move ends here."""


def cut_at(step):
    def tell(progress):
        if progress.step is step:
            raise _CutError

    return tell


@pytest.mark.parametrize("step", [Step.READY, Step.LEAVING, Step.COPIED, Step.VERIFIED])
async def test_a_target_that_was_given_up_for_another_one_never_serves(full, tmp_path, step):
    first, second = Place(tmp_path / "first.db"), Place(tmp_path / "second.db")
    with pytest.raises(_CutError):
        await move(full.store, first.store, STORE_ID, cut_at(step))
    await move(full.store, second.store, STORE_ID, silent)
    with pytest.raises(MoveError):
        await move(full.store, first.store, STORE_ID, silent)
    assert (first.phase, second.phase) == (Phase.FILLING, Phase.SERVING)


async def test_of_two_moves_at_once_to_two_targets_one_serves(full, tmp_path):
    places = Place(tmp_path / "first.db"), Place(tmp_path / "second.db")
    await asyncio.gather(
        *(move(full.store, place.store, STORE_ID, silent) for place in places),
        return_exceptions=True,
    )
    # None may have come to its end: then one of them is to be run again.
    assert [place.phase for place in places].count(Phase.SERVING) <= 1
    for place in places:
        with suppress(MoveError):
            await move(full.store, place.store, STORE_ID, silent)
    assert [place.phase for place in places].count(Phase.SERVING) == 1


async def test_a_move_that_was_cut_off_after_the_seal_is_finished(full, target, monkeypatch):
    enter = SqliteArchive.enter

    async def enter_all_but_the_last(archive, phase):
        if phase is Phase.SERVING:
            raise _CutError
        await enter(archive, phase)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteArchive, "enter", enter_all_but_the_last)
        with pytest.raises(_CutError):
            await move(full.store, target.store, STORE_ID, silent)
    assert full.phase is Phase.SEALED
    await move(full.store, target.store, STORE_ID, silent)
    assert target.phase is Phase.SERVING
