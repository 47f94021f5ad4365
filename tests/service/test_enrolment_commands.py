"""`enrolment-credential` and `import`: credentials are drawn, and signed lists are trusted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import stat
from base64 import urlsafe_b64encode

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from ntag424 import Generation, Uid
from ntag424.replay import Enrolment, EnrolmentList
from tests.service.commanding import CommandLine

UID = Uid.from_hex("04DE5F1EACC040")
OTHER = Uid.from_hex("04A1B2C3D4E5F6")


# ---- enrolment-credential -------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, capfd):
    return CommandLine(monkeypatch, capfd)


@pytest.fixture
def desk(installation):
    """An installation that is about to let tags be enrolled."""
    digest = installation.folder / "credential.sha256"
    return installation.settings | {"NTAG424_ENROLMENT_CREDENTIAL_FILE": str(digest)}


def test_the_service_stores_the_digest_alone(command, desk, installation):
    out = installation.folder / "credential"
    run = command("enrolment-credential", "--out", str(out), settings=desk)
    assert (run.code, run.stderr) == (0, "")
    credential = out.read_text().strip()
    digest = installation.folder / "credential.sha256"
    assert digest.read_text().strip() == hashlib.sha256(credential.encode()).hexdigest()
    assert credential not in run.stdout
    assert len(credential) >= 43  # 32 bytes
    assert {stat.S_IMODE(path.stat().st_mode) for path in (out, digest)} == {0o600}


def test_with_the_digest_the_service_can_be_served(command, desk, installation):
    command("enrolment-credential", "--out", str(installation.folder / "c"), settings=desk)
    run = command("serve", settings=desk)
    assert (run.code, run.served) == (0, True)


@pytest.mark.parametrize("existing", ["credential", "credential.sha256"])
def test_a_credential_overwrites_nothing_and_leaves_nothing_half_made(
    command, desk, installation, existing
):
    (installation.folder / existing).write_text("precious")
    before = sorted(installation.folder.iterdir())
    out = installation.folder / "credential"
    run = command("enrolment-credential", "--out", str(out), settings=desk)
    assert (run.code, sorted(installation.folder.iterdir())) == (2, before)
    assert (installation.folder / existing).read_text() == "precious"


def test_a_credential_that_nobody_would_accept_is_not_left_behind(command, desk, installation):
    before = sorted(installation.folder.iterdir())
    out = desk["NTAG424_ENROLMENT_CREDENTIAL_FILE"]
    run = command("enrolment-credential", "--out", out, settings=desk)
    assert (run.code, sorted(installation.folder.iterdir())) == (2, before)


def test_a_credential_needs_the_setting(command, installation):
    out = installation.folder / "credential"
    run = command("enrolment-credential", "--out", str(out), settings=installation.settings)
    assert (run.code, out.exists()) == (2, False)
    assert run.stderr.startswith("error: NTAG424_ENROLMENT_CREDENTIAL_FILE: ")


@pytest.mark.parametrize("text", ["", "secretword" * 6 + "abcd", "ab" * 31, "ab" * 33, "xy" * 32])
def test_a_file_without_a_digest_is_refused(command, desk, installation, text):
    digest = installation.folder / "credential.sha256"
    digest.write_text(text)
    digest.chmod(0o600)
    run = command("serve", settings=desk)
    assert (run.code, run.served) == (2, False)
    assert run.stderr.startswith("error: NTAG424_ENROLMENT_CREDENTIAL_FILE: ")
    assert not text or text not in run.stderr


def test_a_digest_that_others_may_read_is_refused(command, desk, installation):
    digest = installation.folder / "credential.sha256"
    digest.write_text("ab" * 32)
    digest.chmod(0o644)
    run = command("serve", settings=desk)
    assert (run.code, run.served) == (2, False)


# ---- import ---------------------------------------------------------------------------------

SIGNER = OKPKey.generate_key("Ed25519")
STRANGER = OKPKey.generate_key("Ed25519")
TAGS = (
    Enrolment(UID, Generation(1, 1), 5, "front door"),
    Enrolment(OTHER, Generation(1, 2), 0, "back door"),
)


def public_hex(key):
    return key.public_key.public_bytes_raw().hex()


def header(key=SIGNER, **changes):
    members = {"alg": "Ed25519", "typ": "ntag424-enrolment+jws", "kid": key.thumbprint()}
    return {name: value for name, value in (members | changes).items() if value is not None}


def signed(tags=TAGS, key=SIGNER, payload=None, **changes):
    payload = bytes(EnrolmentList(1_800_000_000, tuple(tags))) if payload is None else payload
    return jws.serialize_compact(header(key, **changes), payload, key, algorithms=["Ed25519"])


@pytest.fixture
def take(command, installation, tmp_path):
    """Import a list as the operator does."""

    def take(text, *options, signer=None):
        file = tmp_path / "list.jws"
        file.write_text(text + "\n")
        signer = signer or public_hex(SIGNER)
        arguments = ("import", str(file), "--signer", signer, *options)
        return command(*arguments, settings=take.settings)

    take.settings = installation.settings
    return take


def known(installation, uid):
    async def find():
        async with installation.ledger() as ledger:
            return await ledger.find(uid)

    return asyncio.run(find())


def test_the_tags_of_a_signed_list_are_enrolled(take, installation):
    run = take(signed())
    assert (run.code, run.stdout, run.stderr) == (
        0,
        "enrolled 2, already 0, stale 0, not served 0\n",
        "",
    )
    record = known(installation, UID)
    assert (record.generation, record.counter) == (Generation(1, 1), 5)
    assert (known(installation, OTHER)).generation == Generation(1, 2)


def test_a_list_is_imported_again_without_harm(take, installation):
    take(signed())
    run = take(signed())
    assert (run.code, run.stdout) == (0, "enrolled 0, already 2, stale 0, not served 0\n")


def test_a_tag_that_was_tapped_since_is_not_stale(take, installation):
    take(signed([Enrolment(UID, Generation(1, 1), 7)]))
    run = take(signed([Enrolment(UID, Generation(1, 1), 5)]))
    assert (run.code, run.stdout) == (0, "enrolled 0, already 1, stale 0, not served 0\n")


def test_a_tag_that_lives_on_in_a_higher_generation_is_left_alone_and_told(take, installation):
    take(signed([Enrolment(UID, Generation(1, 3), 9)]))
    run = take(signed(), "--json")
    assert run.code == 1
    assert json.loads(run.stdout) == {
        "enrolled": 1,
        "already": 0,
        "stale": [
            {
                "uid": str(UID),
                "key_version": 1,
                "epoch": 3,
                "counter": 9,
                "state": "active",
                "enrolled": True,
                "behind": False,
            }
        ],
        "not_served": [],
    }
    assert run.stderr == f"stale: {UID} is known with key version 1, epoch 3, counter 9\n"


@pytest.mark.parametrize(
    "tag",
    [
        Enrolment(OTHER, Generation(9, 1), 0),
        Enrolment(OTHER, Generation(1, 1), 0, template="https://elsewhere.example/{picc}{mac}"),
    ],
    ids=["key version", "template"],
)
def test_of_a_list_the_tags_that_could_not_log_in_are_left_out_and_told(take, installation, tag):
    run = take(signed([TAGS[0], tag]), "--json")
    assert run.code == 1
    assert json.loads(run.stdout) == {
        "enrolled": 1,
        "already": 0,
        "stale": [],
        "not_served": [str(OTHER)],
    }
    assert run.stderr.startswith(f"not served: no tap of tag {OTHER} could log in here: ")
    assert known(installation, OTHER) is None


def test_a_list_of_the_release_before_names_no_templates_and_is_taken(take):
    members = json.loads(bytes(EnrolmentList(0, TAGS)))
    for tag in members["tags"]:
        del tag["template"]
    run = take(signed(payload=json.dumps(members | {"version": 1}).encode()))
    assert run.stdout == "enrolled 2, already 0, stale 0, not served 0\n"


def test_a_list_is_imported_where_nothing_says_what_is_served(take, installation):
    for name in ("NTAG424_TEMPLATE", "NTAG424_KEYRING_FILE"):
        take.settings.pop(name)
    assert take(signed([Enrolment(OTHER, Generation(9, 1), 0)])).code == 0


def test_a_tag_that_could_not_log_in_is_not_enrolled_by_hand(command, installation):
    run = command("enrol", str(UID), "--key-version", "9", settings=installation.settings)
    assert (run.code, run.stdout) == (1, "")
    assert "serves" in run.stderr
    assert known(installation, UID) is None


def test_a_long_list_is_imported_as_a_whole(take, installation):
    tags = [
        Enrolment(Uid(n.to_bytes(7, "big")), Generation(1, 1), 0, "x" * 99) for n in range(2000)
    ]
    run = take(signed(tags))
    assert run.stdout == "enrolled 2000, already 0, stale 0, not served 0\n"


def test_the_signer_may_be_in_a_file(take, tmp_path):
    file = tmp_path / "signer"
    file.write_text(public_hex(SIGNER).upper() + "\n")
    run = take(signed(), signer=str(file))
    assert run.code == 0


def without_signature(text):
    return text.rpartition(".")[0] + "."


def with_another_payload(text):
    head, _, signature = text.split(".")
    payload = bytes(EnrolmentList(1_800_000_000, (Enrolment(UID, Generation(9, 9), 0),)))
    return ".".join((head, urlsafe_b64encode(payload).rstrip(b"=").decode(), signature))


def unsecured(payload):
    head = urlsafe_b64encode(json.dumps(header(alg="none")).encode()).rstrip(b"=").decode()
    return f"{head}.{urlsafe_b64encode(payload).rstrip(b'=').decode()}."


def macced(secret):
    """Sign with the public key, which everybody may know, as if it were a shared secret."""
    key = OctKey.import_key(secret)
    payload = bytes(EnrolmentList(1_800_000_000, TAGS))
    return jws.serialize_compact(header(alg="HS256"), payload, key, algorithms=["HS256"])


PUBLIC = SIGNER.public_key.public_bytes_raw()
GOOD = signed()
FORGED = {
    "another signer": signed(key=STRANGER),
    "another signer under this one's name": signed(key=STRANGER, kid=SIGNER.thumbprint()),
    "another payload": with_another_payload(GOOD),
    "a signature cut off": without_signature(GOOD),
    "no signature wanted": unsecured(bytes(EnrolmentList(1_800_000_000, TAGS))),
    "the public key as a MAC key": macced(PUBLIC),
    "the public key in hex as a MAC key": macced(PUBLIC.hex()),
    "one character more": GOOD + "A",
    "not signed at all": bytes(EnrolmentList(1_800_000_000, TAGS)).decode(),
    "nothing": "",
    "signed, but no list": signed(typ="JWT"),
    "signed without type": signed(typ=None),
    "signed without key id": signed(kid=None),
    "signed, with a critical header": signed(crit=["kid"]),
    "signed, with a key of its own": signed(jwk=STRANGER.as_dict()),
    "signed with an unknown header": f"{'a' * 20}.{GOOD.partition('.')[2]}",
    "signed nonsense": signed(payload=b"nonsense"),
    "signed, of a later version": signed(
        payload=bytes(EnrolmentList(0, TAGS)).replace(b'"version":2', b'"version":3')
    ),
    "signed, one tag twice": signed(
        payload=bytes(EnrolmentList(0, TAGS)).replace(str(OTHER).encode(), str(UID).encode())
    ),
    "signed, a counter true": signed(
        payload=bytes(EnrolmentList(0, TAGS)).replace(b'"counter":5', b'"counter":true')
    ),
    "signed, a member more": signed(
        payload=bytes(EnrolmentList(0, TAGS)).replace(b'"counter":5', b'"counter":5,"k0":""')
    ),
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_what_must_not_be_trusted_enrols_nobody(take, installation, text):
    run = take(text)
    assert (run.code, run.stdout) == (1, "")
    assert re.fullmatch(r"error: .*\nhint: .*\n", run.stderr)
    assert known(installation, UID) is None


@pytest.mark.parametrize("signer", ["", "ab" * 31, "/nowhere/signer", "."])
def test_a_signer_must_be_a_public_key_or_a_file_with_one(take, installation, signer):
    run = take(GOOD, signer=signer or "''")
    assert run.code == 1
    assert run.stderr.startswith("error: ")
    assert known(installation, UID) is None


def test_a_list_that_is_not_there_is_told(command, installation):
    arguments = ("import", "/nowhere/list", "--signer", public_hex(SIGNER))
    run = command(*arguments, settings=installation.settings)
    assert (run.code, run.stderr.startswith("error: /nowhere/list cannot be read")) == (1, True)
