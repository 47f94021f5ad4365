"""What is wrong with a tag, as far as it can be seen without authenticating to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique

from ntag424 import Generation, VerificationError, Verifier
from ntag424.model.files import FREE, FileSettings, SdmBlock
from ntag424_provisioning.engine.access import FILE_NAMES, closed_text
from ntag424_provisioning.engine.observe import Observation, is_spent
from ntag424_provisioning.engine.own_tap import OwnTap
from ntag424_provisioning.model import FACTORY_IMAGE, TagImage
from ntag424_provisioning.model.image import CC_FILE, NDEF_FILE


@unique
class DefectKind(StrEnum):
    """The kinds there are."""

    ORIGIN = "origin"
    DEFAULT_KEY = "default-key"
    HALF_DONE = "half-done"
    KEY_VERSION = "key-version"
    FREE_WRITE = "free-write"
    FREE_CHANGE = "free-change"
    CLOSED = "closed"
    NOT_READABLE = "not-readable"
    SPENT = "spent"
    SHARED_KEY_ACCESS = "shared-key-access"
    CAPABILITY_CONTAINER = "capability-container"
    SDM_OFF = "sdm-off"
    NOT_REDEEMABLE = "not-redeemable"
    OFFSETS = "offsets"
    SETTINGS = "settings"
    URL = "url"
    FOREIGN = "foreign"
    FACTORY_MAC = "factory-mac"
    GENERATION = "generation"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is not as it should be, in one sentence."""

    kind: DefectKind
    text: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a tag ought to be: made of a profile and the keys of its version."""

    image: TagImage
    verifier: Verifier
    generation: Generation


def defects(seen: Observation, *, signed: bool | None) -> list[Defect]:
    """Name what would be wrong with any tag.

    *signed* is whether NXP signed the UID, None where that is hidden. In a blank tag
    nothing else can be wrong.
    """
    found = []
    if signed is False:
        text = "NXP did not sign this UID: no chip of NXP's, or a simulated one."
        found.append(Defect(DefectKind.ORIGIN, text))
    return found if _looks_blank(seen) else [*found, *_in_use(seen)]


def _in_use(seen: Observation) -> list[Defect]:
    settings = seen.settings[NDEF_FILE]
    found = [*_keys(seen), *_rights(seen)]
    if is_spent(seen):
        text = "The read counter has come to its limit: phones read nothing. Write it again."
        found.append(Defect(DefectKind.SPENT, text))
    if seen.cc != FACTORY_IMAGE.cc:
        text = "The CC file is not as NXP delivers it: phones may not find the URL, or may write."
        found.append(Defect(DefectKind.CAPABILITY_CONTAINER, text))
    if settings is None or settings.sdm is None:
        found.append(Defect(DefectKind.SDM_OFF, "The URL is always the same: SDM is off."))
    elif not _is_redeemable(settings.sdm):
        text = "UID or read counter is not mirrored: nobody can use a tap up."
        found.append(Defect(DefectKind.NOT_REDEEMABLE, text))
    return found


def unexpected(seen: Observation, tap: OwnTap | None, wanted: Expectation | None) -> list[Defect]:
    """Name what is not as *wanted*, beside `defects`; without it, whose tag it is not."""
    if wanted is None:
        return [] if _looks_blank(seen) else list(_maker(tap, None))
    return [
        *_versions(seen, wanted.image),
        *_settings(seen, wanted.image),
        *_url(seen, wanted),
        *_maker(tap, wanted),
    ]


def _looks_blank(seen: Observation) -> bool:
    return (
        set(seen.key_versions) <= {0, None}
        and seen.settings == dict(FACTORY_IMAGE.settings)
        and not any(seen.ndef)
    )


def _keys(seen: Observation) -> Iterator[Defect]:
    told = dict(enumerate(seen.key_versions))
    zero = [str(number) for number, version in told.items() if version == 0]
    if zero and len(zero) < len(told):
        text = f"Key {', '.join(zero)} has version 00, the others not: it was left as delivered."
        yield Defect(DefectKind.DEFAULT_KEY, text)
    elif zero:
        text = "All keys have version 00: they are probably those that NXP delivers."
        yield Defect(DefectKind.DEFAULT_KEY, text)
    rest = {version for version in told.values() if version}
    if len(rest) > 1:
        shown = " ".join("??" if one is None else f"{one:02X}" for one in seen.key_versions)
        text = f"The keys have different versions, {shown}: somebody stopped half way."
        yield Defect(DefectKind.HALF_DONE, text)


def _rights(seen: Observation) -> Iterator[Defect]:
    for number, settings in seen.settings.items():
        if settings is None:
            text = (
                f"The settings of the {FILE_NAMES[number]} file are none that a tag should have."
            )
            yield Defect(DefectKind.SETTINGS, text)
            continue
        access = settings.access
        if FREE in (access.write, access.read_write):
            text = f"Everybody can write the {FILE_NAMES[number]} file."
            yield Defect(DefectKind.FREE_WRITE, text)
        if access.change is FREE:
            text = f"Everybody can change the settings of the {FILE_NAMES[number]} file."
            yield Defect(DefectKind.FREE_CHANGE, text)
        closed = closed_text(number, access)
        if closed is not None:
            yield Defect(DefectKind.CLOSED, closed)
        if number in (CC_FILE, NDEF_FILE) and FREE not in (access.read, access.read_write):
            text = f"Phones cannot read the {FILE_NAMES[number]} file."
            yield Defect(DefectKind.NOT_READABLE, text)
        yield from _shared_key(number, settings)


def _shared_key(number: int, settings: FileSettings) -> Iterator[Defect]:
    """All tags have the same meta-read key: it must open nothing but PICCData."""
    meta_read = None if settings.sdm is None else settings.sdm.meta_read
    access = settings.access
    rights = (access.read, access.write, access.read_write, access.change)
    if meta_read is not None and meta_read in rights:
        text = (
            f"Key {meta_read}, which all tags share, has rights on the {FILE_NAMES[number]} file."
        )
        yield Defect(DefectKind.SHARED_KEY_ACCESS, text)


def _is_redeemable(block: SdmBlock) -> bool:
    mirror, counts = block.mirror, block.counter is not None
    return mirror is not None and mirror.has_uid and counts and block.secured is not None


def _versions(seen: Observation, image: TagImage) -> Iterator[Defect]:
    for number, (told, wanted) in enumerate(zip(seen.key_versions, image.keys, strict=True)):
        if told not in (None, 0, wanted.version):
            text = f"Key {number} has version {told:02X}, and {wanted.version:02X} is due."
            yield Defect(DefectKind.KEY_VERSION, text)


def _settings(seen: Observation, image: TagImage) -> Iterator[Defect]:
    for number, wanted in image.settings.items():
        settings = seen.settings[number]
        if settings is None or settings == wanted:
            continue
        if settings.sdm is not None and wanted.sdm is not None and settings.sdm != wanted.sdm:
            parts = ", ".join(_differing(settings.sdm, wanted.sdm))
            yield Defect(
                DefectKind.OFFSETS, f"The mirrors are not where the template has: {parts}."
            )
        if (settings.access, settings.comm_mode) != (wanted.access, wanted.comm_mode):
            due = bytes(wanted.access).hex().upper()
            text = (
                f"The {FILE_NAMES[number]} file has access rights "
                f"{bytes(settings.access).hex().upper()}, and {due} are due."
            )
            yield Defect(DefectKind.SETTINGS, text)


def _differing(present: SdmBlock, wanted: SdmBlock) -> Iterator[str]:
    for name in ("mirror", "meta_read", "secured", "counter", "tamper_offset"):
        if getattr(present, name) != getattr(wanted, name):
            yield f"{name} is {getattr(present, name)}, due is {getattr(wanted, name)}"


def _url(seen: Observation, wanted: Expectation) -> Iterator[Defect]:
    """Compare what stands in the file outside of the mirrors."""
    url = seen.url
    if url is None:
        yield Defect(DefectKind.URL, "There is no URL on the tag.")
        return
    template = wanted.verifier.template
    fixed = template.place
    if not url.startswith(fixed):
        yield Defect(DefectKind.URL, f"The URL does not begin with {fixed}")
        return
    try:
        wanted.verifier.verify(url)
    except VerificationError as error:
        text = f"The service will refuse the tag's URL: {error}; see `ntag424 explain`."
        yield Defect(DefectKind.URL, text)


def _maker(tap: OwnTap | None, wanted: Expectation | None) -> Iterator[Defect]:
    if tap is None:
        text = "No key of this vault makes the MAC: a tag of another fleet, or wrong settings."
        yield Defect(DefectKind.FOREIGN, text)
    elif tap.generation is None:
        text = "The MAC is made with the key of zeros that NXP delivers: anybody can forge it."
        yield Defect(DefectKind.FACTORY_MAC, text)
    elif wanted is not None and tap.generation != wanted.generation:
        found, due = tap.generation, wanted.generation
        text = (
            f"The keys are those of version {found.key_version}, epoch {found.epoch}, and "
            f"{due.key_version}, {due.epoch} are due."
        )
        yield Defect(DefectKind.GENERATION, text)
