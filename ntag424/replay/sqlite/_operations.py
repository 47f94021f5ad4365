"""The SQL of every promise. All of it runs inside one write transaction."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass

from ntag424.errors import StaleGenerationError, UnknownTagError
from ntag424.model import Generation, Uid
from ntag424.replay._ledger import (
    REPEAT_WINDOW,
    Accepted,
    EnrolmentPolicy,
    Grant,
    LiveGrant,
    Refused,
    Repeated,
    Replayed,
    TagRecord,
    TagState,
    Verdict,
)
from ntag424.sdm import CountedTap

# The one statement that decides a tap is one of these two: it changed a row, or not.
_ADVANCE = {
    EnrolmentPolicy.REGISTERED: """
        UPDATE tag SET counter = :counter,
            nonce_digest = :nonce, nonce_boot = :nonce_boot, nonce_ms = :nonce_ms
        WHERE uid = :uid AND state = 'active' AND enrolled AND NOT behind
            AND generation = :generation AND counter < :counter
    """,
    EnrolmentPolicy.OPEN: """
        INSERT INTO tag (uid, generation, counter, state, enrolled,
            nonce_digest, nonce_boot, nonce_ms)
        SELECT :uid, :generation, :counter, 'active', 0, :nonce, :nonce_boot, :nonce_ms
        WHERE NOT (SELECT incomplete FROM store) OR EXISTS (SELECT 1 FROM tag WHERE uid = :uid)
        ON CONFLICT (uid) DO UPDATE SET
            generation = excluded.generation, counter = excluded.counter,
            enrolled = enrolled AND generation = excluded.generation,
            nonce_digest = excluded.nonce_digest, nonce_boot = excluded.nonce_boot,
            nonce_ms = excluded.nonce_ms
        WHERE state = 'active' AND NOT behind
            AND (generation, counter) < (excluded.generation, excluded.counter)
    """,
}
# The same conditions; of a tag that is behind, or unknown to a ledger that is incomplete, the
# tap only says how far it is.
_CATCH_UP = {
    EnrolmentPolicy.REGISTERED: """
        UPDATE tag SET counter = :counter, behind = 0
        WHERE uid = :uid AND state = 'active' AND enrolled AND behind
            AND generation = :generation AND counter < :counter
    """,
    EnrolmentPolicy.OPEN: """
        INSERT INTO tag (uid, generation, counter, state, enrolled)
        VALUES (:uid, :generation, :counter, 'active', 0)
        ON CONFLICT (uid) DO UPDATE SET
            generation = excluded.generation, counter = excluded.counter, behind = 0,
            enrolled = enrolled AND generation = excluded.generation
        WHERE state = 'active' AND behind
            AND (generation, counter) < (excluded.generation, excluded.counter)
    """,
}
_ENROL = """
    INSERT INTO tag (uid, generation, counter, state, enrolled, behind)
    VALUES (:uid, :generation, :counter, 'active', 1, (SELECT incomplete FROM store))
    ON CONFLICT (uid) DO UPDATE SET
        generation = excluded.generation,
        counter = iif(generation = excluded.generation,
                      max(counter, excluded.counter), excluded.counter),
        state = iif(state = 'erased', 'active', state),
        behind = iif(generation = excluded.generation, behind, excluded.behind),
        enrolled = 1, nonce_digest = NULL, nonce_boot = NULL, nonce_ms = NULL
    WHERE generation < excluded.generation
        OR (generation = excluded.generation AND NOT enrolled AND state <> 'erased')
"""
_SET_STATE = """
    UPDATE tag SET state = :state, nonce_digest = NULL, nonce_boot = NULL, nonce_ms = NULL
    WHERE uid = :uid AND state <> 'erased'
"""
_STORE_SESSION = """
    INSERT INTO session (digest, uid, generation, counter, boot, ends_ms, expires_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_LIVE_SESSION = """
    SELECT session.uid, session.generation, session.counter, expires_at, ends_ms
    FROM session JOIN tag USING (uid)
    WHERE digest = ? AND boot = ? AND ends_ms > ? AND tag.state = 'active'
"""
_FORGET_ENDED_SESSIONS = """
    DELETE FROM session WHERE digest IN
        (SELECT digest FROM session WHERE (boot, ends_ms) < (?, ?) LIMIT 256)
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, as the ledger counts it: see `Clock`. *boot* is the store's number for the boot."""

    boot: int
    uptime_ms: int
    wall: int


@dataclass(frozen=True, slots=True)
class Redemption:
    """What one call of `TagLedger.redeem` asks for."""

    tap: CountedTap
    nonce: bytes | None
    grant: Grant | None
    policy: EnrolmentPolicy

    def decide(self, db: sqlite3.Connection, now: Moment) -> Verdict:
        """Decide the tap, and store the grant if it is accepted."""
        if db.execute(_ADVANCE[self.policy], self._row(now)).rowcount == 1:
            return self._accept(db, now)
        if db.execute(_CATCH_UP[self.policy], self._row(now)).rowcount == 1:
            return Replayed()
        # Still in the transaction that holds the write lock: this row is the one
        # that the statement above did not change.
        return self._explain(db, now)

    def _row(self, now: Moment) -> dict[str, bytes | int | None]:
        nonce = self.nonce
        return {
            "uid": self.tap.uid,
            "generation": number_of(self.tap.generation),
            "counter": self.tap.counter,
            "nonce": None if nonce is None else hashlib.sha256(nonce).digest(),
            "nonce_boot": None if nonce is None else now.boot,
            "nonce_ms": None if nonce is None else now.uptime_ms,
        }

    def _accept(self, db: sqlite3.Connection, now: Moment) -> Accepted:
        if self.grant is None:
            return Accepted()
        tap = self.tap
        expires_at = now.wall + self.grant.lifetime
        ends_ms = now.uptime_ms + 1000 * self.grant.lifetime
        row = (tap.uid, number_of(tap.generation), tap.counter, now.boot, ends_ms, expires_at)
        db.execute(_STORE_SESSION, (self.grant.digest, *row))
        return Accepted(expires_at)

    def _explain(self, db: sqlite3.Connection, now: Moment) -> Verdict:
        query = (
            "SELECT generation, counter, state, enrolled, nonce_digest, nonce_boot, nonce_ms "
            "FROM tag WHERE uid = ?"
        )
        row = db.execute(query, (self.tap.uid,)).fetchone()
        if row is None:
            return Refused()
        generation, counter, state, enrolled, *first = row
        known = enrolled or self.policy is EnrolmentPolicy.OPEN
        if state != "active" or not known or generation != number_of(self.tap.generation):
            return Refused()
        if counter == self.tap.counter and self._is_repeat(now, *first):
            return self._repeat(db, now)
        return Replayed()

    def _is_repeat(
        self, now: Moment, digest: bytes | None, boot: int | None, ms: int | None
    ) -> bool:
        if self.nonce is None or digest is None or ms is None or boot != now.boot:
            return False
        if not 0 <= now.uptime_ms - ms <= 1000 * REPEAT_WINDOW:
            return False
        return hmac.compare_digest(digest, hashlib.sha256(self.nonce).digest())

    def _repeat(self, db: sqlite3.Connection, now: Moment) -> Verdict:
        if self.grant is None:
            return Repeated()
        live = find_grant(db, self.grant.digest, now)
        return Refused() if live is None else Repeated(live.expires_at)


def enrol(db: sqlite3.Connection, uid: Uid, generation: Generation, counter: int) -> None:
    """See `TagLedger.enrol`."""
    row = {"uid": uid, "generation": number_of(generation), "counter": counter}
    if db.execute(_ENROL, row).rowcount != 1:
        raise StaleGenerationError(f"tag {uid} is enrolled in this generation or a higher one")


def set_state(db: sqlite3.Connection, uid: Uid, state: TagState) -> None:
    """See `TagLedger.set_state`."""
    if db.execute(_SET_STATE, {"uid": uid, "state": state.value}).rowcount != 1:
        raise UnknownTagError(f"there is no tag {uid}")
    if state is not TagState.ACTIVE:
        db.execute("DELETE FROM session WHERE uid = ?", (uid,))


def revoke(db: sqlite3.Connection, digest: bytes, now: Moment) -> bool:
    """See `TagLedger.revoke`."""
    was_live = find_grant(db, digest, now) is not None
    db.execute("DELETE FROM session WHERE digest = ?", (digest,))
    return was_live


def forget_ended_sessions(db: sqlite3.Connection, now: Moment) -> None:
    """Delete some of the sessions that ended: nobody can see them any more."""
    db.execute(_FORGET_ENDED_SESSIONS, (now.boot, now.uptime_ms))


def find_grant(db: sqlite3.Connection, digest: bytes, now: Moment) -> LiveGrant | None:
    """See `TagLedger.grant`."""
    row = db.execute(_LIVE_SESSION, (digest, now.boot, now.uptime_ms)).fetchone()
    if row is None:
        return None
    uid, generation, counter, expires_at, ends_ms = row
    remaining = (ends_ms - now.uptime_ms) / 1000
    return LiveGrant(Uid(uid), generation_of(generation), counter, expires_at, remaining)


def find_tag(db: sqlite3.Connection, uid: Uid) -> TagRecord | None:
    """See `TagLedger.find`."""
    query = "SELECT uid, generation, counter, state, enrolled, behind FROM tag WHERE uid = ?"
    row = db.execute(query, (uid,)).fetchone()
    return None if row is None else record_of(row)


def record_of(row: tuple[bytes, int, int, str, int, int]) -> TagRecord:
    """Read the columns uid, generation, counter, state, enrolled and behind of a tag."""
    uid, number, counter, state, enrolled, behind = row
    generation = generation_of(number)
    return TagRecord(Uid(uid), generation, counter, TagState(state), bool(enrolled), bool(behind))


def touch(db: sqlite3.Connection, now: Moment) -> None:
    """Write a page without changing it."""
    db.execute("UPDATE boot SET number = number WHERE number = ?", (now.boot,))


def boot_number(db: sqlite3.Connection, boot_id: str) -> int:
    """Return the store's number for this run of the machine, a new one if need be."""
    db.execute("INSERT INTO boot (id) VALUES (?) ON CONFLICT DO NOTHING", (boot_id,))
    number: int = db.execute("SELECT number FROM boot WHERE id = ?", (boot_id,)).fetchone()[0]
    return number


def number_of(generation: Generation) -> int:
    """Return a generation as the file has it: key version * 256 + epoch."""
    return int.from_bytes(bytes(generation), "big")


def generation_of(number: int) -> Generation:
    """Undo `number_of`."""
    return Generation.from_bytes(number.to_bytes(2, "big"))
