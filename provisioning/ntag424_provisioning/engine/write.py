"""Carries out a plan: every change is put down before it is sent.

Nothing is begun that cannot be finished: before the first change, the rights that the tag
tells under a MAC are compared with the plan, and the old keys that it needs are proven.
"""

from __future__ import annotations

from dataclasses import replace

from ntag424 import Mode, TamperStatus
from ntag424.commands import (
    FILE_IDS,
    ChangeFileSettings,
    EnableLrp,
    GetFileSettings,
    GetKeyVersion,
    WriteData,
)
from ntag424.errors import TagRefusedError
from ntag424.keys import KeyScheme
from ntag424.model.files import FileSettings
from ntag424.session import AuthenticatedSession
from ntag424_provisioning.engine.access import may_read, require_allowed
from ntag424_provisioning.engine.observe import Observation, is_spent
from ntag424_provisioning.engine.plan import (
    ConfigurationStep,
    FileStep,
    Held,
    KeyStep,
    SettingsStep,
    configuration,
    plan,
)
from ntag424_provisioning.engine.workpiece import Workpiece
from ntag424_provisioning.errors import InDoubtError
from ntag424_provisioning.model import Goal, KnownTag, Slots, TagImage
from ntag424_provisioning.model.image import CC_FILE, NDEF_FILE


def write(piece: Workpiece, goal: Goal, scheme: KeyScheme, seen: Observation) -> Mode:
    """Make the tag hold what *goal* says, and return the mode it is in.

    Key 0 is the goal's on return; nothing is proven yet.

    Raises:
        WrongKeyError: no key that may be in a slot is.
        RefusedError: the rights on the tag do not allow it.
        TagRefusedError, ProtocolError, TransportError: it was not finished; what is
            known of the tag is in the journal.

    """
    tamper, spent = seen.tamper, is_spent(seen)
    while True:
        before = piece.known
        session = piece.authenticate(0)
        try:
            _believe_versions(piece, session)
            held = replace(look(session, piece.known.slots, tamper), is_spent=spent)
            image = goal.image(piece.known.uid, scheme, held.mode)
            require_allowed(held.settings, image.settings)
            if not piece.is_begun:
                session = _prove_old_keys(piece, goal, image, held) or session
                held = replace(held, slots=piece.known.slots)
            if told := configuration(goal.profile, held):
                tamper = _configure(piece, session, told)
                continue
            _carry_out(piece, session, image, held)
        except TagRefusedError:
            if not _has_learnt(before, piece.known):
                raise
        else:
            return held.mode


def _has_learnt(before: KnownTag, after: KnownTag) -> bool:
    """Whether a slot that could hold several keys can hold fewer now."""
    pairs = zip(before.slots, after.slots, strict=True)
    return any(len(old) > len(new) and new[-1] in old for old, new in list(pairs)[1:])


def look(session: AuthenticatedSession, slots: Slots, tamper: TamperStatus | None = None) -> Held:
    """Read the files as they are stored, and their settings: a session sees no mirrors."""
    settings = {number: session.send(GetFileSettings(number)).settings for number in FILE_IDS}
    cc, ndef = (_content(session, number, settings) for number in (CC_FILE, NDEF_FILE))
    return Held(slots, cc, ndef, settings, session.channel.mode, tamper)


def _content(
    session: AuthenticatedSession, number: int, settings: dict[int, FileSettings]
) -> bytes:
    """Read a file; of one that is closed nothing is known, and asking would end the session."""
    is_open = may_read(settings[number].access, session.channel.key_number)
    return session.read(number) if is_open else b""


def _prove_old_keys(
    piece: Workpiece, goal: Goal, image: TagImage, held: Held
) -> AuthenticatedSession | None:
    """Prove each key from 1 to 4 that is to change: ChangeKey takes the old one.

    All of them if the tag is to be blank: it is only if nobody else's key is left on it,
    and the version byte of that may be the one that NXP delivers.

    Return a new session of key 0, or nothing if no key was to be proven.
    """
    steps = plan(image, held)
    numbers = [step.number for step in steps if isinstance(step, KeyStep) and step.number]
    if goal.profile is None:
        numbers = list(range(1, 5))
    for number in numbers:
        piece.reauthenticate(number, mode=held.mode)
    return piece.reauthenticate(0, mode=held.mode) if numbers else None


def _believe_versions(piece: Workpiece, session: AuthenticatedSession) -> None:
    """Decide by the version byte, which a MAC covers now, which key a slot holds."""
    for number in range(1, 5):
        candidates = piece.known.slots[number]
        if len(candidates) == 1:
            continue
        told = session.send(GetKeyVersion(number))
        fitting = tuple(key for key in candidates if key.version == told)
        if not fitting:
            raise InDoubtError(f"key {number} has version {told:02X}, which nobody gave it")
        piece.known = piece.known.with_slot(number, fitting)


def _configure(
    piece: Workpiece, session: AuthenticatedSession, told: tuple[ConfigurationStep, ...]
) -> TamperStatus | None:
    for step in told:
        piece.tell(0, 0, str(step))
        piece.change(session, step.command, str(step))
        if isinstance(step.command, EnableLrp):
            break  # it ends the session
    # The loop is measured from the next activation on.
    return TamperStatus.from_bytes(b"CC")


def _carry_out(
    piece: Workpiece, session: AuthenticatedSession, image: TagImage, held: Held
) -> None:
    steps = plan(image, held)
    settings = dict(held.settings)
    for index, step in enumerate(steps, 1):
        piece.tell(index, len(steps), str(step))
        by = step.key_number if isinstance(step, SettingsStep) else 0
        if by != session.channel.key_number:
            session = piece.reauthenticate(by, mode=held.mode)
        match step:
            case KeyStep(0, new):
                piece.change_master_key(session, new)
            case KeyStep(number, new):
                piece.change_key(session, number, new)
            case FileStep(number, offset, content):
                mode = settings[number].mode_for_writing(0)
                piece.change(session, WriteData(number, offset, content, mode), str(step))
            case SettingsStep(number, changed):
                mode = settings[number].mode_for_changing()
                piece.change(session, ChangeFileSettings(number, changed, mode), str(step))
                settings[number] = changed
