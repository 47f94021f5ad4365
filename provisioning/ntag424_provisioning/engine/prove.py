"""Proof after writing: two taps through the service's own verifier, and every byte read back."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424 import CountedTap, Keyring, KeyVersion, Mode, VerificationError, Verifier
from ntag424.commands import EnableRandomId, GetCardUid, GetKeyVersion, GetVersion
from ntag424.keys import KeyScheme
from ntag424.ndef import read_uri
from ntag424.session import AuthenticatedSession
from ntag424_provisioning.engine.observe import read_ndef
from ntag424_provisioning.engine.plan import plan
from ntag424_provisioning.engine.workpiece import Workpiece
from ntag424_provisioning.engine.write import look
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.model import Goal, Irreversible


@dataclass(frozen=True, slots=True)
class Proof:
    """The tag does what it should."""

    #: Highest read counter it showed; 0 of a tag that is blank again.
    counter: int
    url: str | None


def prove(piece: Workpiece, goal: Goal, version: KeyVersion, mode: Mode) -> Proof:
    """Prove that the tag holds what *goal* says, and works.

    Raises:
        InDoubtError: it does not; the sentence says in what.

    """
    piece.tell(1, 2, "power the tag down and up, read it twice")
    piece.bench.link.reconnect()
    proof = Proof(0, None)
    if goal.profile is not None:
        verifier = Verifier(goal.profile.template, Keyring([version]), mode=mode)
        proof = _two_taps(piece, goal, verifier)
    piece.tell(2, 2, "prove key 0, read everything back")
    session = piece.authenticate(0, mode=mode)
    _compare(piece, goal, version.scheme, session)
    _hide(piece, goal, session)
    return proof


def _two_taps(piece: Workpiece, goal: Goal, verifier: Verifier) -> Proof:
    first, _ = _tap(piece, goal, verifier)
    second, url = _tap(piece, goal, verifier)
    # Two reads in a row share a counter; between these two the application was selected.
    if second.counter != first.counter + 1:
        raise InDoubtError(f"the read counter went from {first.counter} to {second.counter}")
    return Proof(second.counter, url)


def _tap(piece: Workpiece, goal: Goal, verifier: Verifier) -> tuple[CountedTap, str]:
    try:
        url = read_uri(piece.session.run(read_ndef())) or ""
        tap = verifier.verify(url).counted()
    except (VerificationError, ValueError) as error:
        raise InDoubtError(f"the tag's own tap is refused: {error}") from error
    if (tap.uid, tap.generation) != (piece.known.uid, goal.generation):
        raise InDoubtError(f"the tag's own tap is that of {tap.uid} in {tap.generation}")
    return tap, url


def _compare(
    piece: Workpiece, goal: Goal, scheme: KeyScheme, session: AuthenticatedSession
) -> None:
    uid = session.send(GetCardUid())
    if uid != piece.known.uid:
        raise InDoubtError(f"this is tag {uid}, not {piece.known.uid}")
    image = goal.image(uid, scheme, session.channel.mode)
    for number, wanted in enumerate(image.keys):
        told = session.send(GetKeyVersion(number))
        if told != wanted.version:
            raise InDoubtError(f"key {number} has version {told:02X}, not {wanted.version:02X}")
    left = plan(image, look(session, piece.known.slots))
    if left:
        raise InDoubtError("read back, the tag differs in: " + ", ".join(str(s) for s in left))


def _hide(piece: Workpiece, goal: Goal, session: AuthenticatedSession) -> None:
    """Turn random IDs on, as the last thing: then the tag has another name each time."""
    profile = goal.profile
    if profile is None or Irreversible.RANDOM_ID not in profile.irreversible:
        return
    if any(session.send(GetVersion()).uid):
        piece.change(session, EnableRandomId(), "random IDs, irreversible")
