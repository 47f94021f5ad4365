"""The tag's command set, one class per command: values without I/O."""

from ntag424.commands._command import AnswerMac, Command, Request, require_key
from ntag424.commands.configuration import (
    EnableLrp,
    EnableRandomId,
    EnableTagTamper,
    ForbidChainedWriting,
    IgnoreFailedAuthentications,
    SetBackModulation,
    SetCapabilities,
    SetConfiguration,
    SetFailedAuthenticationLimit,
)
from ntag424.commands.files import MOST_READ, MOST_WRITTEN, ReadData, WriteData
from ntag424.commands.iso import (
    APPLICATION_NAME,
    FILE_IDS,
    PICC_NAME,
    IsoReadBinary,
    IsoSelectApplication,
    IsoSelectFile,
    IsoUpdateBinary,
)
from ntag424.commands.keys import ChangeKey, ChangeMasterKey, key_crc
from ntag424.commands.originality import ReadSignature
from ntag424.commands.settings import ChangeFileSettings, GetFileCounters, GetFileSettings
from ntag424.commands.tamper import GetTamperStatus
from ntag424.commands.version import GetCardUid, GetKeyVersion, GetVersion

__all__ = [
    "APPLICATION_NAME",
    "FILE_IDS",
    "MOST_READ",
    "MOST_WRITTEN",
    "PICC_NAME",
    "AnswerMac",
    "ChangeFileSettings",
    "ChangeKey",
    "ChangeMasterKey",
    "Command",
    "EnableLrp",
    "EnableRandomId",
    "EnableTagTamper",
    "ForbidChainedWriting",
    "GetCardUid",
    "GetFileCounters",
    "GetFileSettings",
    "GetKeyVersion",
    "GetTamperStatus",
    "GetVersion",
    "IgnoreFailedAuthentications",
    "IsoReadBinary",
    "IsoSelectApplication",
    "IsoSelectFile",
    "IsoUpdateBinary",
    "ReadData",
    "ReadSignature",
    "Request",
    "SetBackModulation",
    "SetCapabilities",
    "SetConfiguration",
    "SetFailedAuthenticationLimit",
    "WriteData",
    "key_crc",
    "require_key",
]
