"""Reading a report as its readers do, with nothing of ours."""

from __future__ import annotations

import csv
import json


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in file]
        return list(csv.DictReader(file))


def of_outcome(path, outcome):
    return [row for row in rows_of(path) if row["outcome"] == outcome]


def ledger_of(path):
    """What a ledger must hold, by the tags that a report calls done."""
    return {
        row["uid"]: (int(row["key_version"]), int(row["epoch"]), int(row["counter"]))
        for row in of_outcome(path, "done")
    }


def held_by(ledger):
    return {
        str(uid): (held.generation.key_version, held.generation.epoch, held.counter)
        for uid, held in ledger.tags.items()
    }
