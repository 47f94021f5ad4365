"""Enrolling straight into a ledger, beside the service that owns it."""

from __future__ import annotations

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from ntag424_provisioning.enrolment import Enrolled, Later, ledger_enroller
from ntag424_provisioning.errors import EnrolmentError, SetupError, StaleEpochError

from ntag424.replay import SqliteLedger, SqliteStore, TagState, Witness
from tests.provisioning.enrolment.desk import FIRST, SECOND, new_uid


def opened(desk):
    return ledger_enroller(SqliteStore(desk.store), desk.identity_file)


@pytest.fixture
def enroller(desk):
    with opened(desk) as enroller:
        yield enroller


def test_a_tag_enrolled_beside_a_service_is_accepted_by_it(desk, enroller):
    uid = new_uid()
    assert desk.tap(uid, FIRST, read_counter=2) == "not_verified"
    enroller.enrol(uid, FIRST, 2)
    assert desk.tap(uid, FIRST, read_counter=2) == "accepted"


def test_an_enrolled_tag_is_found_and_an_unknown_one_is_not(enroller):
    uid = new_uid()
    assert enroller.find(uid) is None
    enroller.enrol(uid, SECOND, 5)
    assert enroller.find(uid) == Enrolled(SECOND, 5)


def test_the_same_call_again_does_nothing(desk, enroller):
    uid = new_uid()
    for _ in range(2):
        enroller.enrol(uid, FIRST, 2)
    assert desk.known(uid) == (FIRST, 2)


@pytest.mark.parametrize(("generation", "counter"), [(FIRST, 9), (SECOND, 3)])
def test_a_ledger_that_knows_better_is_stale_news(enroller, generation, counter):
    uid = new_uid()
    enroller.enrol(uid, SECOND, 2)
    with pytest.raises(StaleEpochError, match="epoch 2, counter 2") as stale:
        enroller.enrol(uid, generation, counter)
    assert stale.value.known == SECOND


def test_a_tag_that_was_erased_is_stale_news(desk, enroller):
    uid = new_uid()
    enroller.enrol(uid, FIRST, 2)
    desk.ask(lambda ledger: ledger.set_state(uid, TagState.ERASED))
    with pytest.raises(StaleEpochError):
        enroller.enrol(uid, FIRST, 2)


def test_a_suspended_tag_stays_suspended_when_it_is_retired_and_enrolled_again(desk, enroller):
    uid = new_uid()
    enroller.enrol(uid, FIRST, 2)
    desk.ask(lambda ledger: ledger.set_state(uid, TagState.SUSPENDED))
    enroller.retire(uid, FIRST)
    enroller.enrol(uid, SECOND, 2)
    assert desk.tap(uid, SECOND, read_counter=9) == "not_verified"


@pytest.mark.parametrize("known", [None, FIRST, SECOND], ids=["unknown", "behind", "known"])
def test_a_retired_tag_is_refused_and_no_old_list_brings_it_back(desk, enroller, known):
    uid = new_uid()
    if known is not None:
        enroller.enrol(uid, known, 2)
    for _ in range(2):
        assert enroller.retire(uid, SECOND)
    assert {desk.tap(uid, one, read_counter=9) for one in (FIRST, SECOND)} == {"not_verified"}
    with pytest.raises(StaleEpochError):
        enroller.enrol(uid, SECOND, 2)


def test_several_threads_enrol_at_once(desk, enroller):
    uids = [new_uid() for _ in range(32)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda uid: enroller.enrol(uid, FIRST, 1), uids))
    assert {desk.known(uid) for uid in uids} == {(FIRST, 1)}


# ---- what is no ledger of ours --------------------------------------------------------------


def test_a_ledger_that_is_not_there_is_a_matter_of_set_up(desk, tmp_path):
    with pytest.raises(SetupError, match="no ledger at this path"):
        ledger_enroller(SqliteStore(tmp_path / "ledger.db"), desk.identity_file)
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_of_another_service_is_refused(desk, tmp_path):
    SqliteLedger.init(tmp_path / "ledger.db")
    with pytest.raises(SetupError, match="not the ledger that was initialised"):
        ledger_enroller(SqliteStore(tmp_path / "ledger.db"), desk.identity_file)


def test_a_ledger_that_was_moved_is_refused_with_where_to_look(own_desk):
    with closing(sqlite3.connect(own_desk.store)) as db, db:
        db.execute("UPDATE store SET phase = 'sealed'")
    with pytest.raises(SetupError, match="moved elsewhere") as refused:
        opened(own_desk)
    assert "NTAG424_STORE" in refused.value.hint


def test_a_ledger_that_cannot_be_told_of_a_tag_is_refused_at_once(own_desk):
    with closing(sqlite3.connect(own_desk.store, isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(SetupError, match="cannot be used") as refused:
            opened(own_desk)
        busy.execute("ROLLBACK")
    assert "run this again" in refused.value.hint


def test_a_tag_of_a_key_version_that_the_service_retired_is_refused(own_desk):
    witness = own_desk.identity_file.with_name("identity.json.witness")
    store_id = json.loads(own_desk.identity_file.read_text())["store_id"]
    with closing(Witness.open(witness, store_id)) as opened_witness:
        opened_witness.observe_retired([1])
    uid = new_uid()
    with (
        opened(own_desk) as enroller,
        pytest.raises(EnrolmentError, match="has retired key version 1") as refused,
    ):
        enroller.enrol(uid, FIRST, 2)
    assert "repair" in refused.value.hint
    assert own_desk.known(uid) is None


def test_without_a_witness_at_hand_nothing_is_known_to_be_retired(own_desk):
    own_desk.identity_file.with_name("identity.json.witness").unlink()
    with opened(own_desk) as enroller:
        assert enroller.enrol(new_uid(), FIRST, 2)


NO_IDENTITY = ["", "nonsense", "[]", "null", "{}", '{"store_id": 7}', '{"store_id": "short"}']


@pytest.mark.parametrize("text", NO_IDENTITY)
def test_what_is_no_identity_file_is_refused(desk, tmp_path, text):
    path = tmp_path / "identity.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SetupError, match="not the identity file of a service"):
        ledger_enroller(SqliteStore(desk.store), path)


def test_an_identity_file_that_others_may_read_is_refused(desk, tmp_path):
    path = tmp_path / "identity.json"
    path.write_text(desk.identity_file.read_text())
    path.chmod(0o640)
    with pytest.raises(SetupError, match="others may open"):
        ledger_enroller(SqliteStore(desk.store), path)


def test_the_session_key_in_the_identity_file_is_told_to_nobody(desk, enroller):
    secret = json.loads(desk.identity_file.read_text())["session_key"]
    assert secret not in f"{enroller!r} {vars(enroller)!r}"


# ---- trouble, and the end -------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask", [lambda e: e.find(new_uid()), lambda e: e.enrol(new_uid(), FIRST, 0)]
)
def test_a_ledger_that_is_gone_is_named_with_what_to_do(own_desk, ask):
    with opened(own_desk) as enroller:
        own_desk.store.unlink()
        with pytest.raises(EnrolmentError) as lost:
            ask(enroller)
    assert "repair" in lost.value.hint


def test_closing_ends_its_thread_and_closing_twice_is_fine(desk):
    enroller = opened(desk)
    assert "enrolling" in {thread.name for thread in threading.enumerate()}
    enroller.close()
    enroller.close()
    assert "enrolling" not in {thread.name for thread in threading.enumerate()}


def test_later_knows_nobody_and_enrols_nobody():
    with Later() as later:
        later.enrol(new_uid(), FIRST, 2)
        assert later.find(new_uid()) is None
