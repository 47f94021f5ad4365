"""The vault: master keys, and what is known of every tag."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ntag424 import Keyring, KeyState, Uid
from ntag424_provisioning.errors import RefusedError, VaultError
from ntag424_provisioning.model import KnownTag, Stage
from ntag424_provisioning.vault import _schema
from ntag424_provisioning.vault._file import SealedFile
from ntag424_provisioning.vault._master_keys import MasterKeys, check_code, is_code
from ntag424_provisioning.vault._rows import Inventory, Rows
from ntag424_provisioning.vault._sealing import (
    KeyFile,
    Lock,
    Sealer,
    Unlock,
    damaged,
    seal_data_key,
    translated,
)
from ntag424_provisioning.vault._versions import (
    Change,
    StoredVersion,
    Versions,
    adding,
    confirming,
    find,
    keyring_of,
    read_versions,
    restoring,
    rotating,
    setting_state,
    write_versions,
)

_PAGE = 256


class Vault:
    """One file that several threads, and several processes, may use at the same time.

    It is a `Journal`.
    """

    def __init__(self, path: Path, file: SealedFile, head: _schema.Head) -> None:
        """Take over an open file; call `open` or `create` instead."""
        self.path = path
        self._file = file
        self._head = head

    @classmethod
    def create(cls, path: Path, unlock: Unlock, versions: Sequence[StoredVersion] = ()) -> Self:
        """Make a new vault at *path*, with *versions* in it; it appears complete or not at all.

        A key file is drawn for it.

        Raises:
            VaultError: there is something at *path*, or where the key file is to be, or
                one of them cannot be written.
            RefusedError: *versions* contradict one another.

        """
        _schema.require_free(path)
        if versions:
            keyring_of(tuple(versions))
        if isinstance(unlock, KeyFile):
            unlock.draw()
        try:
            _create(path, unlock, tuple(versions))
        except BaseException:
            if isinstance(unlock, KeyFile):
                unlock.path.unlink()
            raise
        return cls.open(path, unlock)

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> Self:
        """Open a vault; see `doubt`.

        Raises:
            VaultError: it is missing, damaged or newer, or *unlock* does not open it.

        """
        place = path.resolve()
        file, head = SealedFile.open(place, unlock)
        # It may lag; what is about to write to a tag insists on it.
        with suppress(VaultError):
            file.note()
        return cls(place, file, head)

    @staticmethod
    def lock_of(path: Path) -> Lock:
        """Tell what opens the vault at *path*.

        Raises:
            VaultError: it is missing, damaged or newer.

        """
        with translated("opened"):
            db = _schema.connect(path)
            try:
                return _schema.read_head(db).envelope.lock
            finally:
                db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        with suppress(VaultError):
            self._file.note()
        self._file.close()

    @property
    def vault_id(self) -> str:
        """32 hex digits, drawn when it was made."""
        return self._head.vault_id.hex().upper()

    @property
    def lock(self) -> Lock:
        """What opens it."""
        return self._head.envelope.lock

    @property
    def doubt(self) -> VaultError | None:
        """Why this may not be the newest copy; nothing can be written until `accept_restored`."""
        return self._file.doubt

    @property
    def is_new_here(self) -> bool:
        """Whether nothing on this machine tells if it is the newest copy."""
        return self._file.is_new_here

    def accept_restored(self) -> None:
        """Go on with this copy: whatever was newer is the older one from now on.

        Raises:
            VaultError: it cannot be written down.

        """
        self._file.accept()

    def derive(self, label: bytes) -> bytes:
        """Return 32 secret bytes that only this vault gives, others for each *label*."""
        return self._file.derive(label)

    # ---- tags ---------------------------------------------------------------------------------

    def find(self, uid: Uid) -> KnownTag | None:
        """See `Journal.find`."""
        with self._file.reading() as rows:
            text = rows.tag(uid)
        return None if text is None else _known(text)

    def put(self, known: KnownTag) -> None:
        """See `Journal.put`; the time of the change is now."""
        record = replace(known, changed_at=_now()).to_json()
        with self._file.writing() as rows:
            rows.set_tag(known.uid, record)

    def require_writable(self) -> None:
        """See `Journal.require_writable`: writes as much as one job does."""
        self._file.make_room()

    def tags(self) -> Iterator[KnownTag]:
        """Give every tag, in the order in which they were first put down."""
        page = self._page(0)
        while page:
            yield from (_known(text) for _, text in page)
            page = self._page(page[-1][0])

    def _page(self, place: int) -> list[tuple[int, bytes]]:
        with self._file.reading() as rows:
            return rows.tags_after(place, _PAGE)

    # ---- key versions -------------------------------------------------------------------------

    def versions(self) -> Versions:
        """Return every key version, the newest last."""
        with self._file.reading() as rows:
            return _read(rows)

    def keyring(self) -> Keyring:
        """Return them as the library takes them.

        Raises:
            SetupError: there are none.

        """
        return keyring_of(self.versions())

    def add_version(self, keys: MasterKeys) -> StoredVersion:
        """Take in keys that tags have already; taps are accepted, new tags not written with them.

        The first version of a vault is active.

        Raises:
            RefusedError: they do not go with those that are there.

        """
        return self._change(adding(keys, _now()))[-1]

    def rotate(self, keys: MasterKeys) -> StoredVersion:
        """Write new tags with *keys* from now on; the former version is still accepted.

        Raises:
            RefusedError: they do not go with those that are there.

        """
        return self._change(rotating(keys, _now()))[-1]

    def set_state(self, ordinal: int, state: KeyState) -> StoredVersion:
        """Change the state of a version; if another one was active, it is accepted from now on.

        Raises:
            SetupError: there is no such version.
            RefusedError: it is the active one; a vault has one always.

        """
        return find(self._change(setting_state(ordinal, state)), ordinal)

    def tags_of(self, ordinal: int) -> int:
        """Count the tags that live under a version, or began to."""
        return sum(1 for known in self.tags() if _lives_under(known, ordinal))

    def restore(self, versions: Sequence[StoredVersion]) -> Versions:
        """Take in keys from a sheet or a keyring file; return all versions, none overwritten.

        Raises:
            RefusedError: one of the same ordinal has other keys; nothing was changed.

        """
        return self._change(restoring(versions))

    @property
    def backup_is_confirmed(self) -> bool:
        """Whether there are keys, and a recovery sheet with all of them is known to exist."""
        versions = self.versions()
        return bool(versions) and all(version.is_backed_up for version in versions)

    def confirm_backup(self, code: str) -> None:
        """Believe that a sheet with all versions exists, by the check code that it shows.

        Raises:
            RefusedError: it is not the code of a sheet with all of them.

        """

        def change(versions: Versions) -> Versions:
            if not is_code(code, check_code(version.keys for version in versions)):
                text = "this is not the check code of a sheet with all key versions"
                hint = 'Read it off the newest sheet; "ntag424 keys backup" prints another.'
                raise RefusedError(text, hint)
            return confirming(versions)

        self._change(change)

    def _change(self, change: Change) -> Versions:
        self._file.note()
        with self._file.writing() as rows:
            versions = change(_read(rows))
            keyring_of(versions)
            rows.set_keys(write_versions(versions))
        # It is done, and stays so if this fails.
        with suppress(VaultError):
            self._file.note()
        return versions


def _create(path: Path, unlock: Unlock, versions: Versions) -> None:
    vault_id, data_key = secrets.token_bytes(16), secrets.token_bytes(32)
    head = _schema.Head(vault_id, seal_data_key(data_key, unlock, vault_id))

    def fill(db: sqlite3.Connection) -> None:
        rows = Rows(db, Sealer(data_key, vault_id), Inventory())
        rows.go_beyond(0)
        rows.set_keys(write_versions(versions))
        rows.finish()

    _schema.create(path, head, fill)


def _read(rows: Rows) -> Versions:
    text = rows.keys()
    try:
        return read_versions(text)
    except (ValueError, KeyError, TypeError):
        raise damaged("its key versions are not understood") from None


def _known(text: bytes) -> KnownTag:
    try:
        return KnownTag.from_json(text)
    except (ValueError, KeyError, TypeError):
        raise damaged("what it says of a tag is not understood") from None


def _lives_under(known: KnownTag, ordinal: int) -> bool:
    generation = known.generation
    return (
        known.stage is not Stage.BLANK
        and generation is not None
        and generation.key_version == ordinal
    )


def _now() -> int:
    return int(time.time())
