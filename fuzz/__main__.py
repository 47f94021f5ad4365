"""Fuzz every target in turn: `python -m fuzz [SECONDS [TARGET ...]]`.

What was found to be worth keeping is kept in `.fuzz/`, and the next run goes on from
there. An input that breaks something is saved beside it, and named.
"""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from fuzz.targets import TARGETS, Target

_FOLDER = Path(".fuzz")
_MEGABYTES = 512


def main(seconds: str = "60", *names: str) -> int:
    """Fuzz the targets called *names*, all by default, for so long each."""
    outcomes = {name: _fuzz(name, TARGETS[name], seconds) for name in names or TARGETS}
    for name, status in outcomes.items():
        print(f"{name}: {'nothing found' if status == 0 else f'FAILED, see {_FOLDER}/'}")
    return 1 if any(outcomes.values()) else 0


def _fuzz(name: str, target: Target, seconds: str) -> int:
    corpus = _FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / sha256(seed).hexdigest()).write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-timeout=5",
        f"-rss_limit_mb={_MEGABYTES}",
        "-max_len=600",
        "-print_final_stats=1",
        f"-artifact_prefix={_FOLDER}/{name}-",
    ]
    command = [sys.executable, "-m", "fuzz.one", name, *options, str(corpus)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
