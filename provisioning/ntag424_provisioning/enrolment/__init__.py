"""Tells whoever verifies taps that a tag begins a new life."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ntag424_provisioning.enrolment._enroller import Enrolled, Enroller, Later, OpenEnroller

if TYPE_CHECKING:
    from ntag424_provisioning.enrolment._export import ListedTag, as_csv, as_jsonl
    from ntag424_provisioning.enrolment._http_enroller import http_enroller
    from ntag424_provisioning.enrolment._ledger_enroller import ledger_enroller
    from ntag424_provisioning.enrolment._signer import Secret, Signer

__all__ = [
    "Enrolled",
    "Enroller",
    "Later",
    "ListedTag",
    "OpenEnroller",
    "Secret",
    "Signer",
    "as_csv",
    "as_jsonl",
    "http_enroller",
    "ledger_enroller",
]

# Each brings a library along that takes its time to load: that waits until it is asked for.
_MODULES = {
    "ListedTag": "_export",
    "Secret": "_signer",
    "Signer": "_signer",
    "as_csv": "_export",
    "as_jsonl": "_export",
    "http_enroller": "_http_enroller",
    "ledger_enroller": "_ledger_enroller",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
