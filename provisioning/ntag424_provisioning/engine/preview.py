"""What `provision` would do, found out without authenticating: nothing is sent that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntag424 import Generation, MalformedTapError, Mode
from ntag424.commands import ChangeFileSettings, ChangeKey, ChangeMasterKey, Command, WriteData
from ntag424.ndef import read_uri
from ntag424_provisioning.engine.access import require_allowed
from ntag424_provisioning.engine.evidence import Evidence
from ntag424_provisioning.engine.observe import is_spent
from ntag424_provisioning.engine.plan import (
    ConfigurationStep,
    FileStep,
    Held,
    KeyStep,
    SettingsStep,
    Step,
    configuration,
    plan,
)
from ntag424_provisioning.model import FACTORY_KEY, Goal, TagImage
from ntag424_provisioning.model.image import NDEF_FILE


@dataclass(frozen=True, slots=True)
class Preview:
    """The steps that a tag is away from its goal."""

    goal: Goal
    image: TagImage
    steps: tuple[Step, ...]

    @property
    def url(self) -> str | None:
        """The URL as it is written, with zeros where the tag mirrors."""
        return read_uri(self.image.ndef)


def preview(evidence: Evidence, goal: Goal, images: dict[Mode, TagImage]) -> Preview:
    """Compare what can be seen of a tag with what *goal* makes of it, by mode.

    Raises:
        RefusedError: the rights on the tag do not allow it.

    """
    tap, seen = evidence.tap, evidence.observation
    mode = Mode.AES if tap is None else tap.mode
    settings = {number: one for number, one in seen.settings.items() if one is not None}
    spent = is_spent(seen)
    held = Held(evidence.known.slots, seen.cc, seen.ndef, settings, mode, seen.tamper, spent)
    first = configuration(goal.profile, held)
    wanted = Mode.LRP if goal.profile is not None and goal.profile.mode is Mode.LRP else mode
    image = images[wanted]
    require_allowed(settings, image.settings)
    if _shows_the_same(evidence, goal, image):
        # Where the chip mirrors, the file says one thing and the phone reads another.
        held = replace(held, ndef=image.ndef)
    return Preview(goal, image, (*first, *plan(image, held)))


def _shows_the_same(evidence: Evidence, goal: Goal, image: TagImage) -> bool:
    seen = evidence.observation
    if goal.profile is None or seen.settings[NDEF_FILE] != image.settings[NDEF_FILE]:
        return False
    try:
        parsed = goal.profile.template.parse(seen.url or "")
    except MalformedTapError:
        return False
    return Generation(parsed.key_version or 0, parsed.epoch) in (goal.generation, Generation())


def command_of(step: Step) -> Command[None]:
    """Return the command of a step, with keys of zeros where it has secrets."""
    zero = FACTORY_KEY.key
    match step:
        case KeyStep(0, new):
            return ChangeMasterKey(zero, new.version)
        case KeyStep(number, new):
            return ChangeKey(number, zero, zero, new.version)
        case FileStep(number, offset, content):
            return WriteData(number, offset, content)
        case SettingsStep(number, settings, _):
            return ChangeFileSettings(number, settings)
        case ConfigurationStep(command):
            return command
