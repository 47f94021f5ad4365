"""What an import would do: everything is checked before anything is put down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ntag424 import Uid
from ntag424_provisioning.engine.journal import Journal
from ntag424_provisioning.imports._found import RowError, Source
from ntag424_provisioning.imports._rows import AnyRow, BadRow, Row
from ntag424_provisioning.model import KnownTag


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Every row of a file, in its order, as one of three kinds."""

    #: To be put down.
    new: tuple[KnownTag, ...]
    #: In the vault already, with these keys; left alone.
    standing: tuple[KnownTag, ...]
    bad: tuple[BadRow, ...]


def plan_import(rows: Iterable[AnyRow], source: Source, journal: Journal) -> ImportPlan:
    """Find out what is to be done, and do nothing."""
    new: list[KnownTag] = []
    standing: list[KnownTag] = []
    bad: list[BadRow] = []
    places: dict[Uid, str] = {}
    for row in rows:
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        try:
            tag = _read(row, source, places)
            (new if _is_new(tag, journal) else standing).append(tag)
        except RowError as error:
            bad.append(BadRow(row.place, str(error)))
    return ImportPlan(tuple(new), tuple(standing), tuple(bad))


def _read(row: Row, source: Source, places: dict[Uid, str]) -> KnownTag:
    tag = source.read(row)
    if (place := places.setdefault(tag.uid, row.place)) != row.place:
        raise RowError(f"tag {tag.uid} is in the file twice, first in {place}")
    return tag


def _is_new(tag: KnownTag, journal: Journal) -> bool:
    known = journal.find(tag.uid)
    if known is None:
        return True
    if not all(set(held) <= set(told) for held, told in zip(known.slots, tag.slots, strict=True)):
        # What the vault knows may be newer: a key that is lost here opens no tag any more.
        raise RowError(f"tag {tag.uid} is in the vault with other keys")
    return False
