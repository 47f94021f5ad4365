"""Straight into the ledger of a service."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ntag424 import Generation, Uid, UrlTemplate
from ntag424.errors import LedgerError, LedgerUnavailableError
from ntag424.model import MAX_READ_COUNTER
from ntag424.replay import (
    Enrolment,
    LedgerStore,
    Stale,
    TagLedger,
    Witness,
    enrol_once,
    retire,
)
from ntag424_provisioning.enrolment._enroller import Closing, Enrolled, not_served, stale
from ntag424_provisioning.errors import EnrolmentError, SetupError
from ntag424_provisioning.private_files import read_private

T = TypeVar("T")
_STORE_ID = 32


def ledger_enroller(store: LedgerStore, identity: Path) -> LedgerEnroller:
    """Open the ledger in *store* of the service whose identity file is *identity*.

    Raises:
        SetupError: a file is missing, or the ledger cannot be used now; no tag was touched.

    """
    store_id = _store_id(identity)
    try:
        enroller = LedgerEnroller(store.open(store_id), _retired(identity, store_id))
        try:
            enroller.check()
        except BaseException:
            enroller.close()
            raise
    except LedgerError as error:
        hint = _hint(error, "run this again")
        raise SetupError(f"the ledger cannot be used: {error}", hint) from error
    return enroller


class LedgerEnroller(Closing):
    """An `Enroller` with a ledger of its own, which lives in a thread of its own."""

    def __init__(self, ledger: TagLedger, retired: frozenset[int]) -> None:
        """Take over an open ledger; call `ledger_enroller` instead."""
        self._ledger = ledger
        self._retired = retired
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="enrolling")
        # Not to be waited for where somebody forgot to close: what was told is on disk.
        self._thread.daemon = True
        self._thread.start()

    def check(self) -> None:
        """Return if the ledger could be told of a tag now; raise `LedgerError` if not."""
        self._run(self._ledger.check())

    def find(self, uid: Uid) -> Enrolled | None:
        """See `Enroller.find`."""
        record = self._ask(self._ledger.find(uid))
        return None if record is None else Enrolled(record.generation, record.counter)

    def enrol(
        self,
        uid: Uid,
        generation: Generation,
        counter: int,
        template: UrlTemplate | None = None,  # noqa: ARG002 - nobody here knows what is served
    ) -> bool:
        """See `Enroller.enrol`."""
        if generation.key_version in self._retired:
            retired = f"the service has retired key version {generation.key_version}"
            raise not_served(uid, generation, retired)
        verdict = self._ask(enrol_once(self._ledger, Enrolment(uid, generation, counter)))
        if isinstance(verdict, Stale):
            raise stale(uid, verdict.record.generation, verdict.record.counter)
        return True

    def retire(self, uid: Uid, generation: Generation) -> bool:
        """See `Enroller.retire`."""
        self._ask(_retire(self._ledger, uid, generation))
        return True

    def close(self) -> None:
        """See `OpenEnroller.close`."""
        if self._loop.is_closed():
            return
        self._ask(self._ledger.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _ask(self, question: Coroutine[object, object, T]) -> T:
        try:
            return self._run(question)
        except LedgerError as error:
            then = 'run "ntag424 repair": it enrols the tag'
            raise EnrolmentError(str(error), _hint(error, then)) from error

    def _run(self, question: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()


async def _retire(ledger: TagLedger, uid: Uid, generation: Generation) -> None:
    # A ledger that does not know this generation yet could be told of it by an old list.
    await enrol_once(ledger, Enrolment(uid, generation, MAX_READ_COUNTER))
    await retire(ledger, uid)


def _hint(error: LedgerError, then: str) -> str:
    if error.hint != LedgerUnavailableError.hint:
        return error.hint
    return f"Check the ledger: its disk, its rights, or the way to it; then {then}."


def _retired(identity: Path, store_id: str) -> frozenset[int]:
    """Read which key versions the service was seen to retire, if its witness is at hand."""
    try:
        witness = Witness.open(identity.with_name(f"{identity.name}.witness"), store_id)
    except (OSError, LedgerError):
        return frozenset()
    with closing(witness):
        return witness.retired


def _store_id(identity: Path) -> str:
    """Read which store is the service's; the session key beside it is none of our business."""
    try:
        members = json.loads(read_private(identity, "identity file"))
        store_id = members["store_id"]
        names_digests = "tag_name_key" in members
    except (ValueError, TypeError, KeyError):
        store_id, names_digests = None, False
    if names_digests:
        raise SetupError(
            f"the service of {identity} names tags by digests, which only it can make",
            "Enrol by the service: --enrol https://its.address.",
        )
    if not isinstance(store_id, str) or len(store_id) != _STORE_ID:
        raise SetupError(
            f"{identity} is not the identity file of a service",
            "It is the file that NTAG424_IDENTITY_FILE names there.",
        )
    return store_id
