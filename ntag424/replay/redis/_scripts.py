"""The Lua scripts: each decides and writes in one atomic step inside Redis."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

_FOLDER = files(__package__) / "scripts"
_COMMON = (_FOLDER / "common.lua").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Script:
    """A script by its name."""

    name: str
    text: str = field(init=False, repr=False)
    #: By which Redis knows it once it was loaded: SHA-1 in hex.
    sha: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = _COMMON + (_FOLDER / f"{self.name}.lua").read_text("utf-8")
        object.__setattr__(self, "text", text)
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha.encode())

    def call(self, keys: tuple[bytes, ...], *arguments: bytes) -> tuple[bytes, ...]:
        """Return the command that runs it."""
        return (b"EVALSHA", self.sha, b"%d" % len(keys), *keys, *arguments)


REDEEM = Script("redeem")
ENROL = Script("enrol")
SET_STATE = Script("set_state")
GRANT = Script("grant")
REVOKE = Script("revoke")
FIND = Script("find")
MERGE = Script("merge")
FOUND = Script("found")
ENTER = Script("enter")
CHECK = Script("check")
SURVEY = Script("survey")
READ = Script("read")
REVISIONS = Script("revisions")
TIMELINE = Script("timeline")
BEHIND = Script("behind")
INCOMPLETE = Script("incomplete")
CONFIRM = Script("confirm")

SCRIPTS = (
    REDEEM,
    ENROL,
    SET_STATE,
    FIND,
    GRANT,
    REVOKE,
    MERGE,
    FOUND,
    ENTER,
    CHECK,
    SURVEY,
    READ,
    REVISIONS,
    TIMELINE,
    BEHIND,
    INCOMPLETE,
    CONFIRM,
)
