"""Measure everything and print it beside its targets. A report, not a test: it never fails.

`python -m bench ledgers trouble` measures these parts alone.
"""

from __future__ import annotations

import sys
from itertools import chain

from bench import (
    bulk,
    connections,
    floods,
    import_time,
    ledgers,
    lrp,
    provisioning,
    readers,
    redis_memory,
    refusals,
    trouble,
    verification,
)
from bench.report import print_table

_PARTS = {
    part.__name__.removeprefix("bench."): part
    for part in (
        verification,
        lrp,
        bulk,
        readers,
        provisioning,
        import_time,
        connections,
        ledgers,
        redis_memory,
        refusals,
        trouble,
        floods,
    )
}


def main() -> None:
    """Print one line for each figure."""
    names = sys.argv[1:] or list(_PARTS)
    if unknown := [name for name in names if name not in _PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    print_table(chain.from_iterable(_PARTS[name].lines() for name in names))


if __name__ == "__main__":
    main()
