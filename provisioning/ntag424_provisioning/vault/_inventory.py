"""Which sealed rows a vault has: what tells that an old one was put back, or one is missing.

A sealed row opens for ever, so the seal alone does not tell the newest from one that was kept
from before. Therefore each write draws a number, the *revision* of the whole vault; a row is
sealed together with the one that it was written under; and one more sealed row, the census,
has the last revision and a total over all rows. The total is the sum of their marks modulo
2^256, one MAC for each row in its present form (MSet-Add-Hash; Clarke, Devadas, van Dijk,
Gassend and Suh, ASIACRYPT 2003). A write subtracts one mark and adds another, so it costs the
same for one tag as for a hundred thousand. No key holder ever makes a set of old rows with
the same total: nobody else can compute a mark, so it fits by chance, once in 2^256 tries.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TypeAlias

from ntag424_provisioning.vault._failures import put_back

_MODULUS = 1 << 256
_TOTAL_BYTES = 32

#: The table that a row is in, and its name there.
RowName: TypeAlias = tuple[str, bytes]
#: The marks of rows.
Marks: TypeAlias = Mapping[RowName, bytes]


class Inventory:
    """The marks of all rows as this process has proven them, kept in memory.

    A row that is read has to have its mark, so what is put back while the vault is open is
    noticed too. Below one kilobyte for each tag.
    """

    def __init__(self) -> None:
        """Know nothing yet: every row is newer than what is known."""
        self.revision = -1
        self._total = 0
        self._marks: dict[RowName, bytes] = {}

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return sum(1 for name, _ in self._marks if name == table)

    def total_with(self, marks: Marks) -> bytes:
        """Return the total where the rows that are named have these *marks*."""
        total = self._total
        for name, mark in marks.items():
            total += _number(mark) - _number(self.mark_of(name))
        return (total % _MODULUS).to_bytes(_TOTAL_BYTES, "big")

    def advance(self, revision: int, total: bytes, marks: Marks) -> None:
        """Take over what was written since, if it makes the *total* of the census.

        Raises:
            VaultError: it does not: a row is older than the census, or is missing.

        """
        if not hmac.compare_digest(self.total_with(marks), total):
            raise put_back()
        self.revision, self._total = revision, _number(total)
        self._marks.update(marks)

    def mark_of(self, name: RowName) -> bytes:
        """Return the mark of a row; of one that is not there, nothing."""
        return self._marks.get(name, b"")

    def require_not_behind(self, revision: int, total: bytes) -> None:
        """Refuse a census that is older than what is known.

        Raises:
            VaultError: it is.

        """
        is_same = hmac.compare_digest(self.total_with({}), total)
        if revision < self.revision or (revision == self.revision and not is_same):
            raise put_back()


def _number(mark: bytes) -> int:
    return int.from_bytes(mark, "big")
