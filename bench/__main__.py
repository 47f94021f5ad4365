"""Measure everything and print it beside its targets. A report, not a test: it never fails."""

from __future__ import annotations

from itertools import chain

from bench import import_time, verification
from bench.report import print_table


def main() -> None:
    """Print one line for each figure."""
    print_table(chain(verification.lines(), import_time.lines()))


if __name__ == "__main__":
    main()
