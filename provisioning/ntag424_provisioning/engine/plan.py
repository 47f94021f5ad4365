"""From what a tag holds and what it is to hold: the steps between, in the order that is safe.

Keys 1 to 4, the files, their settings, and key 0 last: until then the key that everything
else needs is the one that was proven at the beginning. Before all of them come the settings
of files that are closed to key 0: from then on key 0 may do all the rest, so whatever comes
in between, the steps that are left are allowed. `engine.access` says which tags have no such
way at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ntag424 import Mode, TamperStatus
from ntag424.commands import EnableLrp, EnableTagTamper, SetConfiguration
from ntag424.files import SAFE_WRITE
from ntag424.model.files import CommMode, FileSettings
from ntag424_provisioning.engine.access import changer, may_write
from ntag424_provisioning.model import Irreversible, Profile, SlotKey, Slots, TagImage
from ntag424_provisioning.model.image import CC_FILE, NDEF_FILE, PROPRIETARY_FILE

# No step writes more than fits one frame in the longest mode.
_PIECE = SAFE_WRITE[CommMode.FULL]
_OFF = b"I"
# In this order: the file that phones read is the last whose settings change.
_FILES = (PROPRIETARY_FILE, CC_FILE, NDEF_FILE)


@dataclass(frozen=True, slots=True)
class KeyStep:
    """Change one key."""

    number: int
    new: SlotKey

    def __str__(self) -> str:
        return f"key {self.number}, version {self.new.version:02X}"


@dataclass(frozen=True, slots=True)
class FileStep:
    """Write a piece of a file."""

    file_number: int
    offset: int
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        name = {CC_FILE: "CC", NDEF_FILE: "NDEF"}[self.file_number]
        return f"{name} file, bytes {self.offset} to {self.offset + len(self.content) - 1}"


@dataclass(frozen=True, slots=True)
class SettingsStep:
    """Change the settings of a file."""

    file_number: int
    settings: FileSettings
    #: Who has the Change right before this step; all other steps are key 0's.
    key_number: int = 0

    def __str__(self) -> str:
        whose = f", with key {self.key_number}" if self.key_number else ""
        return f"settings of file {self.file_number}{whose}"


@dataclass(frozen=True, slots=True)
class ConfigurationStep:
    """Tell the chip what it can never be untold."""

    command: SetConfiguration

    def __str__(self) -> str:
        return f"{type(self.command).__name__}, irreversible"


Step = KeyStep | FileStep | SettingsStep | ConfigurationStep


@dataclass(frozen=True, slots=True)
class Held:
    """What a tag holds, as far as it is known."""

    slots: Slots
    cc: bytes
    #: The NDEF file as it is stored, zeros where the chip mirrors.
    ndef: bytes
    #: By file number; a file is missing whose settings no tag should have.
    settings: Mapping[int, FileSettings]
    mode: Mode
    tamper: TamperStatus | None = None
    #: The read counter has come to its limit. It starts again when SDM is turned on.
    is_spent: bool = False


def plan(image: TagImage, held: Held) -> tuple[Step, ...]:
    """List what is to be written so that the tag holds *image*; nothing if it does."""
    return tuple(_steps(image, held))


def configuration(profile: Profile | None, held: Held) -> tuple[ConfigurationStep, ...]:
    """List what the chip must be told before anything else.

    Random IDs are the last thing of all, because afterwards the tag has another name
    each time it comes to a reader.
    """
    if profile is None:
        return ()
    steps = []
    wants_tamper = Irreversible.TAG_TAMPER in profile.irreversible
    if wants_tamper and (held.tamper is None or bytes(held.tamper)[1:] == _OFF):
        steps.append(ConfigurationStep(EnableTagTamper()))
    if profile.mode is Mode.LRP and held.mode is not Mode.LRP:
        steps.append(ConfigurationStep(EnableLrp()))
    return tuple(steps)


def _steps(image: TagImage, held: Held) -> Iterator[Step]:
    settings = dict(held.settings)
    for number in _FILES:
        if _is_closed_to_key_0(number, image, held):
            # Without mirrors: those of the image belong to content that is not there yet.
            settings[number] = replace(image.settings[number], sdm=None)
            by = changer(held.settings[number].access) or 0
            yield SettingsStep(number, settings[number], by)
    for number in range(1, 5):
        yield from _key(image, held, number)
    yield from _pieces(CC_FILE, image.cc, held.cc)
    yield from _pieces(NDEF_FILE, image.ndef, held.ndef)
    if _counts_on(image.settings[NDEF_FILE], settings.get(NDEF_FILE), is_spent=held.is_spent):
        settings[NDEF_FILE] = replace(image.settings[NDEF_FILE], sdm=None)
        yield SettingsStep(NDEF_FILE, settings[NDEF_FILE])
    for number in _FILES:
        if image.settings[number] != settings.get(number):
            yield SettingsStep(number, image.settings[number])
    yield from _key(image, held, 0)


def _is_closed_to_key_0(number: int, image: TagImage, held: Held) -> bool:
    """Whether key 0 may not do what is due with a file until its settings are changed."""
    present = held.settings.get(number)
    if present is None or present == image.settings[number]:
        return False
    if by := changer(present.access):
        return True
    return by == 0 and _content_differs(number, image, held) and not may_write(present.access, 0)


def _content_differs(number: int, image: TagImage, held: Held) -> bool:
    if number == PROPRIETARY_FILE:
        return False
    pair = (image.cc, held.cc) if number == CC_FILE else (image.ndef, held.ndef)
    return any(_pieces(number, *pair))


def _counts_on(wanted: FileSettings, present: FileSettings | None, *, is_spent: bool) -> bool:
    """Whether SDMReadCtr has to begin again, which it does where SDM is turned off and on.

    It may be at its limit already, or above the one that is wanted: then the chip would
    refuse the settings (§10.7.1), after all else was written.
    """
    if present is None or present.sdm is None:
        return False
    counter = None if wanted.sdm is None else wanted.sdm.counter
    has_limit = counter is not None and counter.limit is not None
    return is_spent or (has_limit and present != wanted)


def _key(image: TagImage, held: Held, number: int) -> Iterator[KeyStep]:
    wanted = image.keys[number]
    if held.slots[number] != (wanted,):
        yield KeyStep(number, wanted)


def _pieces(number: int, wanted: bytes, held: bytes) -> Iterator[FileStep]:
    for offset in range(0, len(wanted), _PIECE):
        piece = wanted[offset : offset + _PIECE]
        if held[offset : offset + _PIECE] != piece:
            yield FileStep(number, offset, piece)
