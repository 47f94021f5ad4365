"""What `import ntag424` costs a program, beyond what Python itself takes.

Counted is processor time: on an idle machine that is how long one waits, and on a
busy one it does not count the waiting for others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from bench.report import Line

_ROUNDS = 21
_BARE, _IMPORT = "pass", "import ntag424"
_HIDE = "import sys; sys.modules |= dict.fromkeys({}); " + _IMPORT
#: What to run, by what is installed, and the milliseconds it should stay below.
_TARGETS = {
    "cryptography": (_IMPORT, 60.0),
    # pycryptodome loads cffi where it finds it, and needs it nowhere: cryptography
    # brings it along, an installation of pycryptodome alone does not.
    "pycryptodome alone": (_HIDE.format(["cryptography", "cffi"]), 80.0),
    "pycryptodome beside cffi": (_HIDE.format(["cryptography"]), 80.0),
}


def lines() -> Iterator[Line]:
    """Let bare Python and every backend start in each round, and compare them there."""
    _round()  # warm up: compiles what was not yet compiled
    rounds = [_round() for _ in range(_ROUNDS)]
    for backend, (_, target) in _TARGETS.items():
        cost = 1000 * median(row[backend] - row[_BARE] for row in rounds)
        ratio = median(row[backend] / row[_BARE] for row in rounds)
        yield Line(
            f"import ntag424, {backend}: {ratio:.1f} x bare Python",
            f"{cost:.0f} ms CPU",
            f"< {target:.0f} ms",
            cost < target,
        )


def _round() -> dict[str, float]:
    return {_BARE: _seconds(_BARE)} | {
        backend: _seconds(code) for backend, (code, _) in _TARGETS.items()
    }


def _seconds(code: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "NTAG424_CRYPTO"}
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = getrusage(RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
