"""sdm-backend and SENTRY: UIDs from a file, keys from a master key in the vault."""

from __future__ import annotations

import hmac
import json

import pytest
from ntag424_provisioning.engine.jobs import Origin as Chips
from ntag424_provisioning.engine.jobs import provision
from ntag424_provisioning.enrolment import ListedTag
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.imports import (
    Origin,
    RowError,
    SentryDigests,
    SourceOptions,
    open_source,
    plan_import,
    read_rows,
)
from ntag424_provisioning.model import FACTORY_KEY, SlotKey, Stage

from ntag424 import Generation, Key, Keyring, KeyState, KeyVersion
from ntag424.keys import SdmBackendLegacyKeys, SentryEv2Keys
from ntag424.replay import Enrolment
from tests.provisioning.engine.benches import PROFILE, MemoryJournal, Workshop
from tests.provisioning.imports.foreign import (
    BACKEND,
    KEYRING,
    OLD_SENTRY,
    OTHER,
    OWN,
    SENTRY,
    UID,
    WRITING,
    as_csv,
    backend_tag,
)

ACCOUNT_KEY = bytes(range(100, 132))


def plan(text, origin, **options):
    source = open_source(origin, SourceOptions(**options), KEYRING)
    return plan_import(read_rows(text.encode()), source, MemoryJournal())


def the_tags(text, origin, **options):
    found = plan(text, origin, **options)
    assert found.bad == ()
    return found.new


# ---- sdm-backend, legacy ----------------------------------------------------------------------


def test_a_tag_of_a_sdm_backend_in_legacy_mode_comes_with_its_keys():
    scheme = SdmBackendLegacyKeys(Key(bytes(range(16))))
    source = open_source(Origin.SDM_BACKEND, SourceOptions(), Keyring.single(scheme))
    (tag,) = plan_import(read_rows(f"{UID}\n".encode()), source, MemoryJournal()).new
    assert SlotKey(scheme.tag_key(UID, 2), 0) in tag.slots[2]


def test_of_two_modes_of_a_sdm_backend_somebody_says_which():
    keyring = Keyring(
        (
            KeyVersion(1, BACKEND),
            KeyVersion(2, SdmBackendLegacyKeys(Key(bytes(range(16)))), KeyState.ACCEPTING),
        )
    )
    with pytest.raises(SetupError, match="several key versions of sdm-backend: 1, 2"):
        open_source(Origin.SDM_BACKEND, SourceOptions(), keyring)


def test_a_key_version_of_sentry_over_255_is_looked_for_by_its_lowest_byte():
    scheme = SentryEv2Keys(Key(bytes(range(16))), 0x107)
    source = open_source(Origin.SENTRY, SourceOptions(), Keyring.single(scheme))
    (tag,) = plan_import(read_rows(f"{UID}\n".encode()), source, MemoryJournal()).new
    assert SlotKey(scheme.tag_key(UID, 2), 7) in tag.slots[2]


# ---- sdm-backend ----------------------------------------------------------------------------


def test_a_list_of_uids_is_all_that_a_sdm_backend_has():
    tags = the_tags(f"{UID}\n{OTHER}\n", Origin.SDM_BACKEND)
    assert [(tag.uid, tag.stage, tag.goal, tag.counter) for tag in tags] == [
        (UID, Stage.READY, None, 0),
        (OTHER, Stage.READY, None, 0),
    ]


def test_the_keys_of_every_slot_are_those_of_the_scheme():
    (tag,) = the_tags(f"{UID}\n", Origin.SDM_BACKEND)
    keys = [BACKEND.tag_key(UID, number) for number in range(5)]
    keys[1] = BACKEND.meta_read_key()
    assert [slot[-1] for slot in tag.slots] == [SlotKey(key, 0) for key in keys]


def test_slots_that_are_not_used_for_taps_may_be_as_delivered():
    (tag,) = the_tags(f"{UID}\n", Origin.SDM_BACKEND)
    assert all(FACTORY_KEY in slot for slot in tag.slots)


def test_answers_of_its_api_carry_counters():
    line = json.dumps({"encryption_mode": "AES", "uid": str(UID), "read_ctr": 61})
    (tag,) = the_tags(line, Origin.SDM_BACKEND)
    assert tag.counter == 61


def test_who_has_looked_at_a_tag_may_say_its_version_byte():
    (tag,) = the_tags(f"{UID}\n", Origin.SDM_BACKEND, version_byte=9)
    assert {key.version for slot in tag.slots for key in slot} == {0, 9}


def test_an_imported_tag_is_moved_to_our_keys():
    workshop = Workshop(backend_tag(), WRITING)
    (tag,) = the_tags(f"{UID}\n", Origin.SDM_BACKEND)
    workshop.journal.put(tag)
    result = provision(workshop.bench(), PROFILE, origin=Chips.ANY)
    assert workshop.tap().generation == result.generation
    assert result.generation.key_version == 5


# ---- SENTRY ---------------------------------------------------------------------------------


def test_sentrys_counters_become_used_up_under_its_key_version():
    text = as_csv({"uid": str(UID), "last_ctr": 61})
    (tag,) = the_tags(text, Origin.SENTRY, key_version=2)
    assert [slot[-1].key for slot in tag.slots] == [SENTRY.tag_key(UID, 2)] * 5
    listed = ListedTag.of(tag, KEYRING)
    assert listed.enrolment() == Enrolment(UID, Generation(2, 0), 61)


def test_the_key_version_of_ev2_is_a_likely_version_byte():
    (tag,) = the_tags(f"{UID}\n", Origin.SENTRY, key_version=3)
    assert [slot[-1] for slot in tag.slots] == [SlotKey(OLD_SENTRY.tag_key(UID, 2), 7)] * 5


def test_the_table_of_the_first_release_had_uids_for_names():
    text = as_csv({"uid_hash": str(UID), "last_ctr": 3, "wrapped_mk_json": ""})
    (tag,) = the_tags(text, Origin.SENTRY, key_version=2)
    assert (tag.uid, tag.counter) == (UID, 3)


def sentry_digest(uid):
    return hmac.new(ACCOUNT_KEY, uid.hex().upper().encode(), "sha256").hexdigest().upper()


@pytest.fixture
def files(tmp_path):
    uids, key = tmp_path / "uids.txt", tmp_path / "account.key"
    uids.write_text(f"{OTHER}\n{UID}\n")
    key.write_text(ACCOUNT_KEY.hex())
    key.chmod(0o600)
    return {"uids": uids, "account_key_file": key}


def accounts(*uids):
    """Give what `wrangler d1 execute --json` prints of the table `accounts`."""
    results = [
        {"account_digest": "AA" * 32, "uid_digest": sentry_digest(uid), "last_ctr": 61}
        for uid in uids
    ]
    return json.dumps([{"results": results, "success": True, "meta": {}}])


def test_digests_are_matched_with_the_uids_that_were_written(files):
    (tag,) = the_tags(accounts(UID), Origin.SENTRY, key_version=2, **files)
    assert (tag.uid, tag.counter) == (UID, 61)


def test_a_digest_of_an_unknown_uid_is_a_bad_row(files):
    files["uids"].write_text(f"{OTHER}\n")
    found = plan(accounts(UID, OTHER), Origin.SENTRY, key_version=2, **files)
    assert [tag.uid for tag in found.new] == [OTHER]
    assert [bad.place for bad in found.bad] == ["entry 1"]


def test_a_digest_alone_says_what_is_missing():
    (bad,) = plan(accounts(UID), Origin.SENTRY, key_version=2).bad
    assert "--uids and --account-key-file" in bad.reason


@pytest.mark.parametrize("missing", ["uids", "account_key_file"])
def test_uids_and_account_key_go_together(files, missing):
    del files[missing]
    with pytest.raises(SetupError, match="go together"):
        plan(accounts(UID), Origin.SENTRY, key_version=2, **files)


@pytest.mark.parametrize("text", ["", "00" * 31, "xy" * 32])
def test_an_account_key_that_is_none_is_refused_without_its_content(files, text):
    files["account_key_file"].write_text(text)
    with pytest.raises(SetupError, match="account key file") as refused:
        plan(accounts(UID), Origin.SENTRY, key_version=2, **files)
    assert not text or text not in f"{refused.value}{refused.value.hint}"


def test_a_list_with_something_else_in_it_is_refused(files):
    files["uids"].write_text(f"{UID}\n04\n")
    with pytest.raises(SetupError, match="no list of UIDs"):
        plan(accounts(UID), Origin.SENTRY, key_version=2, **files)


def test_an_account_key_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        SentryDigests(bytes(16), [UID])


def test_what_is_no_digest_is_that_of_no_uid():
    with pytest.raises(RowError):
        SentryDigests(ACCOUNT_KEY, [UID]).uid("")


# ---- which master key -----------------------------------------------------------------------


def test_the_only_key_version_of_a_system_need_not_be_named():
    assert open_source(Origin.SDM_BACKEND, SourceOptions(), KEYRING).version.ordinal == 1


def test_of_several_key_versions_one_must_be_named():
    with pytest.raises(SetupError, match="several key versions of sentry: 2, 3") as refused:
        open_source(Origin.SENTRY, SourceOptions(), KEYRING)
    assert "--key-version" in refused.value.hint


@pytest.mark.parametrize("ordinal", [1, 5, 9])
def test_the_key_version_of_another_system_is_none(ordinal):
    with pytest.raises(SetupError, match="no such key version of sentry"):
        open_source(Origin.SENTRY, SourceOptions(key_version=ordinal), KEYRING)


def test_without_the_master_key_nothing_is_derived():
    with pytest.raises(SetupError, match="no such key version of sdm-backend"):
        open_source(Origin.SDM_BACKEND, SourceOptions(), Keyring.single(OWN))


@pytest.mark.parametrize(
    ("origin", "options"),
    [
        (Origin.BOLTCARD, {"key_version": 1}),
        (Origin.BOLTCARD, {"version_byte": 0}),
        (Origin.SDM_BACKEND, {"decrypt_key_file": "x"}),
        (Origin.SDM_BACKEND, {"uids": "x"}),
        (Origin.SENTRY, {"decrypt_key_file": "x"}),
    ],
)
def test_an_option_of_another_system_is_refused(origin, options):
    with pytest.raises(SetupError, match=f"says nothing of {origin}"):
        open_source(origin, SourceOptions(**options), KEYRING)
