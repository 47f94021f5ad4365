"""The users of a secured Redis: the store, which may do little, and the tests, which may all."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path

from tests.servers.process import REDIS_SERVER

#: All that the user of a store may do, and on which keys; and `waitaof` where it is known.
STORE_RIGHTS = (
    "~ntag424:* +evalsha +script|load +hget +hmget +hgetall +hlen +hset +hdel +get +set +del "
    "+exists +pexpire +time +wait +info +config|get +acl|dryrun +ping +select +hello +auth"
)
_WAITAOF = (7, 2)


def users(store: str, store_password: str, tests: str, tests_password: str) -> str:
    """Write the users for Redis; passwords as their hashes, which is all that it needs."""
    rights = f"{STORE_RIGHTS} +waitaof" if server_version() >= _WAITAOF else STORE_RIGHTS
    return (
        # It is off, so nobody is this user; it keeps its rights because Redis 7.0 reads its
        # append-only file in its name, and drops what it may not do.
        "user default off ~* &* +@all\n"
        f"user {store} on {_hashed(store_password)} {rights}\n"
        f"user {tests} on {_hashed(tests_password)} ~* &* +@all\n"
    )


def _hashed(password: str) -> str:
    return "#" + sha256(password.encode()).hexdigest()


@cache
def server_version() -> tuple[int, ...]:
    """Return the version that the server's program gives itself."""
    said = subprocess.run([REDIS_SERVER, "--version"], capture_output=True, text=True, check=True)
    return tuple(map(int, re.findall(r"v=(\d+)\.(\d+)\.(\d+)", said.stdout)[0]))


def private_file(path: Path, text: str) -> Path:
    """Write *text* where nobody else can read it."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path
