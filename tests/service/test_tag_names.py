"""A ledger that names tags by digests: it decides the same, and holds no UID."""

from __future__ import annotations

import json

import pytest
from ntag424_service.storage.identity import Identity
from ntag424_service.tags.names import DigestNames

from ntag424 import Uid
from tests.service.asking import Wire
from tests.service.running import Installation, run_command, serving

pytestmark = pytest.mark.anyio

UID = Uid.from_hex("04A1B2C3D4E5F6")


@pytest.fixture
def digesting(tmp_path):
    """An installation whose ledger names tags by digests, with one tag enrolled."""
    made = Installation(tmp_path)
    for command in (
        ("init", "--new-keyring", "--uid-digests"),
        ("enrol", str(UID), "--epoch", "1"),
    ):
        done = run_command(*command, settings=made.settings)
        assert done.returncode == 0, done.stderr
    return made


async def test_taps_are_decided_as_ever(digesting):
    phone = digesting.tag(UID)
    with serving(digesting) as service:
        wire = await Wire.open(service.port)
        url = phone.tap()
        accepted, again = await wire.post_tap(url), await wire.post_tap(url)
        token = accepted.members["session"]
        session = await wire.ask("GET", "/v1/session", b"", {"Authorization": f"Bearer {token}"})
        await wire.aclose()
    assert (accepted.status, again.status, session.status) == (200, 409, 200)
    assert session.members["subject"] == accepted.members["subject"]


async def test_no_uid_lies_in_the_files_beside_the_keys(digesting):
    phone = digesting.tag(UID)
    with serving(digesting) as service:
        wire = await Wire.open(service.port)
        assert (await wire.post_tap(phone.tap())).status == 200
        await wire.aclose()
        service.kill()  # so that the write-ahead log is still there
    for file in digesting.folder.iterdir():
        text = file.read_bytes()
        assert bytes(UID) not in text, file.name
        assert str(UID).encode() not in text.upper(), file.name


def test_a_tag_is_shown_by_its_uid(digesting):
    shown = run_command("show", str(UID), settings=digesting.settings)
    assert json.loads(shown.stdout)["uid"] == str(UID)


def test_the_state_of_a_tag_is_set_by_its_uid(digesting):
    run_command("state", str(UID), "suspended", settings=digesting.settings)
    shown = run_command("show", str(UID), settings=digesting.settings)
    assert json.loads(shown.stdout)["state"] == "suspended"


def test_names_are_told_by_their_key_alone():
    one, other = DigestNames(bytes(32)), DigestNames(bytes(31) + b"\x01")
    assert one.of(UID) == one.of(UID) != other.of(UID)


def test_an_identity_file_keeps_the_key_of_names():
    identity = Identity.new("5e" * 16, names=DigestNames(bytes(range(32))))
    assert Identity.read("identity", identity.text()) == identity


def test_the_key_of_names_is_not_shown():
    assert bytes(range(32)).hex() not in repr(DigestNames(bytes(range(32))))


@pytest.mark.parametrize("key", ["", "00", "zz" * 32, 7, None])
def test_an_identity_file_with_a_wrong_key_of_names_is_refused(key):
    members = {"store_id": "5e" * 16, "session_key": "00" * 32, "tag_name_key": key}
    with pytest.raises(Exception, match="is not an identity file"):
        Identity.read("identity", json.dumps(members))
