"""Tags that another tool wrote: their keys are proven and put down, rights and keys changed.

Afterwards the jobs work on such a tag as on any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ntag424 import Key
from ntag424.commands import ChangeFileSettings, GetFileSettings, GetKeyVersion
from ntag424.flow import run
from ntag424.model.files import FACTORY_SETTINGS, AccessRights, FileSettings
from ntag424_provisioning.engine.access import changer, require_allowed
from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.jobs import look_at
from ntag424_provisioning.engine.observe import observe
from ntag424_provisioning.engine.workpiece import Workpiece, in_doubt_once_begun
from ntag424_provisioning.errors import RefusedError, WrongKeyError
from ntag424_provisioning.model import KnownTag, SlotKey, Stage

_AGAIN = "Lay the same tag back and run the same command again: nothing was forgotten."


def adopt(bench: Bench, keys: Mapping[int, Key]) -> KnownTag:
    """Prove the five *keys* of the tag on the reader, and put them down.

    Nothing on the tag changes. What the vault knew of it stays known, but for its keys.

    Raises:
        WrongKeyError: one of them is not in its slot. An attempt was spent, and counted.
        RefusedError: random IDs hide which tag it is.
        NotOurChipError, TransportError: as for `observe`.

    """
    bench.journal.require_writable()
    uid = run(observe(), bench.link).uid
    if uid is None:
        raise RefusedError(
            "the tag hides its UID behind random IDs, so its keys cannot be put down under it",
            "Nothing was tried. The tool that wrote it can still change it.",
        )
    piece = _unchanged_piece(bench, bench.journal.find(uid) or KnownTag.blank(uid))
    for number in range(5):
        _prove(piece, number, keys[number])
    stage = Stage.READY if piece.known.stage is Stage.BLANK else piece.known.stage
    piece.put(replace(piece.known, stage=stage))
    return piece.known


def set_rights(bench: Bench, number: int, access: AccessRights) -> FileSettings:
    """Give file *number* of the tag on the reader other rights; all else of it stays.

    Raises:
        RefusedError: Change of the file is closed for good.
        InDoubtError: contact was lost; the tag tells everybody which rights it has.
        As `look_at` and `Workpiece.authenticate` else.

    """
    evidence = look_at(bench)
    present = evidence.observation.settings[number]
    # Of settings that no tag should have nothing is kept, and the tag decides about key 0.
    base = present or FileSettings(FACTORY_SETTINGS[number].comm_mode, access)
    require_allowed({number: base}, {number: replace(base, access=access)})
    piece = _unchanged_piece(bench, evidence.known)
    session = piece.authenticate(0 if present is None else changer(base.access) or 0)
    with in_doubt_once_begun(piece, _AGAIN):
        if present is not None:
            base = session.send(GetFileSettings(number)).settings
        mode = base.mode_for_changing()
        wanted = replace(base, access=access)
        command = ChangeFileSettings(number, wanted, mode)
        piece.change(session, command, f"rights of file {number}")
        piece.put(replace(piece.known, about=""))
    return wanted


def change_one_key(bench: Bench, number: int, new: SlotKey) -> KnownTag:
    """Change one key of the tag on the reader, and prove the new one.

    Raises:
        WrongKeyError: key 0 or the old key is none that is known.
        InDoubtError: contact was lost; both keys that the slot may hold are put down.

    """
    piece = _unchanged_piece(bench, look_at(bench).known)
    with in_doubt_once_begun(piece, _AGAIN):
        session = piece.authenticate(0)
        if number:
            # ChangeKey takes the old key: whether it is right tells an authentication alone.
            piece.reauthenticate(number)
            session = piece.reauthenticate(0)
            piece.change_key(session, number, new)
        else:
            piece.change_master_key(session, new)
        piece.reauthenticate(number)
        piece.put(replace(piece.known, about=""))
    return piece.known


def _unchanged_piece(bench: Bench, known: KnownTag) -> Workpiece:
    """Work on a tag that is as far along afterwards as before: no job is begun with it."""
    return Workpiece(bench, known, changing=known.stage)


def _prove(piece: Workpiece, number: int, key: Key) -> None:
    piece.tell(number + 1, 5, f"prove key {number}")
    session = piece.prove(number, SlotKey(key, 0))
    if session is None:
        raise WrongKeyError(
            f"key {number} of tag {piece.known.uid} is not the one that was given",
            "It was tried once, and is not tried again. Check the file, and which tag it is.",
        )
    version = session.send(GetKeyVersion(number))
    piece.known = piece.known.narrow(number, SlotKey(key, version))
