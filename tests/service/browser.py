"""A real browser, and a real service with a simulated tag in front of it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import uvicorn
from ntag424_service.app import Parts, create_app
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.settings import Settings
from ntag424_service.storage.identity import Identity
from playwright.sync_api import Browser, sync_playwright

from ntag424 import Generation, Key, Keyring, Uid, UrlTemplate, Verifier
from ntag424.keys import An10922Keys
from ntag424.replay import SqliteLedger
from ntag424.testing import TapSource, tap_source

FRAGMENT = "/t#k={kv}{epoch}&p={picc}&m={mac}"
QUERY = "/t?k={kv}{epoch}&p={picc}&m={mac}"
_KEYS = An10922Keys(Key(bytes(range(16))))
_UID = Uid(bytes.fromhex("04A1B2C3D4E5F6"))
_GENERATION = Generation(key_version=1, epoch=1)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_ADVICE = "apt-get install --no-install-recommends chromium libatomic1"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium; skip the test where it is missing, fail it in CI."""
    executable = shutil.which("chromium")
    if executable is None or not _has_libatomic():
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(f"needs a browser: {_ADVICE}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def _has_libatomic() -> bool:
    """Whether the node that playwright brings along can start."""
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        return False
    return True


@dataclass
class Service:
    """The service on a loopback port, and a phone with an enrolled tag in front of it.

    It can be stopped and started again: same port, same store.
    """

    folder: Path
    form: str
    address: str = field(init=False)
    phone: TapSource = field(init=False)

    def __post_init__(self) -> None:
        self._listener = _listen(0)
        self._port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._template = UrlTemplate(self.address + self.form)
        self.phone = tap_source(self._template, _KEYS, _UID, generation=_GENERATION)
        self._path = self.folder / "ledger.db"
        self._identity = Identity.new(SqliteLedger.init(self._path))
        self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve again after `stop`."""
        self._listener = _listen(self._port)
        self._run()

    def stop(self) -> None:
        """Stop serving; connections are refused from now on."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        ledger = SqliteLedger.open(self._path, store_id=self._identity.store_id, deadline=60)
        verifier = Verifier(self._template, Keyring.single(_KEYS))
        tokens = SessionTokens(self._identity.session_key, self._identity.store_id)
        parts = Parts(verifier, ledger, tokens)
        app = create_app(Settings(), parts)
        self._server = uvicorn.Server(
            uvicorn.Config(app, ws="none", log_config=None, access_log=False)
        )
        # A thread of its own, for the browser's event loop is running in this one. The
        # socket listens already, so the first request waits until it is served.
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(ledger),))
        self._thread.start()

    async def _serve(self, ledger: SqliteLedger) -> None:
        if await ledger.find(_UID) is None:
            await ledger.enrol(_UID, _GENERATION, 0)
        await self._server.serve(sockets=[self._listener])


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener
