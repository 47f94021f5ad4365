"""Keys are read one by one, and the terminal is given back as it was."""

from __future__ import annotations

import os
import pty
import termios
from contextlib import suppress
from queue import Empty, Queue

import pytest
from ntag424_provisioning.station._keys import Keys

PATIENCE = 30


@pytest.fixture
def ends():
    """Give the two ends of a terminal: the user's and the program's."""
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


@pytest.fixture
def pressed():
    return Queue()


@pytest.fixture
def keys(ends, pressed):
    return Keys(ends[1], {key: lambda key=key: pressed.put(key) for key in "qus"})


def modes(ends):
    local = termios.tcgetattr(ends[1])[3]
    return bool(local & termios.ICANON), bool(local & termios.ECHO)


def test_a_key_does_what_it_is_for(ends, keys, pressed):
    with keys:
        os.write(ends[0], b"u")
        assert pressed.get(timeout=PATIENCE) == "u"


def test_capitals_are_the_same_keys(ends, keys, pressed):
    with keys:
        os.write(ends[0], b"Q")
        assert pressed.get(timeout=PATIENCE) == "q"


def test_other_keys_do_nothing(ends, keys, pressed):
    with keys:
        for key in (b"x", b"\xff", b"\n"):
            os.write(ends[0], key)
        assert heard_first(ends, pressed) == "s"


@pytest.mark.parametrize("text", [b"https://id.example.com/q#u", b"\x1b[A", b"quit"])
def test_what_was_pasted_is_no_key(ends, keys, pressed, text):
    with keys:
        os.write(ends[0], text)
        assert heard_first(ends, pressed) == "s"


def heard_first(ends, pressed):
    """Press s until something is heard: the terminal may deliver several keys as one."""
    for _ in range(100):
        os.write(ends[0], b"s")
        with suppress(Empty):
            return pressed.get(timeout=0.3)
    return None


def test_while_keys_are_read_lines_are_not_edited_and_not_shown(ends, keys):
    assert modes(ends) == (True, True)
    with keys:
        assert modes(ends) == (False, False)
    assert modes(ends) == (True, True)


def test_ctrl_c_is_still_a_signal(ends, keys):
    with keys:
        assert termios.tcgetattr(ends[1])[3] & termios.ISIG


def test_the_terminal_is_given_back_also_by_a_mistake(ends, keys):
    with pytest.raises(ZeroDivisionError), keys:
        raise ZeroDivisionError
    assert modes(ends) == (True, True)


def test_suspended_it_reads_nothing(ends, keys, pressed):
    with keys:
        keys.suspend()
        assert modes(ends) == (True, True)
        os.write(ends[0], b"a line\n")
        assert os.read(ends[1], 100) == b"a line\n"
        keys.resume()
        os.write(ends[0], b"q")
        assert pressed.get(timeout=PATIENCE) == "q"


def test_twice_is_no_more_than_once(ends, keys):
    keys.suspend()
    keys.resume()
    keys.resume()
    keys.suspend()
    keys.suspend()
    assert modes(ends) == (True, True)


def test_a_terminal_that_is_gone_ends_the_reading(ends, pressed):
    master, slave = pty.openpty()
    keys = Keys(slave, {"q": lambda: pressed.put("q")})
    keys.resume()
    thread = keys._reading._thread
    os.close(master)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    keys.suspend()
    os.close(slave)
