"""From what a tag holds and what it is to hold: the steps between, in the order that is safe.

Keys 1 to 4, the files, their settings, and key 0 last: until then the key that everything
else needs is the one that was proven at the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ntag424 import Mode, TamperStatus
from ntag424.commands import EnableLrp, EnableTagTamper, SetConfiguration
from ntag424.files import SAFE_WRITE
from ntag424.model.files import CommMode, FileSettings
from ntag424_provisioning.model import Irreversible, Profile, SlotKey, Slots, TagImage
from ntag424_provisioning.model.image import CC_FILE, NDEF_FILE, PROPRIETARY_FILE

# No step writes more than fits one frame in the longest mode.
_PIECE = SAFE_WRITE[CommMode.FULL]
_OFF = b"I"


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

    def __str__(self) -> str:
        return f"settings of file {self.file_number}"


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
    for number in range(1, 5):
        yield from _key(image, held, number)
    yield from _pieces(CC_FILE, image.cc, held.cc)
    yield from _pieces(NDEF_FILE, image.ndef, held.ndef)
    if held.is_spent:
        yield SettingsStep(NDEF_FILE, replace(image.settings[NDEF_FILE], sdm=None))
    for number in (PROPRIETARY_FILE, CC_FILE, NDEF_FILE):
        settings = image.settings[number]
        if settings != held.settings.get(number) or (held.is_spent and number == NDEF_FILE):
            yield SettingsStep(number, settings)
    yield from _key(image, held, 0)


def _key(image: TagImage, held: Held, number: int) -> Iterator[KeyStep]:
    wanted = image.keys[number]
    if held.slots[number] != (wanted,):
        yield KeyStep(number, wanted)


def _pieces(number: int, wanted: bytes, held: bytes) -> Iterator[FileStep]:
    for offset in range(0, len(wanted), _PIECE):
        piece = wanted[offset : offset + _PIECE]
        if held[offset : offset + _PIECE] != piece:
            yield FileStep(number, offset, piece)
