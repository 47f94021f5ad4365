"""What an operator wants of every tag of a batch, and the image it makes of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Self, TypedDict

from ntag424 import Generation, Key, Uid, UrlTemplate
from ntag424.keys import KeyScheme
from ntag424.model import Mode
from ntag424.model.files import (
    FACTORY_SETTINGS,
    FREE,
    AccessRights,
    CommMode,
    FileSettings,
    SdmAccess,
    SdmBlock,
)
from ntag424_provisioning.model.image import FACTORY_IMAGE, NDEF_FILE, SlotKey, TagImage

# Everybody reads; key 0 alone writes, and changes the settings.
_CLOSED = AccessRights(read=FREE, write=0, read_write=0, change=0)


@unique
class Irreversible(StrEnum):
    """What a chip can be told once, and never be untold."""

    LRP = "lrp"
    RANDOM_ID = "random-id"
    TAG_TAMPER = "tag-tamper"


class ProfileRecord(TypedDict):
    """A profile as it is stored."""

    template: str
    file_data: str | None
    counter_limit: int | None
    irreversible: list[str]


@dataclass(frozen=True, slots=True)
class Profile:
    """A URL template and the options of the chip that go with it.

    Raises:
        ValueError: taps of the template could not be redeemed, or the tag could not
            hold it.

    """

    template: UrlTemplate
    #: Plaintext of `{file:N}`, N bytes.
    file_data: bytes | None = None
    #: SDMReadCtrLimit: the last read that the tag answers, 1 to FFFFFFh.
    counter_limit: int | None = None
    irreversible: frozenset[Irreversible] = frozenset()

    def __post_init__(self) -> None:
        if not self.template.is_redeemable:
            raise ValueError("a tap must show UID and counter, else nobody can use it up")
        self.settings(SdmAccess(file_read=2, meta_read=1 if self.template.encrypts else None))

    @property
    def mode(self) -> Mode | None:
        """The mode it asks for; None where either will do."""
        return Mode.LRP if Irreversible.LRP in self.irreversible else None

    def image(self, uid: Uid, scheme: KeyScheme, generation: Generation, mode: Mode) -> TagImage:
        """Return what the tag *uid* is to hold in this life, on a chip in *mode*.

        Raises:
            ValueError: the scheme does not know every slot, or not this epoch, or the
                template does not say what it must.

        """
        layout = self.template.layout(generation, mode=mode, file_data=self.file_data)
        meta_read = scheme.meta_read_number if self.template.encrypts else None
        access = SdmAccess(file_read=scheme.file_read_number, meta_read=meta_read)
        first, *others = (
            SlotKey(slot_key(scheme, uid, number, generation.epoch), generation.epoch)
            for number in range(5)
        )
        second, third, fourth, fifth = others
        return TagImage(
            keys=(first, second, third, fourth, fifth),
            cc=FACTORY_IMAGE.cc,
            ndef=layout.ndef_file.ljust(len(FACTORY_IMAGE.ndef), b"\0"),
            settings={**FACTORY_SETTINGS, NDEF_FILE: self.settings(access, mode)},
        )

    def settings(self, access: SdmAccess, mode: Mode = Mode.AES) -> FileSettings:
        """Return the settings of the NDEF file for these keys."""
        layout = self.template.layout(mode=mode, file_data=self.file_data)
        block = SdmBlock.of(layout.sdm, access, limit=self.counter_limit)
        block.require_room(mode)
        return FileSettings(CommMode.PLAIN, _CLOSED, block)

    def record(self) -> ProfileRecord:
        """Return what `from_record` reads."""
        return {
            "template": self.template.text,
            "file_data": None if self.file_data is None else self.file_data.hex(),
            "counter_limit": self.counter_limit,
            "irreversible": sorted(self.irreversible),
        }

    @classmethod
    def from_record(cls, record: ProfileRecord) -> Self:
        """Undo `record`."""
        file_data = record["file_data"]
        return cls(
            UrlTemplate(record["template"]),
            None if file_data is None else bytes.fromhex(file_data),
            record["counter_limit"],
            frozenset(Irreversible(name) for name in record["irreversible"]),
        )


def slot_key(scheme: KeyScheme, uid: Uid, number: int, epoch: int) -> Key:
    """Return the key that belongs into slot *number* of a tag in this *epoch*."""
    if number == scheme.meta_read_number:
        return scheme.meta_read_key()
    return scheme.tag_key(uid, number, epoch)
