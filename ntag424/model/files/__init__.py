"""What is said of a file: settings, rights, and the container that describes it to phones."""

from ntag424.model.files._access import FREE, NEVER, AccessRights, Condition
from ntag424.model.files._capability_container import (
    FACTORY_CC,
    CapabilityContainer,
    FileControl,
    Tlv,
)
from ntag424.model.files._comm_mode import CommMode
from ntag424.model.files._file_settings import (
    FACTORY_SETTINGS,
    FILE_SIZES,
    FileDescription,
    FileSettings,
)
from ntag424.model.files._sdm_block import ReadCounter, SdmAccess, SdmBlock, SecuredRead

__all__ = [
    "FACTORY_CC",
    "FACTORY_SETTINGS",
    "FILE_SIZES",
    "FREE",
    "NEVER",
    "AccessRights",
    "CapabilityContainer",
    "CommMode",
    "Condition",
    "FileControl",
    "FileDescription",
    "FileSettings",
    "ReadCounter",
    "SdmAccess",
    "SdmBlock",
    "SecuredRead",
    "Tlv",
]
