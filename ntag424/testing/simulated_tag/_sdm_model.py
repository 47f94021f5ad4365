"""What Secure Dynamic Messaging does to a file, as values (NT4H2421Gx §9.3).

A configuration may be one that the chip would refuse: `require_consistent` has its rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

FILE_SIZE = 256
UID_CHARACTERS = 14
COUNTER_CHARACTERS = 6
MAC_CHARACTERS = 16
TAMPER_CHARACTERS = 2


@dataclass(frozen=True, slots=True)
class Chip:
    """What the rules depend on: the characters of PICCData, 32 or 48, and TagTamper."""

    picc_data_characters: int
    has_tamper_loop: bool


@dataclass(frozen=True, slots=True)
class Region:
    """Characters of the file that SDM overwrites."""

    name: str
    offset: int
    length: int

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        return self.offset + self.length

    @property
    def first_half(self) -> Region:
        """The half that holds the plaintext where ciphertext goes."""
        return Region(f"the first half of {self.name}", self.offset, self.length // 2)

    def overlaps(self, other: Region) -> bool:
        """Tell whether the two share a character."""
        return self.offset < other.end and other.offset < self.end

    def holds(self, other: Region) -> bool:
        """Tell whether *other* lies wholly inside."""
        return self.offset <= other.offset and other.end <= self.end


@dataclass(frozen=True, slots=True)
class PlainMirror:
    """UID and counter in the clear; an offset of None leaves that one out."""

    uid_offset: int | None
    counter_offset: int | None

    @property
    def with_uid(self) -> bool:
        """True if a reader learns the UID."""
        return self.uid_offset is not None

    @property
    def with_counter(self) -> bool:
        """True if a reader learns the counter."""
        return self.counter_offset is not None

    def regions(self) -> list[Region]:
        """List what is overwritten."""
        regions: list[Region] = []
        if self.uid_offset is not None:
            regions.append(Region("UID", self.uid_offset, UID_CHARACTERS))
        if self.counter_offset is not None:
            regions.append(Region("SDMReadCtr", self.counter_offset, COUNTER_CHARACTERS))
        return regions


@dataclass(frozen=True, slots=True)
class EncryptedMirror:
    """PICCData: UID, counter or both under the SDMMetaRead key."""

    key_number: int
    place: Region
    with_uid: bool
    with_counter: bool

    def regions(self) -> list[Region]:
        """List what is overwritten."""
        return [self.place]


@dataclass(frozen=True, slots=True)
class SecuredRead:
    """SDMMAC and perhaps SDMENCFileData, under the SDMFileRead key.

    *encrypted* is where the ciphertext goes; the plaintext is the first half of
    what the file holds there.
    """

    key_number: int
    mac_input_offset: int
    mac_offset: int
    encrypted: Region | None

    @property
    def mac(self) -> Region:
        """Where SDMMAC goes."""
        return Region("SDMMAC", self.mac_offset, MAC_CHARACTERS)

    def regions(self) -> list[Region]:
        """List what is overwritten."""
        return [self.mac] if self.encrypted is None else [self.mac, self.encrypted]


@dataclass(frozen=True, slots=True)
class Sdm:
    """One whole configuration.

    *counts* enables the counter, mirrored or not; *counter_access* is the condition for
    GetFileCounters; *counter_limit* is None without a limit; *tamper* is where the tamper
    status goes, if anywhere.
    """

    counts: bool
    counter_access: int
    counter_limit: int | None
    mirror: PlainMirror | EncryptedMirror | None
    secured: SecuredRead | None
    tamper: Region | None


# ---- what the chip refuses ------------------------------------------------------------------


def require_consistent(sdm: Sdm) -> None:
    """Hold a configuration against the rules of the chip (table 71).

    Raises:
        ValueError: a region lies beyond the file or over another one, the MAC window is
            reversed or does not cover the ciphertext, or the limit is already reached.
    """
    if sdm.counter_limit == 0:
        raise ValueError("SDMReadCtrLimit must be above the counter, which starts at 0")
    parts = [part for part in (sdm.mirror, sdm.secured) if part is not None]
    regions = [region for part in parts for region in part.regions()]
    for region in regions if sdm.tamper is None else [*regions, sdm.tamper]:
        if region.end > FILE_SIZE:
            raise ValueError(f"{region.name} at offset {region.offset} reaches beyond the file")
    if sdm.secured is not None:
        _check_window(sdm.secured)
    for one, other in combinations(regions, 2):
        _require_apart(one, other)
    if sdm.tamper is not None:
        _check_tamper(sdm.tamper, sdm.mirror, sdm.secured)


def _check_window(secured: SecuredRead) -> None:
    if secured.mac_input_offset > secured.mac_offset:
        raise ValueError("SDMMACInputOffset must not lie behind SDMMACOffset")
    encrypted = secured.encrypted
    if encrypted is None:
        return
    if encrypted.length == 0 or encrypted.length % 32:
        raise ValueError("SDMENCLength must be a multiple of 32 characters and not 0")
    if encrypted.offset < secured.mac_input_offset:
        raise ValueError("SDMENCFileData must not begin before SDMMACInputOffset")
    if encrypted.end > secured.mac_offset:
        raise ValueError("SDMENCFileData must end before SDMMACOffset")


def _check_tamper(
    tamper: Region, mirror: PlainMirror | EncryptedMirror | None, secured: SecuredRead | None
) -> None:
    # A plain UID or counter may lie there too: the chip has no rule against it.
    if isinstance(mirror, EncryptedMirror):
        _require_apart(tamper, mirror.place)
    if secured is None:
        return
    _require_apart(tamper, secured.mac)
    encrypted = secured.encrypted
    if encrypted is None or not encrypted.overlaps(tamper):
        return
    # Anywhere else the ciphertext would overwrite the status, or half of it.
    if not encrypted.first_half.holds(tamper):
        raise ValueError(f"{tamper.name} must lie wholly in {encrypted.first_half.name}")


def _require_apart(one: Region, other: Region) -> None:
    if one.overlaps(other):
        raise ValueError(f"{one.name} and {other.name} overlap")
