"""One tap, sent to every route that would take it.

A service with a SENTRY keyring accepts taps at two routes, and its keys were listed under two
ordinals: a tap used at one route was fresh at the other, because it was of a higher generation
there. It earned two sessions, and the tag was locked out of the first route from then on.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from ntag424 import Generation, Key, Uid, UrlTemplate
from ntag424.keys import An10922Keys, SentryEv2Keys
from ntag424.testing import tap_source
from tests.service.asking import JSON, Wire
from tests.service.running import Installation, free_port, run_command, serving

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04DE5F1EACC040")
TEMPLATE = "https://id.example.com/t?uid={uid}&sdmcounter={ctr}&sdmmac={mac}"
SENTRY = "/api/v1/auth/sdm/exchange"
#: Copies of the tap for each route.
COPIES = 64

MASTER = Key.from_hex("00112233445566778899AABBCCDDEEFF")
OTHER = Key.from_hex("0F1E2D3C4B5A69788796A5B4C3D2E1F0")
#: What the key file of one tag says, as somebody who read it would copy it.
KEY_OF_ONE_TAG = An10922Keys(MASTER).tag_key(UID, 2)


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


def version(ordinal, scheme, key, *, state="active", key_name="master_key"):
    """Write one table of a keyring file."""
    return (
        f'[[version]]\nordinal = {ordinal}\nstate = "{state}"\n'
        f'scheme = "{scheme}"\n{key_name} = "{bytes(key).hex().upper()}"\n'
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Installation.make(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def install(prepared, tmp_path):
    """Set up a service whose two keyring files say what they are given."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def make(keyring, sentry):
        installation = prepared.copied_to(
            tmp_path / "service",
            NTAG424_TEMPLATE=TEMPLATE,
            NTAG424_SENTRY_KEYRING_FILE=write("sentry.toml", sentry),
            NTAG424_SENTRY_ACCOUNT_KEY_FILE=write("account.key", "A5" * 32),
        )
        installation.keyring_file.write_text(keyring)
        return installation

    return make


def refused(installation):
    """Start the service, which must not serve; return the lines that it leaves on stderr."""
    port = {"NTAG424_PORT": str(free_port())}
    done = run_command("serve", settings=installation.settings | port)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    return done.stderr.splitlines()


# ---- refused at the start -------------------------------------------------------------------


@pytest.mark.parametrize(("ordinal", "other"), [(1, 2), (2, 1)])
def test_one_key_under_two_ordinals_stops_the_service(install, ordinal, other):
    installation = install(
        version(ordinal, "sentry-ev2", MASTER), version(other, "sentry-ev2", MASTER)
    )
    error, hint = refused(installation)
    assert error.startswith("error: NTAG424_SENTRY_KEYRING_FILE: ")
    assert f"key version {ordinal} of NTAG424_KEYRING_FILE" in error
    assert f"key version {other} of NTAG424_SENTRY_KEYRING_FILE" in error
    assert hint.startswith("hint: ")


def test_one_key_that_is_retired_at_one_route_stops_the_service(install):
    retired = version(1, "sentry-ev2", MASTER, state="retired")
    installation = install(
        retired + version(3, "sentry-ev2", OTHER), version(2, "sentry-ev2", MASTER)
    )
    error, _ = refused(installation)
    assert "key version 1 of NTAG424_KEYRING_FILE" in error
    assert "key version 2 of NTAG424_SENTRY_KEYRING_FILE" in error


STATIC = version(2, "static", KEY_OF_ONE_TAG, key_name="file_read")
DERIVED = version(1, "an10922", MASTER)


@pytest.mark.parametrize(
    ("keyring", "sentry"), [(DERIVED, STATIC), (STATIC, DERIVED)], ids=["there", "here"]
)
def test_the_key_of_one_tag_as_a_static_key_stops_the_service(install, keyring, sentry):
    error, _ = refused(install(keyring, sentry))
    assert error.startswith("error: NTAG424_SENTRY_KEYRING_FILE: ")
    assert " of NTAG424_KEYRING_FILE" in error
    assert " of NTAG424_SENTRY_KEYRING_FILE" in error


@pytest.mark.parametrize("sentry", [version(2, "an10922", MASTER), STATIC], ids=["key", "kind"])
def test_no_refusal_shows_a_key(install, sentry):
    text = "".join(refused(install(DERIVED, sentry))).upper()
    secrets = [bytes(key).hex().upper() for key in (MASTER, KEY_OF_ONE_TAG)]
    assert [secret for secret in secrets if secret in text] == []


# ---- one key under one ordinal: one generation, and the ledger decides ----------------------


async def post(port, path, body):
    """Return what one request over a connection of its own is answered."""
    wire = await Wire.open(port)
    try:
        return await wire.ask("POST", path, json.dumps(body).encode(), JSON)
    finally:
        await wire.aclose()


async def test_copies_of_one_tap_at_both_routes_at_once_earn_one_session(install):
    same = version(1, "sentry-ev2", MASTER)
    installation = install(same, same)
    async with installation.ledger() as ledger:
        await ledger.enrol(UID, Generation(1), 0)
    url = tap_source(UrlTemplate(TEMPLATE), SentryEv2Keys(MASTER), UID).tap()
    fields = dict(parse_qsl(urlsplit(url).query))
    with serving(installation, workers=2) as service:
        answers = await asyncio.gather(
            *(
                post(service.port, path, body)
                for _ in range(COPIES)
                for path, body in (("/v1/taps", {"url": url}), (SENTRY, fields))
            )
        )
    assert sorted(answer.status for answer in answers) == [200] + [409] * (2 * COPIES - 1)
