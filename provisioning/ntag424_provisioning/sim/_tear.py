"""When a simulated tag is to be torn from the reader."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ntag424_provisioning.private_files import replace_private


@dataclass(frozen=True, slots=True)
class Tear:
    """Contact is lost once, at command *at* since the tag was laid down, from 0.

    Raises:
        ValueError: *at* is below 0.

    """

    at: int
    #: Whether the tag still carries that command out; only its answer is lost then.
    executed: bool

    def __post_init__(self) -> None:
        if self.at < 0:
            raise ValueError(f"commands are counted from 0, and {self.at} is none")

    def record(self) -> dict[str, object]:
        """Return what `write` writes."""
        return {"at": self.at, "executed": self.executed}

    def write(self, path: Path) -> None:
        """Put it down.

        Raises:
            OSError: it cannot be.

        """
        replace_private(path, json.dumps(self.record()))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what was put down, if anything was.

        Raises:
            OSError, ValueError: the file cannot be read, or was not written by `write`.

        """
        try:
            match json.loads(path.read_text("ascii")):
                case {"at": int(at), "executed": bool(executed)}:
                    return cls(at, executed)
        except FileNotFoundError:
            return None
        raise ValueError(f"{path} says nothing of a tear")
