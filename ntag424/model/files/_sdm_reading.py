"""The SDM block as a tag tells it (NT4H2421Gx §10.7.1, §10.7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.model.files._access import condition_of
from ntag424.model.files._sdm_block import NOT_MIRRORED, ReadCounter, SdmBlock, SecuredRead
from ntag424.model.picc_data_tag import PiccDataTag
from ntag424.model.sdm_mirrors import EncryptedFileData, EncryptedMirror, PiccMirror, PlainMirror

_UID, _COUNTER, _LIMIT, _ENCRYPTED, _TAMPER, _ASCII = 0x80, 0x40, 0x20, 0x10, 0x08, 0x01
_RESERVED = 0x06
_FREE, _NEVER = 0xE, 0xF
_KEYS = range(5)
_TAGS = {
    _UID | _COUNTER: PiccDataTag.UID_AND_COUNTER,
    _UID: PiccDataTag.UID,
    _COUNTER: PiccDataTag.COUNTER,
}


def read_sdm_block(octets: bytes) -> SdmBlock:
    """Undo `bytes(SdmBlock(...))`.

    Raises:
        ValueError: no tag gives this block, or the chip would not take it.

    """
    if len(octets) < 3:
        raise ValueError("an SDM block has at least options and access rights, 3 bytes")
    head = _Head.read(octets[:3])
    offsets = head.offsets(octets[3:])
    return SdmBlock(
        mirror=_mirror(head, offsets),
        meta_read=head.meta_read if head.meta_read in _KEYS else None,
        secured=_secured(head, offsets),
        counter=_counter(head, offsets),
        tamper_offset=offsets.get("TTStatusOffset"),
    )


@dataclass(frozen=True, slots=True)
class _Head:
    """SDMOptions and SDMAccessRights, cut into what they say."""

    options: int
    counter_access: int
    meta_read: int
    file_read: int

    @classmethod
    def read(cls, octets: bytes) -> _Head:
        options, low, high = octets
        if not options & _ASCII or options & _RESERVED:
            raise ValueError(f"SDMOptions {options:02X} set reserved bits, or not bit 0")
        if low >> 4 != _NEVER:
            raise ValueError("the reserved quarter of SDMAccessRights is F")
        head = cls(options, low & 0xF, high >> 4, high & 0xF)
        head.check()
        return head

    def check(self) -> None:
        """Refuse rights and options that do not go together."""
        if self.file_read not in (*_KEYS, _NEVER):
            raise ValueError("SDMFileRead is a key, or F")
        if self.meta_read not in (*_KEYS, _FREE, _NEVER):
            raise ValueError("SDMMetaRead is a key, E or F")
        if self.has(_UID) and self.meta_read == _NEVER:
            raise ValueError("SDMMetaRead must not be F where the UID is enabled")
        if not self.has(_COUNTER) and (self.has(_LIMIT) or self.counter_access != _NEVER):
            raise ValueError("limit and SDMCtrRet need the counter to be enabled")
        if self.has(_ENCRYPTED) and self.file_read == _NEVER:
            raise ValueError("SDMENCFileData needs a key in SDMFileRead")

    def has(self, option: int) -> bool:
        """Tell whether this option is on."""
        return bool(self.options & option)

    def offsets(self, octets: bytes) -> dict[str, int]:
        """Name the numbers that are present; their order on the wire is fixed."""
        due = (
            ("UIDOffset", self.has(_UID) and self.meta_read == _FREE),
            ("SDMReadCtrOffset", self.has(_COUNTER) and self.meta_read == _FREE),
            ("PICCDataOffset", self.meta_read in _KEYS),
            ("TTStatusOffset", self.has(_TAMPER)),
            ("SDMMACInputOffset", self.file_read != _NEVER),
            ("SDMENCOffset", self.has(_ENCRYPTED)),
            ("SDMENCLength", self.has(_ENCRYPTED)),
            ("SDMMACOffset", self.file_read != _NEVER),
            ("SDMReadCtrLimit", self.has(_LIMIT)),
        )
        names = [name for name, is_due in due if is_due]
        if len(octets) != 3 * len(names):
            raise ValueError(f"these options take {3 * len(names)} bytes, not {len(octets)}")
        return {
            name: int.from_bytes(octets[3 * index : 3 * index + 3], "little")
            for index, name in enumerate(names)
        }


def _mirror(head: _Head, offsets: dict[str, int]) -> PiccMirror | None:
    if head.meta_read == _NEVER:
        return None
    if head.meta_read == _FREE:
        counter_offset = offsets.get("SDMReadCtrOffset")
        return PlainMirror(
            offsets.get("UIDOffset"), None if counter_offset == NOT_MIRRORED else counter_offset
        )
    tag = _TAGS.get(head.options & (_UID | _COUNTER))
    if tag is None:
        raise ValueError("SDMMetaRead must be F where neither UID nor counter is enabled")
    return EncryptedMirror(offsets["PICCDataOffset"], tag)


def _secured(head: _Head, offsets: dict[str, int]) -> SecuredRead | None:
    if head.file_read == _NEVER:
        return None
    encrypted = None
    if head.has(_ENCRYPTED):
        encrypted = EncryptedFileData(offsets["SDMENCOffset"], offsets["SDMENCLength"])
    return SecuredRead(
        head.file_read, offsets["SDMMACInputOffset"], offsets["SDMMACOffset"], encrypted
    )


def _counter(head: _Head, offsets: dict[str, int]) -> ReadCounter | None:
    if not head.has(_COUNTER):
        return None
    return ReadCounter(condition_of(head.counter_access), offsets.get("SDMReadCtrLimit"))
