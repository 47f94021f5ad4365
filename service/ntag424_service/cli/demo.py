"""`make demo`: the whole life of a tap on one machine, without hardware."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import typer
import uvicorn

from ntag424 import Generation, Key, Keyring, Uid, UrlTemplate, Verifier
from ntag424.keys import An10922Keys
from ntag424.testing import TapSource, tap_source
from ntag424_service.app import Parts, create_app
from ntag424_service.guards.serving import connection_settings
from ntag424_service.operations.log import configure_logging
from ntag424_service.outcomes import Outcome
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.settings import Settings
from ntag424_service.storage.stores import makeshift_store

_PORT = 8424
_GENERATION = Generation(key_version=1, epoch=1)
_HELP = (
    "  Enter: tap   r: the last URL again   x: flip one bit   o: a URL for the browser   q: quit"
)
# The service is on this machine: no proxy has a part in it.
_OPENER = build_opener(ProxyHandler({}))


@dataclass(slots=True)
class _Demonstration:
    """The service's address, and a phone with a simulated tag in front of it."""

    address: str
    phone: TapSource
    url: str = ""

    def tap(self) -> str:
        """Lay the tag to the phone."""
        self.url = self.phone.tap()
        return self.url

    def post(self, url: str) -> dict[str, str]:
        """Exchange *url* as the page's script would; return the answer."""
        body = json.dumps({"url": url, "nonce": secrets.token_hex(16)}).encode()
        request = Request(f"{self.address}/v1/taps", body, {"Content-Type": "application/json"})  # noqa: S310  our own address
        try:
            with _OPENER.open(request) as answer:
                members: dict[str, str] = json.load(answer)
        except HTTPError as refusal:
            members = json.load(refusal)
        return members


def run_demo() -> int:
    """Serve, and tap: by key press, or once of each kind where nobody can press keys.

    Returns the exit code: 0, or 1 if a scripted outcome was not as it should be.
    """
    configure_logging(logging.ERROR)  # the screen belongs to the demo
    with (
        tempfile.TemporaryDirectory(prefix="ntag424-demo-") as folder,
        _serving(Path(folder)) as demonstration,
    ):
        if not sys.stdin.isatty():
            return _play(demonstration)
        with suppress(EOFError, KeyboardInterrupt):
            _converse(demonstration)
        typer.echo()
    return 0


def _play(demonstration: _Demonstration) -> int:
    """One accepted, one replayed and one tampered tap."""
    urls = (demonstration.tap(), demonstration.url, _flip_one_bit(demonstration.tap()))
    outcomes = [_exchange(demonstration, url) for url in urls]
    expected = [Outcome.ACCEPTED, Outcome.REPLAYED, Outcome.NOT_VERIFIED]
    return int(outcomes != expected)


def _converse(demonstration: _Demonstration) -> None:
    typer.echo(f"{_HELP}\n")
    while True:
        match input("> ").strip().lower():
            case "":
                _exchange(demonstration, demonstration.tap())
            case "r":
                _exchange(demonstration, demonstration.url or demonstration.tap())
            case "x":
                _exchange(demonstration, _flip_one_bit(demonstration.tap()))
            case "o":
                typer.echo(f"  open it once: {demonstration.tap()}")
            case "q":
                return
            case _:
                typer.echo(_HELP)


def _exchange(demonstration: _Demonstration, url: str) -> str:
    """Post *url* and print what became of it; return the outcome."""
    answer = demonstration.post(url)
    outcome = answer["outcome"]
    if outcome == Outcome.ACCEPTED:
        facts = f"counter {answer['counter']}  session {answer['session']} (300 s)"
        typer.echo(f"  ✓ {outcome}  {facts}\n    page {url}")
    else:
        typer.echo(f"  ✗ {outcome}  {answer['title']}: {answer['detail']}")
    return outcome


def _flip_one_bit(url: str) -> str:
    """Change one bit of the MAC, whose last digit ends the URL."""
    return url[:-1] + f"{int(url[-1], 16) ^ 1:X}"


@contextmanager
def _serving(folder: Path) -> Iterator[_Demonstration]:
    """Run the service in a thread on a store of its own, gone afterwards."""
    listener = _listen()
    port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    template = UrlTemplate(address + "/t#k={kv}{epoch}&p={picc}&m={mac}")
    keys = An10922Keys(Key(secrets.token_bytes(16)))
    uid = Uid(b"\x04" + secrets.token_bytes(6))
    identity, ledger = makeshift_store(folder)
    tokens = SessionTokens(identity.session_key, identity.store_id)
    parts = Parts(Verifier(template, Keyring.single(keys)), ledger, tokens)
    asyncio.run(ledger.enrol(uid, _GENERATION, 0))
    app = create_app(Settings.unset(dev=True, port=port), parts)
    config = uvicorn.Config(app, log_level="warning", access_log=False, **connection_settings())
    server = uvicorn.Server(config)
    # The socket listens already, so the first request waits until it is served.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    typer.echo(f"  service        {address}    page {address}/t")
    typer.echo(f"  simulated tag  {uid}  enrolled: key version 1, epoch 1")
    try:
        yield _Demonstration(address, tap_source(template, keys, uid, generation=_GENERATION))
    finally:
        server.should_exit = True
        thread.join()


def _listen() -> socket.socket:
    """Listen on the usual port, or on any free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", _PORT))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener
