"""Which keys may be on a tag: what was put down, what the tag tells, what its tap proves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ntag424 import Generation, Keyring, Uid
from ntag424.keys import KeyScheme
from ntag424_provisioning.engine.access import held_by
from ntag424_provisioning.engine.journal import Journal
from ntag424_provisioning.engine.observe import Observation
from ntag424_provisioning.engine.own_tap import OwnTap, own_tap
from ntag424_provisioning.errors import WrongKeyError
from ntag424_provisioning.model import FACTORY_KEY, KnownTag, SlotKey
from ntag424_provisioning.model.image import NDEF_FILE
from ntag424_provisioning.model.profile import slot_key


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a tag before anybody authenticates to it."""

    observation: Observation
    tap: OwnTap | None
    known: KnownTag

    @property
    def highest_epoch(self) -> int:
        """The highest epoch that the tag shows, by version bytes or by its tap."""
        told = [version for version in self.observation.key_versions if version is not None]
        proven = self.tap.generation if self.tap is not None else None
        return max([*told, 0 if proven is None else proven.epoch])


def gather(observation: Observation, journal: Journal, keyring: Keyring) -> Evidence:
    """Put together what is known of the tag that was looked at.

    Raises:
        WrongKeyError: it can be seen that its keys are none that are known here.

    """
    tap = own_tap(observation, keyring)
    uid = observation.uid or (None if tap is None else tap.uid)
    if uid is None:
        raise WrongKeyError(
            "the tag hides its UID, and its tap verifies under no key of this vault",
            "Open the vault that it was written with; nothing was sent that costs an attempt.",
        )
    recorded = journal.find(uid)
    clues = _Clues(uid, observation, tap, keyring)
    slots = tuple(
        _candidates(number, () if recorded is None else recorded.slots[number], clues)
        for number in range(5)
    )
    known = replace(recorded or KnownTag.blank(uid), slots=slots)
    return Evidence(observation, tap, known)


@dataclass(frozen=True, slots=True)
class _Clues:
    """Where candidates for a slot come from, beside the journal."""

    uid: Uid
    observation: Observation
    tap: OwnTap | None
    keyring: Keyring

    @property
    def is_in_use(self) -> bool:
        """Whether the tag makes MACs: then somebody gave it keys."""
        settings = self.observation.settings[NDEF_FILE]
        return settings is None or settings.sdm is not None


def _candidates(number: int, recorded: tuple[SlotKey, ...], clues: _Clues) -> tuple[SlotKey, ...]:
    """Return the keys that may be in slot *number*: the likeliest last.

    Key and version byte change in one step. But no MAC covers the byte here, so none that
    was put down is forgotten for what it says.
    """
    told = clues.observation.key_versions[number]
    fitting = _told(recorded, told) or _told(_derived(number, told, clues), told)
    if fitting:
        return (*(key for key in recorded if key not in fitting), *fitting)
    needed = ", ".join(held_by(number, clues.observation.settings))
    raise WrongKeyError(
        f"key {number} of tag {clues.uid} is none that this vault knows"
        + ("" if told is None else f", by its version byte {told:02X}")
        + (f", and it alone opens {needed}" if needed else ""),
        "Open the vault that it was written with, or give its keys with "
        '"ntag424 access adopt"; nothing was sent that costs an attempt.',
    )


def _told(keys: Iterable[SlotKey], told: int | None) -> tuple[SlotKey, ...]:
    return tuple(key for key in keys if told is None or key.version == told)


def _derived(number: int, told: int | None, clues: _Clues) -> Iterator[SlotKey]:
    """Guess from tag and master keys alone, as one must without the journal.

    A tag in use whose MAC no known key makes is somebody else's: nothing is guessed.
    """
    if clues.is_in_use and clues.tap is None:
        return
    proven = None if clues.tap is None else clues.tap.generation
    if not clues.is_in_use or (clues.tap is not None and (proven is None or not told)):
        yield FACTORY_KEY
    for version in clues.keyring:
        if proven is not None and told in (None, proven.epoch):
            if version.ordinal == proven.key_version:
                yield _key_of(clues.uid, version.scheme, number, proven)
        elif told is not None and told and told in version.scheme.epochs:
            generation = Generation(version.ordinal, told)
            yield _key_of(clues.uid, version.scheme, number, generation)


def _key_of(uid: Uid, scheme: KeyScheme, number: int, generation: Generation) -> SlotKey:
    return SlotKey(slot_key(scheme, uid, number, generation.epoch), generation.epoch)
