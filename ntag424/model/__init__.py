"""Values of the tag's world: immutable, checked when they are made, without I/O.

What is needed to verify a tap is here; files and chip have modules of their own,
`ntag424.model.files` and `ntag424.model.version`.
"""

from ntag424.model.counter import MAX_READ_COUNTER
from ntag424.model.generation import Generation
from ntag424.model.key import Key
from ntag424.model.mode import Mode
from ntag424.model.picc_data_tag import PiccDataTag
from ntag424.model.sdm_mirrors import (
    EncryptedFileData,
    EncryptedMirror,
    PiccMirror,
    PlainMirror,
)
from ntag424.model.sdm_settings import SdmSettings
from ntag424.model.tamper import TamperStatus
from ntag424.model.uid import Uid

__all__ = [
    "MAX_READ_COUNTER",
    "EncryptedFileData",
    "EncryptedMirror",
    "Generation",
    "Key",
    "Mode",
    "PiccDataTag",
    "PiccMirror",
    "PlainMirror",
    "SdmSettings",
    "TamperStatus",
    "Uid",
]
