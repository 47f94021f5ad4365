"""Tags made of software, each a file, that behave like tags on a reader.

Nothing else in this program knows that they are not physical.
"""

from ntag424_provisioning.sim._link import SimLink
from ntag424_provisioning.sim._names import tag_name, tag_pattern
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
