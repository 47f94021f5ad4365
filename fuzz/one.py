"""Feed one target, guided by what of the library each input reaches: `python -m fuzz.one NAME`.

The further arguments are libFuzzer's. The process ends when libFuzzer does.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["ntag424"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer is told to stop, or finds something."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
