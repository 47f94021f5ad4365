"""Straight into the SQLite ledger of a service on the same machine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

from ntag424 import Generation, Uid
from ntag424.errors import LedgerError, LedgerMismatchError
from ntag424.replay import Enrolment, SqliteLedger, Stale, enrol_once
from ntag424_provisioning.enrolment._enroller import Closing, Enrolled, stale
from ntag424_provisioning.errors import EnrolmentError, SetupError
from ntag424_provisioning.private_files import read_private

T = TypeVar("T")
_STORE_ID = 32


def ledger_enroller(store: Path, identity: Path) -> LedgerEnroller:
    """Open the ledger *store* of the service whose identity file is *identity*.

    Raises:
        SetupError: a file is missing, or not what it should be; no tag was touched.

    """
    store_id = _store_id(identity)
    try:
        ledger = SqliteLedger.open(store, store_id=store_id)
    except LedgerError as error:
        raise SetupError(f"the ledger {store} cannot be used: {error}", error.hint) from error
    return LedgerEnroller(ledger)


class LedgerEnroller(Closing):
    """An `Enroller` with a ledger of its own, which lives in a thread of its own."""

    def __init__(self, ledger: SqliteLedger) -> None:
        """Take over an open ledger; call `ledger_enroller` instead."""
        self._ledger = ledger
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="enrolling")
        # Not to be waited for where somebody forgot to close: what was told is on disk.
        self._thread.daemon = True
        self._thread.start()

    def find(self, uid: Uid) -> Enrolled | None:
        """See `Enroller.find`."""
        record = self._ask(self._ledger.find(uid))
        return None if record is None else Enrolled(record.generation, record.counter)

    def enrol(self, uid: Uid, generation: Generation, counter: int) -> bool:
        """See `Enroller.enrol`."""
        verdict = self._ask(enrol_once(self._ledger, Enrolment(uid, generation, counter)))
        if isinstance(verdict, Stale):
            raise stale(uid, verdict.record.generation, verdict.record.counter)
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
            return asyncio.run_coroutine_threadsafe(question, self._loop).result()
        except LedgerError as error:
            raise EnrolmentError(str(error), _hint(error)) from error


def _hint(error: LedgerError) -> str:
    if isinstance(error, LedgerMismatchError):
        return error.hint
    return 'Check disk and rights of the ledger, then run "ntag424 repair": it enrols the tag.'


def _store_id(identity: Path) -> str:
    """Read which store is the service's; the session key beside it is none of our business."""
    try:
        members = json.loads(read_private(identity, "identity file"))
        store_id = members["store_id"]
    except (ValueError, TypeError, KeyError):
        store_id = None
    if not isinstance(store_id, str) or len(store_id) != _STORE_ID:
        raise SetupError(
            f"{identity} is not the identity file of a service",
            "It is the file that NTAG424_IDENTITY_FILE names there.",
        )
    return store_id
