"""A program that moves a ledger, tells every step, and can be killed at any of them.

Usage: move_process.py (run | halt) FROM TO STORE_ID

With `halt` it waits for a line after every step that it told.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from ntag424_service.errors import MoveError
from ntag424_service.operations.move import move

from ntag424.replay import store_at


def main(mode, source, target, store_id):
    # Should the one who started us hang, end all the same.
    signal.alarm(60)

    def tell(progress):
        print(progress.step, flush=True)  # noqa: T201
        if mode == "halt":
            sys.stdin.readline()

    try:
        asyncio.run(move(store_at(source), store_at(target), store_id, tell))
    except MoveError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
