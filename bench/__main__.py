"""Measure everything and print it beside its targets. A report, not a test: it never fails."""

from __future__ import annotations

from itertools import chain

from bench import bulk, import_time, lrp, verification
from bench.report import print_table


def main() -> None:
    """Print one line for each figure."""
    print_table(chain(verification.lines(), lrp.lines(), bulk.lines(), import_time.lines()))


if __name__ == "__main__":
    main()
