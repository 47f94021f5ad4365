"""Finds out why a reader, or a tag on it, cannot be used, and what would help."""

from ntag424_provisioning.doctor._examine import examine
from ntag424_provisioning.doctor._files import SystemFile, install, outdated, require_rights
from ntag424_provisioning.doctor._findings import Finding, Machine, State

__all__ = [
    "Finding",
    "Machine",
    "State",
    "SystemFile",
    "examine",
    "install",
    "outdated",
    "require_rights",
]
