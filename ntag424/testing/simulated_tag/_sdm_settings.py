"""The SDM block of file settings, from the wire (NT4H2421Gx §10.7.1).

Written from the data sheet for the simulated tag alone: it shares no line with
the library's own settings, so that a mistake there cannot confirm itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ntag424.testing.simulated_tag._access_rights import (
    ANY_CONDITION,
    FREE,
    KEY_NUMBERS,
    KEY_OR_NEVER,
    NEVER,
    known,
    parse_conditions,
    require_condition,
)
from ntag424.testing.simulated_tag._refusal import SettingsLengthError
from ntag424.testing.simulated_tag._sdm_model import (
    TAMPER_CHARACTERS,
    Chip,
    EncryptedMirror,
    PlainMirror,
    Region,
    Sdm,
    SecuredRead,
    require_consistent,
)

_UID, _COUNTER, _LIMIT, _ENC, _TAMPER, _RESERVED, _ASCII = 0x80, 0x40, 0x20, 0x10, 0x08, 0x06, 0x01
_NOT_MIRRORED = 0xFFFFFF
#: SDMOptions and SDMAccessRights.
_FIXED = 3


def parse_sdm(block: bytes, chip: Chip) -> Sdm:
    """Read SDMOptions (1) || SDMAccessRights (2 LE) || 3 bytes LE for each item present.

    Raises:
        SettingsLengthError: it is too short or too long.
        ValueError: *chip* would refuse this block; the sentence says why.
    """
    if len(block) < _FIXED:
        raise SettingsLengthError(
            "an SDM block has at least SDMOptions and SDMAccessRights, 3 bytes"
        )
    options = block[0]
    counter_access, reserved, file_read, meta_read = parse_conditions(block[1:3])
    require_condition("SDMMetaRead", meta_read, ANY_CONDITION)
    require_condition("SDMFileRead", file_read, KEY_OR_NEVER)
    require_condition("SDMCtrRet", counter_access, ANY_CONDITION)
    require_condition("the reserved nibble of SDMAccessRights", reserved, (NEVER,))
    _check_options(options, chip)
    rights = _Rights(counter_access, file_read, meta_read)
    _check_rights(options, rights)
    names = _names(options, rights)
    due = _FIXED + 3 * len(names)
    if len(block) != due:
        raise SettingsLengthError(
            f"an SDM block with these options takes {due} bytes, not {len(block)}"
        )
    sdm = _sdm(options, rights, _items(block, names), chip)
    require_consistent(sdm)
    return sdm


def read_sdm(block: bytes, chip: Chip) -> Sdm:
    """Take a block of at least 3 bytes as *chip* would if it held it, whatever it says.

    A reserved condition lets nobody pass, as F does; an item that is cut off is not there,
    and what follows the last item is nothing.
    """
    options = block[0] if chip.has_tamper_loop else block[0] & ~_TAMPER
    counter_access, _reserved, file_read, meta_read = (
        known(condition, ANY_CONDITION) for condition in parse_conditions(block[1:3])
    )
    rights = _Rights(counter_access, known(file_read, KEY_OR_NEVER), meta_read)
    return _sdm(options, rights, _items(block, _names(options, rights)), chip)


@dataclass(frozen=True, slots=True)
class _Rights:
    """SDMAccessRights: the conditions SDMCtrRet, SDMFileRead and SDMMetaRead."""

    counter_access: int
    file_read: int
    meta_read: int


def _check_options(options: int, chip: Chip) -> None:
    if not options & _ASCII:
        raise ValueError("SDMOptions bit 0 must be set: mirrors are ASCII")
    if options & _RESERVED:
        raise ValueError("SDMOptions bits 2 and 1 must be zero")
    if options & _TAMPER and not chip.has_tamper_loop:
        raise ValueError("SDMOptions bit 3 needs a TagTamper chip, which this is not")
    if options & _LIMIT and not options & _COUNTER:
        raise ValueError("SDMReadCtrLimit needs the counter to be enabled")
    if options & _ENC and not (options & _UID and options & _COUNTER):
        raise ValueError("SDMENCFileData needs both UID and counter to be enabled")


def _check_rights(options: int, rights: _Rights) -> None:
    if options & _UID and rights.meta_read == NEVER:
        raise ValueError("SDMMetaRead must not be F while the UID is enabled")
    if not options & (_UID | _COUNTER) and rights.meta_read != NEVER:
        raise ValueError("SDMMetaRead must be F while neither UID nor counter is enabled")
    if not options & _COUNTER and rights.counter_access != NEVER:
        raise ValueError("SDMCtrRet must be F while the counter is not enabled")
    if options & _ENC and rights.file_read == NEVER:
        raise ValueError("SDMENCFileData needs an SDMFileRead key")


def _names(options: int, rights: _Rights) -> list[str]:
    """Name the optional items that are due; their order on the wire is fixed."""
    is_plain, is_secured = rights.meta_read == FREE, rights.file_read != NEVER
    layout = (
        ("UIDOffset", options & _UID and is_plain),
        ("SDMReadCtrOffset", options & _COUNTER and is_plain),
        ("PICCDataOffset", rights.meta_read in KEY_NUMBERS),
        ("TTStatusOffset", options & _TAMPER),
        ("SDMMACInputOffset", is_secured),
        ("SDMENCOffset", options & _ENC and is_secured),
        ("SDMENCLength", options & _ENC and is_secured),
        ("SDMMACOffset", is_secured),
        ("SDMReadCtrLimit", options & _LIMIT),
    )
    return [name for name, present in layout if present]


def _items(block: bytes, names: Sequence[str]) -> dict[str, int]:
    """Read so many of the items *names* as are wholly there."""
    whole = range(_FIXED, len(block) - 2, 3)
    return {
        name: int.from_bytes(block[start : start + 3], "little")
        for name, start in zip(names, whole, strict=False)
    }


def _sdm(options: int, rights: _Rights, items: Mapping[str, int], chip: Chip) -> Sdm:
    return Sdm(
        counts=bool(options & _COUNTER),
        counter_access=rights.counter_access,
        counter_limit=items.get("SDMReadCtrLimit"),
        mirror=_mirror(items, options, rights.meta_read, chip),
        secured=_secured(items, rights.file_read),
        tamper=_tamper(items),
    )


def _mirror(
    items: Mapping[str, int], options: int, meta_read: int, chip: Chip
) -> PlainMirror | EncryptedMirror | None:
    if meta_read == FREE:
        counter_offset = items.get("SDMReadCtrOffset")
        if counter_offset == _NOT_MIRRORED:
            counter_offset = None
        return PlainMirror(items.get("UIDOffset"), counter_offset)
    if "PICCDataOffset" not in items:
        return None
    return EncryptedMirror(
        meta_read,
        Region("PICCData", items["PICCDataOffset"], chip.picc_data_characters),
        with_uid=bool(options & _UID),
        with_counter=bool(options & _COUNTER),
    )


def _secured(items: Mapping[str, int], file_read: int) -> SecuredRead | None:
    if "SDMMACOffset" not in items:
        return None
    encrypted = None
    if "SDMENCLength" in items:
        encrypted = Region("SDMENCFileData", items["SDMENCOffset"], items["SDMENCLength"])
    return SecuredRead(
        file_read, items["SDMMACInputOffset"], items["SDMMACOffset"], encrypted=encrypted
    )


def _tamper(items: Mapping[str, int]) -> Region | None:
    if "TTStatusOffset" not in items:
        return None
    return Region("TTStatus", items["TTStatusOffset"], TAMPER_CHARACTERS)
