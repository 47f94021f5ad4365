"""A service with an enrolment credential, seen from the machine that writes tags."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import uvicorn
from ntag424_provisioning.enrolment import http_enroller
from ntag424_service.app import create_app
from ntag424_service.assembly import assemble
from ntag424_service.settings import Settings
from ntag424_service.storage.keyring_file import read_keyring
from ntag424_service.storage.preparation import draw_credential, initialise
from ntag424_service.storage.stores import open_store

from ntag424 import Generation, Uid, UrlTemplate
from ntag424.testing import tap_source

TEMPLATE = "https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}"
FIRST, SECOND = Generation(1, 1), Generation(1, 2)
_NUMBERS = itertools.count(1)


def new_uid():
    """Give a UID that no other test uses."""
    return Uid(b"\x04" + next(_NUMBERS).to_bytes(6, "big"))


@dataclass(frozen=True)
class Desk:
    """Where a service is, its files, and the credential it drew."""

    folder: Path
    settings: Settings
    address: str = ""

    @classmethod
    def make(cls, folder):
        """Prepare a service as its own commands do."""
        folder.mkdir(exist_ok=True)
        settings = Settings(
            template=TEMPLATE,
            store=f"sqlite:///{folder / 'ledger.db'}",
            identity_file=folder / "identity.json",
            keyring_file=folder / "keyring.toml",
            enrolment_credential_file=folder / "credential.sha256",
        )
        list(initialise(settings, new_keyring=True))
        list(draw_credential(settings, folder / "credential"))
        return cls(folder, settings)

    @contextmanager
    def opened(self, **changes):
        """Serve, with some settings changed."""
        settings = self.settings.model_copy(update=changes)
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(settings, assemble(settings)), log_level="critical", access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield replace(self, address=f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()

    @property
    def store(self):
        return self.folder / "ledger.db"

    @property
    def identity_file(self):
        return self.folder / "identity.json"

    @property
    def credential_file(self):
        return self.folder / "credential"

    @property
    def keyring(self):
        text = (self.folder / "keyring.toml").read_text()
        return read_keyring("keyring", text, allow_zero_keys=False)

    def enroller(self, **options):
        return http_enroller(self.address, self.credential_file, **options)

    def ask(self, question):
        """Ask the ledger, as another process would."""

        async def run():
            _, ledger = open_store(self.settings)
            try:
                return await question(ledger)
            finally:
                await ledger.aclose()

        return asyncio.run(run())

    def known(self, uid):
        record = self.ask(lambda ledger: ledger.find(uid))
        return None if record is None else (record.generation, record.counter)

    def tap(self, uid, generation, read_counter=0):
        """Tap a tag as provisioning writes it; return what the service makes of it."""
        scheme = self.keyring.active.scheme
        phone = tap_source(
            UrlTemplate(TEMPLATE), scheme, uid, generation=generation, read_counter=read_counter
        )
        answer = httpx.post(f"{self.address}/v1/taps", json={"url": phone.tap()})
        return answer.json()["outcome"]
