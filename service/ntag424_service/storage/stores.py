"""The store that the settings name, and the file by which it is known to be ours."""

from __future__ import annotations

import tempfile
from contextlib import aclosing, closing
from pathlib import Path

from ntag424.errors import LedgerError, LedgerUnavailableError, StoreUrlError
from ntag424.replay import LedgerStore, SqliteLedger, SqliteStore, TagLedger, store_at, take_up
from ntag424_service.errors import SettingsError
from ntag424_service.private_files import read_private_file
from ntag424_service.settings import Settings, required, variable
from ntag424_service.storage.identity import Identity
from ntag424_service.storage.witness import make_witness, open_witness
from ntag424_service.tags.names import NamingLedger


def open_store(settings: Settings) -> tuple[Identity, TagLedger]:
    """Open the store that `init` made for this service, and no other.

    One across a network is not asked yet: `take_up_store` does that.

    Raises:
        SettingsError: it is missing, foreign, older, damaged, not serving, or went back.

    """
    if settings.dev and settings.store is None and settings.identity_file is None:
        return makeshift_store(Path(tempfile.mkdtemp(prefix="ntag424-dev-")))
    store, identity = find_store(settings), read_identity(settings)
    witness = open_witness(settings, identity.store_id)
    try:
        ledger = store.open(identity.store_id, witness=witness)
    except LedgerError as error:
        raise unusable(error) from None
    return identity, NamingLedger(ledger, identity.names)


async def take_up_store(settings: Settings) -> None:
    """Ask a store across a network whether a tap could be redeemed now, and how far it is.

    Through a ledger of its own, for such a ledger belongs to the event loop that first
    uses it. One on this machine is looked at when it is opened. A machine that has no
    witness yet takes a shared store as it is: the others know it.

    Raises:
        SettingsError: it is missing, foreign, older, unsafe or not serving, went back, or
            cannot be reached.

    """
    if settings.store is None or isinstance(find_store(settings), SqliteStore):
        return
    store, store_id = find_store(settings), read_identity(settings).store_id
    try:
        async with aclosing(store.open(store_id)) as ledger:
            await ledger.check()
        make_witness(settings, store_id)
        with closing(open_witness(settings, store_id)) as witness:
            async with aclosing(await store.archive(store_id)) as archive:
                await take_up(archive, witness)
    except LedgerError as error:
        raise unusable(error) from None


def makeshift_store(folder: Path) -> tuple[Identity, TagLedger]:
    """Make a store in *folder* that nobody expects to find again."""
    path = folder / "ledger.db"
    identity = Identity.new(SqliteLedger.init(path))
    return identity, SqliteLedger.open(path, store_id=identity.store_id)


def find_store(settings: Settings) -> LedgerStore:
    """Return where the ledger is, or is to be.

    Raises:
        SettingsError: the setting is missing, or names no store.

    """
    url = required(settings, "store", settings.store)
    try:
        return store_at(url)
    except StoreUrlError as error:
        raise unusable(error) from None


def read_identity(settings: Settings) -> Identity:
    """Read which store is ours, and the session key.

    Raises:
        SettingsError: the file is missing, wrong, or readable by too many.

    """
    name = variable("identity_file")
    file = required(settings, "identity_file", settings.identity_file)
    return Identity.read(name, read_private_file(name, file, strict=not settings.dev))


def unusable(error: LedgerError) -> SettingsError:
    """Say of the setting what is the matter with the store that it names."""
    hint = error.hint
    if hint == LedgerUnavailableError.hint:  # there is no log yet
        hint = "Check that it runs, can be reached from here, and may be written."
    return SettingsError(variable("store"), str(error), hint)
