"""Tags made of software, each a file, that behave like tags on a reader.

Nothing else in this program knows that they are not physical.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ntag424_provisioning.sim._names import tag_name, tag_pattern

if TYPE_CHECKING:
    from ntag424_provisioning.sim._link import SimLink
    from ntag424_provisioning.sim._serving import serve_to_nfcpy, serve_to_pcscd
    from ntag424_provisioning.sim._shelf import Shelf, unknown
    from ntag424_provisioning.sim._taken import TakenTag
    from ntag424_provisioning.sim._tear import Tear

__all__ = [
    "Shelf",
    "SimLink",
    "TakenTag",
    "Tear",
    "serve_to_nfcpy",
    "serve_to_pcscd",
    "tag_name",
    "tag_pattern",
    "unknown",
]

# Most commands never meet a simulated tag: it is loaded when one is asked for.
_LATER = {
    "Shelf": "_shelf",
    "SimLink": "_link",
    "TakenTag": "_taken",
    "Tear": "_tear",
    "serve_to_nfcpy": "_serving",
    "serve_to_pcscd": "_serving",
    "unknown": "_shelf",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
