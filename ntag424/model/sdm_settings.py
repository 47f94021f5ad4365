"""Where a template puts the mirrors."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.model.sdm_mirrors import EncryptedFileData, PiccMirror


@dataclass(frozen=True, slots=True)
class SdmSettings:
    """Offsets of every mirror, counted from the start of the NDEF file (§10.7.1).

    With the numbers of the keys, `SdmBlock.of` makes of them what is written to a tag.
    """

    mirror: PiccMirror
    mac_input_offset: int
    mac_offset: int
    encrypted_file_data: EncryptedFileData | None = None
    #: TTStatusOffset, on TagTamper chips.
    tamper_offset: int | None = None
