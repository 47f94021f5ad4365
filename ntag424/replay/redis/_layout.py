"""What lies where in Redis, byte by byte.

Tags are spread over 2^16 buckets by their place (see `place_of`). A bucket is three
kinds of keys that share a hash tag, so that Redis Cluster keeps them on one node:

* `ntag424:{N}`: a hash from UID (7 bytes) to record, small enough to stay a listpack.
  Its empty field holds the mark of the store. A zero byte and `r` is the field of its
  revision, 0 if it is missing; a zero byte and `i` is there if it may lack tags (see
  `LedgerArchive.mark_incomplete`). No key of this kind ever expires.
* `ntag424:{N}:firsts`: a hash from UID to the nonce that came with the last accepted tap.
  Expires a minute after the last of them.
* `ntag424:{N}:s:DIGEST`: a session. Expires a minute after its end.

Every change is a Lua script, which decides and writes in one atomic step inside Redis.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

from ntag424.model import Generation, Uid
from ntag424.replay._ledger import LiveGrant, TagRecord, TagState, position
from ntag424.replay._place import PLACE_SIZE
from ntag424.replay._store import Phase

PLACES = tuple(number.to_bytes(PLACE_SIZE, "big") for number in range(1 << (8 * PLACE_SIZE)))
MARK_SIZE = 9
#: Fields of a bucket that are no UIDs: see above.
MARK_FIELD = b""
OTHER_FIELDS = (b"\0r", b"\0i")
#: Lua counts in doubles, which are exact up to the revisions of this timeline.
LAST_TIMELINE = (1 << 13) - 1
POSITION_SIZE = 5

_PHASES = {
    Phase.FILLING: b"f",
    Phase.RECOVERING: b"r",
    Phase.SERVING: b"s",
    Phase.LEAVING: b"l",
    Phase.SEALED: b"x",
}
_STATES = (TagState.ACTIVE, TagState.SUSPENDED, TagState.ERASED)
_ENROLLED, _BEHIND = 4, 8


def mark(store_id: str, phase: Phase) -> bytes:
    """Return what every bucket of the store holds as long as it is in *phase*."""
    key = hashlib.blake2b(bytes.fromhex(store_id), digest_size=MARK_SIZE - 1).digest()
    return key + _PHASES[phase]


def phase_of(letter: str) -> Phase:
    """Return the phase that the last byte of a mark tells."""
    return next(phase for phase, known in _PHASES.items() if known == letter.encode())


def part_of(place: bytes) -> int:
    """Return the number of the bucket at *place*, by which its revision is remembered."""
    return int.from_bytes(place, "big")


def bucket_key(place: bytes) -> bytes:
    """Return the key of the bucket at *place*: its records."""
    return b"ntag424:{%d}" % part_of(place)


def firsts_key(place: bytes) -> bytes:
    """Return the key of the nonces of the bucket at *place*."""
    return bucket_key(place) + b":firsts"


def session_key(digest: bytes) -> bytes:
    """Return the key of a session; its digest begins with the place of its tag."""
    return bucket_key(digest[:PLACE_SIZE]) + b":s:" + digest[PLACE_SIZE:]


def encode_record(record: TagRecord) -> bytes:
    """Return position and flags: 6 bytes."""
    flags = _STATES.index(record.state)
    flags |= (_ENROLLED if record.enrolled else 0) | (_BEHIND if record.behind else 0)
    return position(record.generation, record.counter) + bytes([flags])


def decode_record(uid: Uid, value: bytes) -> TagRecord:
    """Undo `encode_record`; what follows the flags counts how often sessions were ended."""
    generation, counter = _decode_position(value)
    flags = value[5]
    state, enrolled = _STATES[flags % _ENROLLED], bool(flags & _ENROLLED)
    return TagRecord(uid, generation, counter, state, enrolled, bool(flags & _BEHIND))


def decode_session(value: bytes) -> LiveGrant:
    """Read what the script `grant` returns: milliseconds left, a space, the session."""
    remaining, _, session = value.partition(b" ")
    generation, counter = _decode_position(session[7:])
    _, _, _, expires_at, _ = session[7 + POSITION_SIZE :].split(b" ", 4)
    uid = Uid(session[:7])
    return LiveGrant(uid, generation, counter, int(expires_at), int(remaining) / 1000)


def _decode_position(value: bytes) -> tuple[Generation, int]:
    return Generation.from_bytes(value[:2]), int.from_bytes(value[2:POSITION_SIZE], "big")


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
