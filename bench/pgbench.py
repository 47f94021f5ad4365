"""What PostgreSQL itself does of the ledger's statement: `pgbench`, written in C."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import count
from pathlib import Path

from bench.rates import Rate
from tests.servers.postgres import PostgresServer

PROGRAM = "pgbench"
#: Where the tags of this program begin; as many as `Taps` has.
FIRST_TAG = 1 << 24
#: The shortest that it measures.
_SECONDS = "1"
_TAGS_PER_CLIENT = 32
#: More than a client redeems in a run.
_COUNTERS_PER_RUN = 50_000
#: A tap that is not accepted divides by zero: a bench of refusals would be none.
_SCRIPT = f"""
\\set counter :counter + 1
\\set tag {FIRST_TAG} + :client_id * {_TAGS_PER_CLIENT} + :counter % {_TAGS_PER_CLIENT}
SELECT 1 / (verdict = 'accepted')::int, expires, revision FROM redeem(:store_id, 0,
    decode(lpad(to_hex(:tag::int), 14, '0'), 'hex'), 0, :counter, false,
    NULL, NULL, NULL, '', NULL, NULL, 0, 0);
"""


class Pgbench:
    """Redeems fresh taps of enrolled tags."""

    def __init__(self, server: PostgresServer, store_id: str, folder: Path) -> None:
        self._environment = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGDATABASE": "postgres",
            "PGOPTIONS": "-c search_path=ntag424,pg_temp",
        }
        self._script = folder / "redeem.sql"
        self._script.write_text(_SCRIPT.replace(":store_id", f"'{store_id}'"))
        self._counters = count(_COUNTERS_PER_RUN, _COUNTERS_PER_RUN)

    def rate_of(self, *, callers: int) -> Rate:
        """Let *callers* redeem one tap after another, each; 64 at the most."""
        return lambda: self._run(callers)

    def _run(self, clients: int) -> float:
        run = ["-D", f"counter={next(self._counters)}", "-c", str(clients), "-T", _SECONDS]
        finished = subprocess.run(
            [PROGRAM, "-n", "-j", "1", "-M", "prepared", "-f", self._script, *run],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | self._environment,
        )
        return float(re.findall(r"^tps = ([0-9.]+)", finished.stdout, re.MULTILINE)[0])
