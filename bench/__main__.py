"""Measure everything and print it beside its targets. A report, not a test: it never fails."""

from __future__ import annotations

from itertools import chain

from bench import bulk, import_time, lrp, provisioning, readers, verification
from bench.report import print_table


def main() -> None:
    """Print one line for each figure."""
    parts = (verification, lrp, bulk, readers, provisioning, import_time)
    print_table(chain.from_iterable(part.lines() for part in parts))


if __name__ == "__main__":
    main()
