"""What leaves the vault: inventories and signed lists, and never a key."""

from __future__ import annotations

import base64
import csv
import io
import json

import pytest
from joserfc import jws
from ntag424_provisioning.enrolment import ListedTag, Signer, as_csv, as_jsonl
from ntag424_provisioning.model import FACTORY_KEY, Goal, KnownTag, Profile, SlotKey, Stage
from ntag424_service.cli.main import main as service_main
from ntag424_service.errors import ListRefusedError
from ntag424_service.tags.signed_list import Signer as Trusted

from ntag424 import Generation, Key, Keyring, KeyState, KeyVersion, Uid, UrlTemplate
from ntag424.keys import An10922Keys, SdmBackendKeys, SentryHkdfKeys
from ntag424.replay import Enrolment
from tests.provisioning.enrolment.desk import FIRST, TEMPLATE, new_uid

# RFC 8032 section 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#: RFC 8037 appendix A.3: the thumbprint of the same key.
FINGERPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

UID = Uid.from_hex("04DE5F1EACC040")
PROFILE = Profile(UrlTemplate(TEMPLATE))
SECRET = Key.from_hex("5EC12E7C0FFEE5EC12E7C0FFEE5EC12E")
OWN = An10922Keys(Key(bytes(range(16))))
BACKEND = SdmBackendKeys(Key(bytes(range(16, 32))))
SENTRY = SentryHkdfKeys(Key(bytes(range(32, 48))), salt="sentry.red")
KEYRING = Keyring(
    (
        KeyVersion(1, BACKEND, KeyState.ACCEPTING),
        KeyVersion(2, OWN, KeyState.ACTIVE),
        KeyVersion(3, SENTRY, KeyState.RETIRED),
    )
)


def known(uid=UID, *, generation=FIRST, profile=PROFILE, stage=Stage.READY, key=SECRET, **rest):
    goal = None if generation is None else Goal(profile, generation)
    return KnownTag(uid, ((SlotKey(key, 1),),) * 5, stage, goal, **rest)


def listed(*tags):
    return [ListedTag.of(tag, KEYRING) for tag in tags]


def rows(*tags):
    return list(csv.DictReader(io.StringIO(as_csv(listed(*tags)))))


# ---- which life a tag is in -----------------------------------------------------------------


def test_a_tag_of_ours_lives_in_the_generation_that_was_written():
    assert listed(known())[0].generation == FIRST


@pytest.mark.parametrize(("scheme", "ordinal"), [(BACKEND, 1), (SENTRY, 3)])
def test_a_tag_from_elsewhere_lives_under_the_version_that_makes_its_mac_key(scheme, ordinal):
    slots = ((FACTORY_KEY, SlotKey(scheme.tag_key(UID, 2), 0)),) * 5
    tag = KnownTag(UID, slots, Stage.READY)
    assert listed(tag)[0].generation == Generation(ordinal, 0)


def test_a_tag_with_keys_of_nobody_lives_under_none():
    assert listed(known(generation=None))[0].generation is None


@pytest.mark.parametrize(
    "tag",
    [
        KnownTag.blank(UID),
        known(stage=Stage.WRITING),
        known(profile=None, stage=Stage.BLANK, key=Key(bytes(16))),
        known(profile=None, stage=Stage.WRITING),
        known(generation=None),
    ],
    ids=["blank", "being written", "reset", "being reset", "keys of nobody"],
)
def test_what_is_not_ready_to_be_used_is_not_enrolled(tag):
    assert listed(tag)[0].enrolment() is None


@pytest.mark.parametrize("stage", [Stage.WRITTEN, Stage.READY])
def test_what_is_ready_to_be_used_is_enrolled_with_its_counter(stage):
    tag = known(stage=stage, counter=7, label="front door")
    assert listed(tag)[0].enrolment() == Enrolment(UID, FIRST, 7, "front door", TEMPLATE)


# ---- inventories ----------------------------------------------------------------------------


def test_a_csv_inventory_tells_what_everybody_may_know():
    assert rows(known(counter=7, label="front door")) == [
        {
            "uid": "04DE5F1EACC040",
            "key_version": "1",
            "epoch": "1",
            "counter": "7",
            "label": "front door",
            "stage": "ready",
        }
    ]


def test_a_json_inventory_tells_the_same():
    text = as_jsonl(listed(known(counter=7), KnownTag.blank(new_uid())))
    first, second = map(json.loads, text.splitlines())
    assert (first["counter"], first["key_version"]) == (7, 1)
    assert (second["stage"], second["key_version"], second["epoch"]) == ("blank", None, None)


@pytest.mark.parametrize("stage", [Stage.BLANK, Stage.WRITING])
def test_a_tag_whose_life_ended_is_listed_without_one(stage):
    told = rows(known(profile=None, stage=stage))[0]
    assert (told["key_version"], told["epoch"]) == ("", "")


FORMULAS = [
    " =1",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("x")',
]


@pytest.mark.parametrize("label", FORMULAS)
def test_no_label_is_a_formula_in_a_spreadsheet(label):
    told = rows(known(label=label))[0]["label"]
    assert told == "'" + label.replace("\t", " ").replace("\r", " ")


@pytest.mark.parametrize("label", ["a=1", "badge-0137", "", "'quoted'", 'with "quotes", and more'])
def test_other_labels_are_told_as_they_are(label):
    assert rows(known(label=label))[0]["label"] == label


@pytest.mark.parametrize("label", FORMULAS)
def test_json_needs_no_such_care(label):
    assert json.loads(as_jsonl(listed(known(label=label))))["label"] == label


def test_no_inventory_tells_a_key():
    tags = listed(known(), known(new_uid(), generation=None))
    told = f"{as_csv(tags)} {as_jsonl(tags)} {tags!r}".lower()
    assert bytes(SECRET).hex() not in told
    assert base64.b64encode(bytes(SECRET)).decode().lower() not in told


# ---- signed lists ---------------------------------------------------------------------------


def test_the_key_pair_is_that_of_the_standard():
    signer = Signer(SEED)
    assert (signer.public_key, signer.fingerprint) == (PUBLIC_KEY, FINGERPRINT)


def test_no_signer_shows_its_secret():
    signer = Signer(SEED)
    assert SEED.hex() not in f"{signer!r} {signer!s} {vars(signer)!r}".lower()


def test_a_service_that_trusts_the_signer_reads_what_it_signed():
    tags = [Enrolment(new_uid(), FIRST, 5, "front door"), Enrolment(new_uid(), FIRST, 0)]
    signed = Signer(SEED).sign(tags, made_at=1_800_000_000)
    read = Trusted.read(PUBLIC_KEY).verify(signed.encode())
    assert (list(read.tags), read.made_at) == (tags, 1_800_000_000)


def test_a_service_that_trusts_another_signer_reads_nothing():
    signed = Signer(SEED).sign([], made_at=0)
    with pytest.raises(ListRefusedError):
        Trusted.read(Signer(bytes(32)).public_key).verify(signed.encode())


def test_the_header_names_algorithm_type_and_key_and_nothing_else():
    signed = Signer(SEED).sign([], made_at=0)
    assert jws.extract_compact(signed.encode()).headers() == {
        "alg": "Ed25519",
        "typ": "ntag424-enrolment+jws",
        "kid": FINGERPRINT,
    }


def test_the_payload_is_what_the_documents_say():
    tag = Enrolment(UID, FIRST, 5, "door", TEMPLATE)
    signed = Signer(SEED).sign([tag], made_at=1_800_000_000)
    assert json.loads(jws.extract_compact(signed.encode()).payload) == {
        "type": "ntag424 enrolment",
        "version": 2,
        "made_at": 1_800_000_000,
        "tags": [
            {
                "uid": str(UID),
                "key_version": 1,
                "epoch": 1,
                "counter": 5,
                "label": "door",
                "template": TEMPLATE,
            },
        ],
    }


def test_a_signed_list_makes_the_service_accept_taps(desk, tmp_path, monkeypatch):
    uid = new_uid()
    file = tmp_path / "list.jws"
    file.write_text(Signer(SEED).sign([Enrolment(uid, FIRST, 2)], made_at=0))
    for name in ("store", "identity_file"):
        monkeypatch.setenv(f"NTAG424_{name.upper()}", str(getattr(desk.settings, name)))
    arguments = ["ntag424-service", "import", str(file), "--signer", PUBLIC_KEY]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        service_main()
    assert not ended.value.code
    assert desk.tap(uid, FIRST, read_counter=1) == "replayed"
    assert desk.tap(uid, FIRST, read_counter=2) == "accepted"


def test_a_line_break_in_a_label_does_not_begin_another_tag():
    assert rows(known(label="a\n=1\r\n=2\u2028b"))[0]["label"] == "a =1  =2 b"
