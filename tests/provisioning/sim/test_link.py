"""A reader with simulated tags: they keep what they are told, and get lost when they should."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from itertools import repeat

import pytest
from ntag424_provisioning.sim import SimLink, Tear

from ntag424.apdu import Status
from ntag424.errors import NoTagError, ReaderBusyError, TransportError
from tests.provisioning.sim.shelves import (
    GET_VERSION,
    OTHER_UID,
    UID,
    WRITE,
    connected,
    is_written,
    is_written_on_disk,
    select,
)


@pytest.fixture
def link(shelf):
    with SimLink(shelf, repeat("alice"), None) as link:
        link.wait_for_tag(0)
        yield link


def lost(link, command=GET_VERSION):
    with pytest.raises(TransportError) as caught:
        link.transmit(command)
    return caught.value


# ---- what is kept ---------------------------------------------------------------------------


def test_the_uid_is_that_of_the_anticollision(link):
    assert link.uid() == UID


def test_what_a_command_changed_is_there_for_the_next_reader(shelf, link):
    select(link)
    link.transmit(WRITE)
    link.close()
    assert is_written_on_disk(shelf, "alice")


_KILLED = """
import os, signal, sys
from pathlib import Path
from ntag424_provisioning.sim import Shelf
from tests.provisioning.sim.shelves import WRITE, connected, select
link = connected(Shelf(Path(sys.argv[1])), "alice")
select(link)
link.transmit(WRITE)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_answered_outlives_a_killed_program(shelf, tmp_path):
    done = subprocess.run([sys.executable, "-c", _KILLED, tmp_path / "sim"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert is_written_on_disk(shelf, "alice")


def test_a_command_that_changes_nothing_writes_nothing(link, tmp_path):
    before = (tmp_path / "sim" / "alice.json").stat()
    assert not is_written(link)
    assert (tmp_path / "sim" / "alice.json").stat() == before


def test_after_a_change_too_a_command_that_changes_nothing_writes_nothing(link, tmp_path):
    select(link)
    link.transmit(WRITE)
    before = (tmp_path / "sim" / "alice.json").stat()
    assert is_written(link)
    assert (tmp_path / "sim" / "alice.json").stat() == before


@contextmanager
def no_room():
    """Have a disk on which no file can grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_change_that_cannot_be_saved_is_not_answered(link):
    select(link)
    with no_room():
        assert lost(link, WRITE).outcome_unknown


def test_a_change_that_could_not_be_saved_did_not_take_place(link):
    select(link)
    with no_room():
        lost(link, WRITE)
    link.reconnect()
    assert not is_written(link)


# ---- power ----------------------------------------------------------------------------------


def test_reconnecting_takes_the_tag_its_power(link):
    select(link)
    link.reconnect()
    assert link.transmit(WRITE).status != Status.ISO_OK


def test_a_tag_that_is_released_can_be_tapped_by_another(shelf, link):
    link.release_tag()
    shelf.take("alice").put_back()


def test_a_single_tag_is_there_again_after_its_release(link):
    link.release_tag()
    assert link.wait_for_tag(0) == UID


def test_what_another_changed_meanwhile_is_seen(shelf, link):
    link.release_tag()
    with closing(connected(shelf, "alice")) as other:
        select(other)
        other.transmit(WRITE)
    link.wait_for_tag(0)
    assert is_written(link)


def test_a_tag_that_was_removed_meanwhile_is_no_tag(shelf, link):
    link.release_tag()
    shelf.remove("alice")
    with pytest.raises(NoTagError):
        link.wait_for_tag(0)


def test_a_tag_that_was_made_anew_is_found(shelf, link):
    link.release_tag()
    shelf.remove("alice")
    with pytest.raises(NoTagError):
        link.wait_for_tag(0)
    shelf.make("alice", OTHER_UID, with_tamper_loop=False)
    assert link.wait_for_tag(0) == OTHER_UID


def test_two_readers_do_not_have_one_tag(shelf, link):
    with pytest.raises(ReaderBusyError):
        connected(shelf, "alice")


_HOLDS = """
import sys
from pathlib import Path
from ntag424_provisioning.sim import Shelf
from tests.provisioning.sim.shelves import connected
link = connected(Shelf(Path(sys.argv[1])), "alice")
print(flush=True)
sys.stdin.read()
"""


def test_another_program_has_the_tag_as_long_as_it_lives(shelf, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, tmp_path / "sim"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        other.stdout.readline()
        with pytest.raises(ReaderBusyError):
            connected(shelf, "alice")
        other.kill()
    connected(shelf, "alice").close()


# ---- a tray ---------------------------------------------------------------------------------


@pytest.fixture
def tray(shelf):
    for number in range(1, 4):
        shelf.make(f"T-{number}", bytes(6) + bytes([number]), with_tamper_loop=False)
    with SimLink(shelf, shelf.names("T-*"), None) as link:
        yield link


def presented(link):
    """Say which tag is there, and take it away."""
    uid = link.wait_for_tag(0)
    link.release_tag()
    return uid[-1]


def test_a_tray_gives_its_tags_in_order(tray):
    assert [presented(tray) for _ in range(3)] == [1, 2, 3]


def test_after_the_last_tag_of_a_tray_there_is_none(tray):
    for _ in range(3):
        presented(tray)
    with pytest.raises(NoTagError):
        tray.wait_for_tag(0)


def test_releasing_what_is_not_there_skips_no_tag(tray):
    tray.release_tag()
    tray.release_tag()
    assert presented(tray) == 1


def test_a_tag_of_a_tray_stays_while_it_is_not_released(tray):
    tray.wait_for_tag(0)
    tray.reconnect()
    tray.wait_for_tag(0)
    assert tray.uid()[-1] == 1


def test_a_tag_that_got_lost_stays_until_it_is_released(shelf, tray):
    shelf.arm("T-1", Tear(0, executed=False))
    tray.wait_for_tag(0)
    lost(tray)
    assert (tray.wait_for_tag(0)[-1], tray.release_tag(), presented(tray)) == (1, None, 2)


def test_a_lost_tag_may_be_released_too(shelf, tray):
    shelf.arm("T-1", Tear(0, executed=False))
    tray.wait_for_tag(0)
    lost(tray)
    tray.release_tag()
    assert presented(tray) == 2


def test_a_tag_that_was_taken_out_of_the_tray_is_left_out(shelf, tray):
    shelf.remove("T-1")
    assert tray.wait_for_tag(1)[-1] == 2


def test_a_tag_of_a_tray_that_is_in_use_is_not_passed_over(shelf, tray):
    with shelf.take("T-1"), pytest.raises(ReaderBusyError):
        tray.wait_for_tag(0)
    assert presented(tray) == 1


# ---- tears ----------------------------------------------------------------------------------


def torn(shelf, at, *, executed):
    shelf.arm("alice", Tear(at, executed))
    return connected(shelf, "alice")


@pytest.mark.parametrize("executed", [False, True])
def test_a_tear_leaves_the_outcome_open(shelf, executed):
    with torn(shelf, 0, executed=executed) as link:
        assert lost(link).outcome_unknown


@pytest.mark.parametrize("executed", [False, True])
def test_a_command_is_carried_out_if_the_tear_says_so(shelf, executed):
    with torn(shelf, 2, executed=executed) as link:
        select(link)
        lost(link, WRITE)
    assert is_written_on_disk(shelf, "alice") is executed


def test_a_tear_happens_at_its_command_and_not_before(shelf):
    with torn(shelf, 3, executed=False) as link:
        for _ in range(3):
            link.transmit(GET_VERSION)
        lost(link)


def test_after_a_tear_nothing_is_sent_until_the_tag_is_back(shelf):
    with torn(shelf, 0, executed=False) as link:
        lost(link)
        assert not lost(link).outcome_unknown


@pytest.mark.parametrize("find", [SimLink.reconnect, lambda link: link.wait_for_tag(0)])
def test_a_torn_tag_is_found_again(shelf, find):
    with torn(shelf, 0, executed=False) as link:
        lost(link)
        find(link)
        assert link.transmit(GET_VERSION).status == Status.ADDITIONAL_FRAME


def test_a_torn_tag_has_lost_its_power(shelf):
    with torn(shelf, 2, executed=False) as link:
        select(link)
        lost(link)
        link.reconnect()
        assert link.transmit(WRITE).status != Status.ISO_OK


def test_a_tag_is_torn_away_once(shelf):
    with torn(shelf, 0, executed=False) as link:
        lost(link)
    with closing(connected(shelf, "alice")) as link:
        link.transmit(GET_VERSION)
    assert shelf.facts("alice")["tear"] is None


def test_a_tear_that_did_not_happen_is_still_to_come(shelf):
    with torn(shelf, 1, executed=False) as link:
        link.transmit(GET_VERSION)
    with closing(connected(shelf, "alice")) as link:
        link.transmit(GET_VERSION)
        lost(link)


def test_reconnecting_does_not_put_a_tear_off(shelf):
    with torn(shelf, 1, executed=False) as link:
        link.transmit(GET_VERSION)
        link.reconnect()
        lost(link)


def test_a_tear_before_the_first_command_has_no_number(shelf):
    with pytest.raises(ValueError, match="counted from 0"):
        Tear(-1, executed=False)
