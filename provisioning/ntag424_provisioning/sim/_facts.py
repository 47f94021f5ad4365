"""What a saved tag is like, as far as everybody may know."""

from __future__ import annotations

import json
from pathlib import Path

from ntag424.testing import SimulatedTag

_OPEN_TO_ALL = ("uid", "read_counter", "lrp", "random_id")


def facts_of(path: Path) -> dict[str, object]:
    """Tell what is in the file of a tag, without its keys and the contents of its files.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a saved tag.

    """
    SimulatedTag.load(path)
    saved = json.loads(path.read_text("ascii"))
    tamper = saved["tamper"]
    return {
        **{name: saved[name] for name in _OPEN_TO_ALL},
        "tamper": None if tamper is None else bytes.fromhex(tamper["status"]).decode("ascii"),
        "key_versions": [key["version"] for key in saved["keys"]],
        "failed_authentications": [key["failures"] for key in saved["keys"]],
        "file_settings": {str(file["number"]): file["settings"] for file in saved["files"]},
    }
