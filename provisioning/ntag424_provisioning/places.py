"""Where this program keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

_HOME = "NTAG424_HOME"


def home() -> Path:
    """Return the folder of vault and simulated tags: `$NTAG424_HOME`, else the user's own."""
    if named := os.environ.get(_HOME):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data, "ntag424")


def state_folder() -> Path:
    """Return the folder for what this machine remembers and no copy should bring back."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "ntag424")
