"""Values of the tag's world: immutable, checked when they are made, without I/O."""

from ntag424.model.counter import MAX_READ_COUNTER
from ntag424.model.generation import Generation
from ntag424.model.key import Key
from ntag424.model.sdm_settings import (
    EncryptedMirror,
    PiccMirror,
    PlainMirror,
    SdmAccess,
    SdmSettings,
)
from ntag424.model.uid import Uid

__all__ = [
    "MAX_READ_COUNTER",
    "EncryptedMirror",
    "Generation",
    "Key",
    "PiccMirror",
    "PlainMirror",
    "SdmAccess",
    "SdmSettings",
    "Uid",
]
