"""The tag that is being worked on: nothing changes it but by way of the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from ntag424 import Mode
from ntag424.apdu import Status
from ntag424.commands import ChangeKey, ChangeMasterKey, Command
from ntag424.errors import (
    AuthenticationDelayError,
    ProtocolError,
    ReaderError,
    TagRefusedError,
    TransportError,
)
from ntag424.session import AuthenticatedSession, Session
from ntag424_provisioning.engine.bench import Bench, Progress
from ntag424_provisioning.errors import InDoubtError, VaultError, WrongKeyError
from ntag424_provisioning.model import KnownTag, SlotKey, Stage

T = TypeVar("T")

#: Authentications with one key that may go without success in one run.
RUN_LIMIT = 2
# Answers to wait through, some 25 ms each, where the tag makes its host wait (91AD).
_PATIENCE = 4000


class Workpiece:
    """One tag on the bench, what is known of it, and what may still be tried."""

    def __init__(
        self,
        bench: Bench,
        known: KnownTag,
        *,
        is_begun: bool = False,
        changing: Stage = Stage.WRITING,
    ) -> None:
        """Work on a tag that is in stage *changing* from its first change on."""
        self.bench = bench
        self._changing = changing
        self.known = known
        #: Whether something was sent that may have changed the tag, now or in an earlier run.
        self.is_begun = is_begun
        self._spent: Counter[int] = Counter()

    @property
    def session(self) -> Session:
        """The tag, as everybody may talk to it."""
        return Session(self.bench.link)

    def put(self, known: KnownTag) -> None:
        """Write *known* down; on return it is on disk."""
        self.bench.journal.put(known)
        self.known = known

    def tell(self, step: int, of: int, text: str) -> None:
        """Report a step that begins."""
        self.bench.watch(Progress(step, of, text))

    # ---- proving a key ----------------------------------------------------------------------

    def authenticate(self, number: int, *, mode: Mode | None = None) -> AuthenticatedSession:
        """Select the application and prove the key in slot *number*; see `reauthenticate`."""
        self.session.select()
        return self.reauthenticate(number, mode=mode)

    def reauthenticate(self, number: int, *, mode: Mode | None = None) -> AuthenticatedSession:
        """Prove the key in slot *number*, trying at most `RUN_LIMIT` of those it may be.

        Raises:
            WrongKeyError: none of them is it, or no attempts are left.

        """
        for candidate in reversed(self.known.slots[number]):
            session = self._attempt(number, candidate, mode)
            if session is not None:
                return session
        raise WrongKeyError(
            f"key {number} of tag {self.known.uid} is none of those it could be",
            "It was not tried again. Open the vault that the tag was written with, or give its "
            'keys: "ntag424 access adopt".',
        )

    def prove(self, number: int, candidate: SlotKey) -> AuthenticatedSession | None:
        """Find out, by one attempt, whether *candidate* is in slot *number*; None if it is not.

        Raises:
            WrongKeyError: no attempts are left.

        """
        self.session.select()
        return self._attempt(number, candidate, None)

    def _attempt(
        self, number: int, candidate: SlotKey, mode: Mode | None
    ) -> AuthenticatedSession | None:
        self._require_attempt(number)
        # The tag counts when it is asked, not when the answer is wrong: so do we.
        self.put(self.known.attempting(number))
        self._spent[number] += 1
        try:
            session = self.session.authenticate(
                number, candidate.key, mode=mode, patience=_PATIENCE
            )
        except AuthenticationDelayError:
            raise
        except TagRefusedError:
            return None
        self._spent[number] = 0
        # Not put down yet: what comes next is, before it is sent.
        self.known = self.known.authenticated(number).narrow(number, candidate)
        return session

    def _require_attempt(self, number: int) -> None:
        spent, total = self._spent[number], self.known.attempts[number]
        if spent >= RUN_LIMIT or total >= self.known.allowance:
            raise WrongKeyError(
                f"{total} authentications with key {number} of tag {self.known.uid} had no "
                "success, and a thousand lock it for good",
                "Nothing more is tried now. Lay it flat, away from other tags, and run the "
                'command again; after twenty in all, "ntag424 repair --more-attempts".',
            )

    # ---- changing something -----------------------------------------------------------------

    def change(self, session: AuthenticatedSession, command: Command[T], about: str) -> T:
        """Send a command that changes something else than a key."""
        self._announce(self.known, about)
        return session.send(command)

    def change_key(self, session: AuthenticatedSession, number: int, new: SlotKey) -> None:
        """Change a key from 1 to 4: until the answer comes, it may be either.

        Raises:
            TagRefusedError: among other things, because the old key was not the one taken
                for it. Where it may still be another one, that is known from now on.

        """
        held = self.known.slots[number]
        command = ChangeKey(number, held[-1].key, new.key, new.version)
        self._announce(self.known.widen(number, new), f"key {number}")
        try:
            session.send(command)
        except TagRefusedError as error:
            if error.status == Status.INTEGRITY_ERROR and len(held) > 1:
                self.put(self.known.with_slot(number, held[:-1]))
            raise
        self.known = self.known.narrow(number, new)

    def change_master_key(self, session: AuthenticatedSession, new: SlotKey) -> None:
        """Change key 0; *session* ends."""
        self._announce(self.known.widen(0, new), "key 0")
        session.send(ChangeMasterKey(new.key, new.version))
        self.known = self.known.narrow(0, new)

    def _announce(self, known: KnownTag, about: str) -> None:
        self.put(replace(known, stage=self._changing, about=about))
        self.is_begun = True


@contextmanager
def in_doubt_once_begun(piece: Workpiece, hint: str = InDoubtError.hint) -> Iterator[None]:
    """Say of every failure whether the tag is as it was."""
    try:
        yield
    except (TransportError, ProtocolError, TagRefusedError, ReaderError, VaultError) as error:
        if not piece.is_begun:
            raise
        uid, about = piece.known.uid, piece.known.about
        where = f", at {about}" if about else ""
        raise InDoubtError(f"tag {uid} is not finished{where}: {error}", hint) from error
