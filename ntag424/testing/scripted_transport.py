"""A recorded conversation, played back."""

from __future__ import annotations

from collections.abc import Sequence

from ntag424.apdu import CommandApdu, ResponseApdu


class ScriptedTransport:
    """A `Transport` that expects the commands of *exchanges* and gives their answers.

    Each exchange is a command APDU and the answer with its status word, as bytes.

    Raises:
        ValueError: a recorded answer is none.
    """

    def __init__(self, exchanges: Sequence[tuple[bytes, bytes]]) -> None:
        self._exchanges = [
            (command, ResponseApdu.from_bytes(response)) for command, response in exchanges
        ]
        self._done = 0

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Give the recorded answer.

        Raises:
            AssertionError: another command is due, or none; the sentence shows both.
        """
        sent = bytes(command).hex().upper()
        if self._done == len(self._exchanges):
            raise AssertionError(f"no command is due any more, but {sent} was sent")
        expected, response = self._exchanges[self._done]
        if bytes(command) != expected:
            due = expected.hex().upper()
            raise AssertionError(f"command {self._done} is due as {due}, not as {sent}")
        self._done += 1
        return response

    def assert_finished(self) -> None:
        """Check that every command was sent.

        Raises:
            AssertionError: some were not.
        """
        left = len(self._exchanges) - self._done
        if left:
            raise AssertionError(f"{left} of {len(self._exchanges)} commands were never sent")
