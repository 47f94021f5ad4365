"""Places in the NDEF file that the tag overwrites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

#: Size of file 2, the NDEF file (NT4H2421Gx §8.2.3).
NDEF_FILE_BYTES = 256


@dataclass(frozen=True, slots=True)
class Region:
    """Characters of the NDEF file.

    Raises:
        ValueError: they are not wholly inside the file.

    """

    name: str
    offset: int
    length: int

    def __post_init__(self) -> None:
        if self.offset < 0 or self.end > NDEF_FILE_BYTES:
            raise ValueError(f"{self.name} at offset {self.offset} is not inside the file")

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        return self.offset + self.length

    def overlaps(self, other: Region) -> bool:
        """Tell whether the two share a character."""
        return self.offset < other.end and other.offset < self.end

    def holds(self, other: Region) -> bool:
        """Tell whether *other* lies wholly inside."""
        return self.offset <= other.offset and other.end <= self.end


def require_apart(regions: Iterable[Region]) -> None:
    """Refuse regions that overlap.

    Raises:
        ValueError: names the two.

    """
    for one, other in combinations(regions, 2):
        if one.overlaps(other):
            raise ValueError(f"{one.name} and {other.name} overlap")
