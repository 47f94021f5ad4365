"""What may befall a command line that works on a simulated tag.

Mishaps are written down as JSON, by the test, and arranged in the process that they befall.
Commands are counted as the tag hears them, from 0 on, those that recognise it included.
"""

from __future__ import annotations

import os
import resource
import signal
from functools import partial
from importlib import import_module
from itertools import count

from ntag424_provisioning.sim import TakenTag


def arrange(mishaps):
    """Have all that *mishaps* say happen to this process."""
    for mishap in mishaps:
        _arrange_one(**mishap)


def _arrange_one(kind, **how):
    match kind:
        case "kill":
            _at_command(how["at"], die, after=how["executed"])
        case "kill at instruction":
            _at_instruction(how["ins"], how["number"], die, after=how["executed"])
        case "interrupt":
            _at_command(how["at"], press_ctrl_c, after=how["executed"])
        case "full":
            let_no_file_grow(how["room"])
        case "full at":
            _at_command(how["at"], lambda: let_no_file_grow(how["room"]), after=False)
        case "user":
            become(how["number"])
        case "crash":
            _crash(how["place"], how["at"], is_quoting=how["is_quoting"])


def kill(at, *, executed=False):
    """Be killed at the command *at*, before the tag hears it or when it has executed it."""
    return {"kind": "kill", "at": at, "executed": executed}


def kill_at_instruction(ins, number=1, *, executed=True):
    """Be killed at the *number*-th command of this instruction byte; see `kill`."""
    return {"kind": "kill at instruction", "ins": ins, "number": number, "executed": executed}


def interrupt(at, *, executed=False):
    """Have somebody press Ctrl-C at the command *at*; see `kill`."""
    return {"kind": "interrupt", "at": at, "executed": executed}


def full(room):
    """Have a disk on which no file can grow beyond *room* bytes."""
    return {"kind": "full", "room": room}


def full_at(at, room):
    """Have such a disk from the command *at* on."""
    return {"kind": "full at", "at": at, "room": room}


def user(number):
    """Be an ordinary user."""
    return {"kind": "user", "number": number}


def crash(place, at, *, is_quoting):
    """Fail at the *at*-th call of a function, `module:name`, as nobody expects.

    A careless error quotes what the function was given.
    """
    return {"kind": "crash", "place": place, "at": at, "is_quoting": is_quoting}


def die():
    """End without a word, and without a chance to put anything right."""
    os.kill(os.getpid(), signal.SIGKILL)


def press_ctrl_c():
    """Be interrupted as from the keyboard."""
    os.kill(os.getpid(), signal.SIGINT)


def let_no_file_grow(room):
    """Let writing fail beyond *room* bytes, as it does on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))


def become(number):
    """Be user *number* instead of root, who may do everything."""
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def _at_command(at, befall, *, after):
    """Call *befall* before the tag hears the command, or when it has executed it."""
    number = count()
    _watch_tag(lambda _: next(number) == at, befall, after=after)


def _at_instruction(ins, at, befall, *, after):
    number = count(1)
    _watch_tag(lambda octets: octets[1] == ins and next(number) == at, befall, after=after)


def _watch_tag(is_it, befall, *, after):
    through = TakenTag.exchange

    def exchange(taken, octets):
        is_now = is_it(octets)
        if is_now and not after:
            befall()
        answer = through(taken, octets)
        if is_now and after:
            befall()
        return answer

    TakenTag.exchange = exchange


def _crash(place, at, *, is_quoting):
    module, _, path = place.partition(":")
    *classes, name = path.split(".")
    owner = import_module(module)
    for each in classes:
        owner = getattr(owner, each)
    setattr(owner, name, _Crashing(getattr(owner, name), at, is_quoting=is_quoting))


class _Crashing:
    """A function, as which it binds to objects, that fails once."""

    def __init__(self, function, at, *, is_quoting):
        self._function = function
        self._is_quoting = is_quoting
        self._at = at
        self._number = count(1)

    def __get__(self, owner, kind):
        return partial(self, owner)

    def __call__(self, *arguments, **named):
        result = self._function(*arguments, **named)
        if next(self._number) == self._at:
            raise RuntimeError(quoted(arguments) if self._is_quoting else "what nobody expects")
        return result


def quoted(arguments):
    """Return everything that *arguments* hold, keys too."""
    return " ".join(filter(None, map(_in_full, arguments)))


def _in_full(value):
    if hasattr(value, "to_json"):
        return value.to_json().decode()
    return bytes(value).hex() if hasattr(value, "__bytes__") or isinstance(value, bytes) else ""
