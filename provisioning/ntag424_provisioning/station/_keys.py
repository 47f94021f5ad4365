"""Single keys of a terminal, read as they are pressed."""

from __future__ import annotations

import os
import select
import termios
import threading
import tty
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

# More at once was not pressed by fingers: it was pasted, or is a key of several bytes.
_FINGERS = 2
_CHUNK = 4096


class Keys:
    """Calls one of *actions* for each key, while its `with` block lasts.

    The terminal is given back as it was, whatever ends the block. Actions run in a thread
    of their own.
    """

    def __init__(self, descriptor: int, actions: Mapping[str, Callable[[], None]]) -> None:
        self._descriptor = descriptor
        self._actions = actions
        self._reading: _Reading | None = None

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(self, *_: object) -> None:
        self.suspend()

    def resume(self) -> None:
        """Take the terminal; a second time does nothing."""
        if self._reading is None:
            self._reading = _Reading(self._descriptor, self._press)

    def suspend(self) -> None:
        """Give the terminal back; a second time does nothing."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.end()

    def _press(self, pressed: str) -> None:
        action = self._actions.get(pressed.lower())
        if action is not None:
            action()


class _Reading:
    """The terminal without line editing and echo, and the thread that reads it."""

    def __init__(self, descriptor: int, press: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._press = press
        self._before = termios.tcgetattr(descriptor)
        self._ended, self._end = os.pipe()
        # Ctrl-C and Ctrl-Z stay what they are.
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread, and give the terminal back."""
        try:
            os.close(self._end)
            self._thread.join()
            os.close(self._ended)
        finally:
            # Where the terminal is gone there is nothing to give back.
            with suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._descriptor, self._ended], [], [])
            if self._ended in ready:
                return
            try:
                pressed = os.read(self._descriptor, _CHUNK)
            except OSError:
                return
            if not pressed:
                return
            if len(pressed) <= _FINGERS:
                for number in pressed:
                    self._press(chr(number))
