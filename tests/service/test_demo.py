"""`ntag424-service demo`: the whole life of a tap, by key press or by itself."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
from contextlib import closing, suppress
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.service.running import COMMAND, PATIENCE_SECONDS, environment, run_command

PORT = 8424
#: The demo takes one certain port if it can get it, so two of them at once would differ.
pytestmark = pytest.mark.xdist_group("demo")


def test_without_a_keyboard_it_taps_once_of_each_kind():
    done = run_command("demo", settings={})
    outcomes = re.findall(r"^  [✓✗] (\w+)", done.stdout, re.MULTILINE)
    assert outcomes == ["accepted", "replayed", "not_verified"]
    assert (done.returncode, done.stderr) == (0, "")


def test_it_takes_another_port_if_its_own_is_taken():
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        is_held = False
        with suppress(OSError):  # then another run's demo has it, and may let go any moment
            taken.bind(("127.0.0.1", PORT))
            taken.listen()
            is_held = True
        done = run_command("demo", settings={})
    port = re.search(r"service +http://127\.0\.0\.1:(\d+) ", done.stdout).group(1)
    assert done.returncode == 0
    assert int(port) != PORT or not is_held


def test_it_leaves_no_file_behind(tmp_path):
    done = run_command("demo", settings={"TMPDIR": str(tmp_path)})
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_it_needs_no_setting_and_heeds_none(tmp_path):
    done = run_command("demo", settings={"NTAG424_TEMPLATE": "https://x/"}, cwd=tmp_path)
    assert done.returncode == 0


class Keyboard:
    """The demo on a terminal of its own."""

    def __init__(self):
        self._screen, terminal = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, "demo"],
            env=environment({"TERM": "dumb"}),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self._text = ""

    def press(self, keys):
        os.write(self._screen, keys.encode())

    def until(self, pattern):
        """Read on until *pattern* is there; give its match and forget what came before."""
        while (match := re.search(pattern, self._text)) is None:
            ready, _, _ = select.select([self._screen], [], [], PATIENCE_SECONDS)
            assert ready, f"no {pattern!r} in {self._text!r}"
            self._text += os.read(self._screen, 4096).decode()
        self._text = self._text[match.end() :]
        return match

    def interrupt(self):
        """Press Ctrl-C until it is heard: Python is deaf between its prompt and its read."""
        for _ in range(6):
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
                return

    def end(self):
        """Wait for the end; give the exit code and the rest of the screen."""
        rest = self._text
        with suppress(OSError):  # what a terminal raises when its last user is gone
            while piece := os.read(self._screen, 4096):
                rest += piece.decode(errors="replace")
        return self._process.wait(PATIENCE_SECONDS), rest

    def close(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._screen)


@pytest.fixture
def keyboard():
    keyboard = Keyboard()
    yield keyboard
    keyboard.close()


PROMPT = r"\r\n> "


def test_every_key_does_what_the_help_says(keyboard):
    keyboard.until(r"Enter: tap   r: the last URL again   x: flip one bit")
    outcomes = []
    for key in ("", "r", "x", "", "R"):
        keyboard.until(PROMPT)
        keyboard.press(key + "\n")
        outcomes.append(keyboard.until(r"[✓✗] (\w+)").group(1))
    assert outcomes == ["accepted", "replayed", "not_verified", "accepted", "replayed"]
    keyboard.press("q\n")
    assert keyboard.end()[0] == 0


def test_o_gives_a_url_that_the_service_shows_a_page_for(keyboard):
    keyboard.until(PROMPT)
    keyboard.press("o\n")
    url = keyboard.until(r"open it once: (http://127\.0\.0\.1:\d+/t#k=0101&p=\S+)").group(1)
    with build_opener(ProxyHandler({})).open(url) as page:
        assert page.status == 200
    keyboard.press("q\n")
    assert keyboard.end()[0] == 0


def test_a_key_that_means_nothing_shows_the_help(keyboard):
    keyboard.until(PROMPT)
    keyboard.press("z\n")
    keyboard.until("Enter: tap")
    keyboard.press("q\n")
    assert keyboard.end()[0] == 0


@pytest.mark.parametrize("how", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_leaving_by_key_is_clean(keyboard, how):
    keyboard.until(PROMPT)
    if how == "\x03":
        keyboard.interrupt()
    else:
        keyboard.press(how)
    code, rest = keyboard.end()
    assert code == 0
    assert "Traceback" not in rest
