"""What a machine remembers of a ledger: shared by its processes, only rising, never in the way."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
import zlib
from contextlib import closing, contextmanager

import pytest

from ntag424.errors import LedgerMismatchError
from ntag424.model import Generation, Uid
from ntag424.replay import Witness
from ntag424.replay._ledger import position
from tests.contracts.manual_clock import ManualClock

STORE_ID = "5e" * 16
UID = Uid.from_hex("04A1B2C3D4E5F6")
OTHER = Uid.from_hex("04A1B2C3D4E5F7")
NOW = Generation(1, 2)


def at(counter, generation=NOW):
    return position(generation, counter)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "witness"
    Witness.create(path, STORE_ID)
    return path


@pytest.fixture
def witness(path):
    with closing(Witness.open(path, STORE_ID)) as witness:
        yield witness


@pytest.fixture
def another(path):
    """What another process of the machine has open."""
    with closing(Witness.open(path, STORE_ID)) as another:
        yield another


@contextmanager
def being_written(path):
    """Be another process that is writing, and was stopped at it."""
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


def test_it_is_made_for_its_owner_alone(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_never_made_over_something(path):
    with pytest.raises(FileExistsError):
        Witness.create(path, STORE_ID)


def test_where_the_disk_is_full_nothing_is_left(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            Witness.create(tmp_path / "witness", STORE_ID)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_none_none_is_opened(tmp_path):
    with pytest.raises(FileNotFoundError):
        Witness.open(tmp_path / "witness", STORE_ID)


def test_that_of_another_ledger_is_refused(path):
    with pytest.raises(LedgerMismatchError):
        Witness.open(path, "00" * 16)


@pytest.mark.parametrize("content", [b"", b"NT424WT1", bytes(5000)])
def test_what_is_none_is_refused(tmp_path, content):
    path = tmp_path / "witness"
    path.write_bytes(content)
    with pytest.raises(LedgerMismatchError):
        Witness.open(path, STORE_ID)


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "witness")
    with pytest.raises(LedgerMismatchError):
        Witness.open(tmp_path / "witness", STORE_ID)


def test_a_new_one_knows_nothing(witness):
    assert (witness.revision(7), witness.mark(UID), witness.timeline) == (0, b"", 0)
    assert (list(witness.marks()), witness.earliest_now()) == ([], 0)


def test_revisions_only_rise(witness):
    witness.observe({0: 9})
    witness.observe({0: 4})
    assert witness.revision() == 9


def test_parts_are_apart(witness):
    witness.observe({1: 9, 65_535: 3})
    assert [witness.revision(part) for part in (0, 1, 2, 65_535)] == [0, 9, 0, 3]


def test_the_timeline_is_that_of_the_part_that_is_ahead(witness):
    witness.observe({0: 9, 5: (3 << 40) + 1})
    assert witness.timeline == 3


def test_marks_only_rise(witness):
    witness.observe({}, {UID: at(9)})
    witness.observe({}, {UID: at(4)})
    assert witness.mark(UID) == at(9)


def test_a_higher_generation_is_a_higher_mark(witness):
    witness.observe({}, {UID: at(9)})
    witness.observe({}, {UID: at(1, Generation(1, 3))})
    assert witness.mark(UID) == at(1, Generation(1, 3))


def test_all_marks_can_be_gone_through(witness):
    witness.observe({}, {UID: at(9), OTHER: at(1)})
    assert dict(witness.marks()) == {UID: at(9), OTHER: at(1)}


def test_a_full_set_forgets_a_mark_and_no_other_set_does(witness):
    sets = 1 << 17
    numbers = (number.to_bytes(6, "big") for number in range(3_000_000))
    same = [Uid(b"\x04" + n) for n in numbers if zlib.crc32(b"\x04" + n) % sets == 7][:9]
    assert len(same) == 9
    witness.observe({}, {UID: at(1)})
    for uid in same:
        witness.observe({}, {uid: at(2)})
    assert (len(list(witness.marks())), witness.mark(UID)) == (9, at(1))
    assert witness.mark(same[-1]) == at(2)


def test_what_one_process_saw_the_other_knows(witness, another):
    witness.observe({3: 9}, {UID: at(9)})
    assert (another.revision(3), another.mark(UID)) == (9, at(9))


def test_no_process_lowers_what_another_saw(witness, another):
    witness.observe({3: 9}, {UID: at(9)})
    another.observe({3: 8}, {UID: at(8)})
    assert (witness.revision(3), witness.mark(UID)) == (9, at(9))


def test_what_was_seen_survives_a_kill(path):
    program = (
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from ntag424 import Uid\n"
        "from ntag424.replay import Witness\n"
        "witness = Witness.open(Path(sys.argv[1]), sys.argv[2])\n"
        "witness.observe({0: 41}, {Uid.from_hex('04A1B2C3D4E5F6'): bytes([1, 2, 0, 0, 41])})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, path, STORE_ID], check=False, timeout=60)
    with closing(Witness.open(path, STORE_ID)) as witness:
        assert (witness.revision(), witness.mark(UID)) == (41, at(41))


def test_nobody_waits_for_a_process_that_stopped_while_writing(path, witness):
    with being_written(path):
        witness.observe({0: 9}, {UID: at(9)})
        assert (witness.revision(), witness.mark(UID)) == (9, at(9))


def test_what_could_not_be_written_is_written_later(path, witness, another):
    with being_written(path):
        witness.observe({0: 9}, {UID: at(9)})
    witness.observe({1: 1})
    assert (another.revision(0), another.mark(UID)) == (9, at(9))


def test_what_could_not_be_written_is_written_at_the_end(path, another):
    witness = Witness.open(path, STORE_ID)
    with being_written(path):
        witness.observe({0: 9}, {UID: at(9)})
    witness.close()
    assert (another.revision(0), another.mark(UID)) == (9, at(9))


def test_closing_twice_is_fine(path):
    witness = Witness.open(path, STORE_ID)
    witness.close()
    witness.close()


def test_one_in_memory_forgets(witness):
    with closing(Witness.in_memory()) as first:
        first.observe({0: 9})
        assert first.revision() == 9
    with closing(Witness.in_memory()) as second:
        assert second.revision() == 0


def test_key_versions_that_were_retired_stay_known(path, witness, another):
    witness.observe_retired([1, 255])
    another.observe_retired([7])
    assert witness.retired == {1, 7, 255}


# --- the ledger's clock


@pytest.fixture
def clock():
    return ManualClock()


def test_time_goes_on_by_our_own_clock(path, clock):
    with closing(Witness.open(path, STORE_ID, clock=clock)) as witness:
        witness.observe_time(1_000_000)
        clock.advance(seconds=100)
        # A thousandth slower, for the other clock may be.
        assert 1_099_000 <= witness.earliest_now() + 900 <= 1_100_900


def test_a_clock_that_was_set_back_is_not_believed(path, clock):
    with closing(Witness.open(path, STORE_ID, clock=clock)) as witness:
        witness.observe_time(1_000_000)
        witness.observe_time(400_000)
        assert witness.earliest_now() >= 999_999


def test_after_a_restart_of_the_machine_time_has_not_gone_back(path, clock):
    with closing(Witness.open(path, STORE_ID, clock=clock)) as witness:
        witness.observe_time(1_000_000)
    clock = ManualClock(boot_id="the second boot", uptime=5)
    with closing(Witness.open(path, STORE_ID, clock=clock)) as witness:
        assert witness.earliest_now() == 1_000_000


def test_another_process_goes_by_the_same_time(witness, another):
    witness.observe_time(1_000_000)
    assert another.earliest_now() >= 999_999
