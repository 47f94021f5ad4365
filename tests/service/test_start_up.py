"""The real process: it serves, stops when asked, and lives on when its store is taken away."""

from __future__ import annotations

import shutil

import pytest
from ntag424_service.asgi import build
from ntag424_service.assembly import assemble
from ntag424_service.settings import load_settings

from ntag424 import Uid
from tests.service.asking import Wire, ask
from tests.service.house import NONCE
from tests.service.running import serving

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("0457A27B075E2F")


async def test_a_store_that_is_replaced_under_the_service_stops_all_but_livez(installation):
    await installation.enrol(UID)
    phone = installation.tag(UID)
    with serving(installation) as service:
        wire = await Wire.open(service.port)
        accepted = await wire.post_tap(phone.tap(), NONCE)
        bearer = {"authorization": f"Bearer {accepted.members['session']}"}
        before = [
            accepted.status,
            (await wire.ask("GET", "/v1/session", headers=bearer)).status,
            (await wire.ask("GET", "/readyz")).status,
        ]
        # A copy takes the place of the ledger, as a hasty restore from a backup would do it.
        copy = installation.folder / "copy"
        shutil.copyfile(installation.store, copy)
        copy.replace(installation.store)
        after = [
            (await wire.post_tap(phone.tap(), NONCE)).status,
            (await wire.ask("GET", "/v1/session", headers=bearer)).status,
            (await wire.ask("GET", "/readyz")).status,
            (await wire.ask("GET", "/livez")).status,
        ]
        await wire.aclose()
    assert before == [200, 200, 200]
    assert after == [503, 503, 503, 200]


async def test_a_service_that_is_asked_to_stop_tidies_up(installation):
    with serving(installation) as service:
        wire = await Wire.open(service.port)
        assert (await wire.ask("GET", "/livez")).status == 200
        service.stop()
        await wire.aclose()
    assert "Application shutdown complete" in str(service.stderr)
    assert "Traceback" not in str(service.stderr)
    # The last connection to close a ledger takes its write-ahead log away.
    assert [path.name for path in installation.folder.glob("ledger.db*")] == ["ledger.db"]


async def test_an_answer_that_was_lost_on_the_way_is_given_again(installation):
    """The client drops its connection after sending the request, over and over."""
    await installation.enrol(UID)
    phone = installation.tag(UID)
    with serving(installation) as service:
        for number in range(20):
            url, nonce = phone.tap(), f"{number:032x}"
            body = b'{"url": "%s", "nonce": "%s"}' % (url.encode(), nonce.encode())
            lost = await Wire.open(service.port)
            head = b"POST /v1/taps HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            await lost.send(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            lost.abort()
            wire = await Wire.open(service.port)
            again = await wire.post_tap(url, nonce)
            other = await wire.post_tap(url, NONCE)
            await wire.aclose()
            assert (again.status, other.status) == (200, 409)


#: Nobody listens there.
NOWHERE = "redis://127.0.0.1:1"


async def test_a_worker_starts_without_asking_a_store_across_a_network(installation, monkeypatch):
    """It runs in an event loop already; whoever started it has asked."""
    for name, value in (installation.settings | {"NTAG424_STORE": NOWHERE}).items():
        monkeypatch.setenv(name, value)
    app = build()
    answers = [(await ask(app, "GET", path)).status for path in ("/livez", "/readyz")]
    assert answers == [200, 503]


async def test_the_settings_do_not_show_the_url_of_the_store(installation, monkeypatch):
    for name, value in (installation.settings | {"NTAG424_STORE": NOWHERE}).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert "127.0.0.1:1" not in f"{settings!r} {settings} {assemble(settings)!r}"
