"""What is wanted of a tag, and what is known of one: values without I/O."""

from ntag424_provisioning.model.goal import Goal
from ntag424_provisioning.model.image import FACTORY_IMAGE, FACTORY_KEY, SlotKey, TagImage
from ntag424_provisioning.model.known_tag import KnownTag, Slots, Stage
from ntag424_provisioning.model.profile import Irreversible, Profile

__all__ = [
    "FACTORY_IMAGE",
    "FACTORY_KEY",
    "Goal",
    "Irreversible",
    "KnownTag",
    "Profile",
    "SlotKey",
    "Slots",
    "Stage",
    "TagImage",
]
