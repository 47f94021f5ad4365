"""A recorded conversation, played back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from ntag424.apdu import CommandApdu, ResponseApdu

#: A command APDU and the answer with its status word, or a place where several ways lead on.
Step: TypeAlias = "tuple[bytes, bytes] | Either | InAnyOrder"


@final
class Either:
    """One of several scripts: the first command tells which; an empty one may be passed over.

    Where two of them begin with the same command and other answers, the first is taken.
    """

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.scripts = tuple(map(_compiled, scripts))


@final
class InAnyOrder:
    """All of several scripts, one after the other, in whatever order the host likes."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.scripts = tuple(map(_compiled, scripts))


@dataclass(frozen=True, slots=True)
class _Exchange:
    command: bytes
    answer: ResponseApdu


#: What is still to come. Two that are equal lead to the same.
_Script: TypeAlias = "tuple[_Exchange | Either | _Rest, ...]"


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of scripts in any order."""

    scripts: tuple[_Script, ...]


def _compiled(script: Sequence[Step]) -> _Script:
    return tuple(map(_compiled_step, script))


def _compiled_step(step: Step) -> _Exchange | Either | _Rest:
    if isinstance(step, Either):
        return step
    if isinstance(step, InAnyOrder):
        return _Rest(step.scripts)
    command, answer = step
    return _Exchange(command, ResponseApdu.from_bytes(answer))


class ScriptedTransport:
    """A `Transport` that expects the commands of *script* and gives their answers.

    Each step is a command APDU and the answer with its status word, as bytes; or `Either`,
    or `InAnyOrder`, which hold such scripts themselves.

    Raises:
        ValueError: a recorded answer is none.
    """

    def __init__(self, script: Sequence[Step]) -> None:
        #: Every way in which it may go on from here.
        self._ways: list[_Script] = [_compiled(script)]
        self._done = 0

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Give the recorded answer.

        Raises:
            AssertionError: another command is due, or none; the sentence shows both, and
                the first field in which they differ.
        """
        sent = bytes(command)
        due = [each for way in self._ways for each in _due(way)]
        fitting = [(exchange, rest) for exchange, rest in due if exchange.command == sent]
        if not fitting:
            raise AssertionError(_mismatch(self._done, sent, [each.command for each, _ in due]))
        answer = fitting[0][0].answer
        ways = [rest for exchange, rest in fitting if exchange.answer == answer]
        self._ways = list(dict.fromkeys(ways))
        self._done += 1
        return answer

    def assert_finished(self) -> None:
        """Check that every command was sent.

        Raises:
            AssertionError: some were not; the sentence shows which may come next.
        """
        if any(map(_may_end, self._ways)):
            return
        due = _joined([each.command for way in self._ways for each, _ in _due(way)])
        raise AssertionError(f"the script is not finished: {due} is due as command {self._done}")


def _due(way: _Script) -> Iterator[tuple[_Exchange, _Script]]:
    """List what may come next, each with what is to come after it."""
    if not way:
        return
    step, rest = way[0], way[1:]
    if isinstance(step, _Exchange):
        yield step, rest
        return
    scripts = step.scripts
    if isinstance(step, Either):
        for script in scripts:
            yield from _due(script + rest)
        return
    if not scripts:
        yield from _due(rest)
    for index, script in enumerate(scripts):
        others = _Rest(scripts[:index] + scripts[index + 1 :])
        yield from _due((*script, others, *rest))


def _may_end(way: _Script) -> bool:
    return all(map(_may_be_passed_over, way))


def _may_be_passed_over(step: _Exchange | Either | _Rest) -> bool:
    if isinstance(step, _Exchange):
        return False
    which = any if isinstance(step, Either) else all
    return which(map(_may_end, step.scripts))


# ---- what differs ---------------------------------------------------------------------------


def _mismatch(index: int, sent: bytes, due: Sequence[bytes]) -> str:
    shown = sent.hex().upper()
    if not due:
        return f"no command is due any more, but {shown} was sent"
    nearest = max(due, key=lambda command: _common(command, sent))
    difference = _difference(nearest, sent)
    return f"command {index} is due as {_joined(due)}, not as {shown}: {difference}"


def _joined(commands: Sequence[bytes]) -> str:
    return " or ".join(dict.fromkeys(command.hex().upper() for command in commands))


def _common(one: bytes, other: bytes) -> int:
    """Count the bytes that both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _difference(due: bytes, sent: bytes) -> str:
    """Name the first field in which two APDUs that are not the same differ."""
    at = _common(due, sent)
    try:
        expected, found = CommandApdu.from_bytes(due), CommandApdu.from_bytes(sent)
    except ValueError:
        return f"they differ from byte {at} on"
    if at < len(_HEADER):
        return f"{_HEADER[at]} is {sent[at]:02X}, not {due[at]:02X}"
    if len(found.data) != len(expected.data):
        return f"Lc is {len(found.data):02X}, not {len(expected.data):02X}"
    if found.data != expected.data:
        return f"the data differ from byte {_common(expected.data, found.data)} on"
    return f"Le is {_le(found)}, not {_le(expected)}"


_HEADER = ("CLA", "INS", "P1", "P2")


def _le(command: CommandApdu) -> str:
    return "missing" if command.le is None else f"{command.le:02X}"
