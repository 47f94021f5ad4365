"""Master keys are written as the service reads them, and read back as what they were."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.vault import MasterKeys, Sheet, keyring_toml, read_keys
from ntag424_provisioning.vault._master_keys import check_code, is_code
from ntag424_service.storage.keyring_file import read_keyring

from ntag424 import Key, KeyState
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
)
from tests.provisioning.vault.drawing import MASTERS, versions
from tests.provisioning.vault.furniture import master, stored


@given(MASTERS)
def test_master_keys_are_read_back_from_their_members(keys):
    assert MasterKeys.of_members(keys.name, keys.members()) == keys


@given(MASTERS)
def test_master_keys_are_read_back_from_bytes(keys):
    octets = {member.name: value for member, value in keys.octets()}
    assert MasterKeys.of_octets(keys.name, octets) == keys


@given(MASTERS, st.integers(1, 255))
def test_the_service_reads_what_is_written_for_it(keys, ordinal):
    text = keyring_toml([stored(ordinal, keys, KeyState.ACTIVE)])
    (version,) = read_keyring("NTAG424_KEYRING_FILE", text, allow_zero_keys=False)
    assert (version.ordinal, version.state, version.scheme) == (
        ordinal,
        KeyState.ACTIVE,
        keys.scheme,
    )


def test_the_service_reads_every_state():
    text = keyring_toml(stored(n, master(n), state) for n, state in enumerate(KeyState, start=1))
    found = read_keyring("NTAG424_KEYRING_FILE", text, allow_zero_keys=False)
    assert [version.state for version in found] == list(KeyState)


def test_a_keyring_file_looks_like_the_one_in_the_reference():
    keys = MasterKeys(An10922Keys(Key(bytes(range(16))), system_id=b"\xab"))
    assert tomllib.loads(keyring_toml([stored(2, keys, KeyState.ACTIVE)])) == {
        "version": [
            {
                "ordinal": 2,
                "state": "active",
                "scheme": "an10922",
                "master_key": "000102030405060708090A0B0C0D0E0F",
                "system_id": "AB",
            }
        ]
    }


@given(versions())
def test_a_keyring_file_is_read_back_without_being_a_backup(found):
    read = read_keys("# a remark\n" + keyring_toml(found))
    assert [(v.ordinal, v.state, v.keys, v.is_backed_up) for v in read] == [
        (v.ordinal, v.state, v.keys, False) for v in found
    ]


def test_keys_are_read_from_a_sheet_as_well():
    sheet = Sheet("0" * 32, (stored(1, master(1), KeyState.ACTIVE),))
    assert read_keys(sheet.text(0))[0].keys == read_keys(sheet.qr_text())[0].keys == master(1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ordinal =",
        'ordinal = "1"\nscheme = "hkdf"',
        "ordinal = 1",
        'ordinal = 1\nscheme = "static"\nfile_read = "1111"',
        'ordinal = 1\nscheme = "hkdf"\nmaster_key = "1111"',
        'ordinal = 1\nscheme = "hkdf"\nstate = "1111"',
        'ordinal = 1\nscheme = "hkdf"\nstate = []',
    ],
)
def test_what_is_no_keyring_file_is_refused_and_not_quoted(text):
    with pytest.raises(SetupError) as refused:
        read_keys(f"[[version]]\n{text}")
    assert ("1111" in str(refused.value), refused.value.hint != "") == (False, True)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("static", {"file_read": "00" * 16}),
        ("hkdf", {}),
        ("hkdf", {"master_key": "11" * 15}),
        ("hkdf", {"master_key": "11" * 15 + "1"}),
        ("hkdf", {"master_key": 11}),
        ("hkdf", {"master_key": "11" * 16, "system_id": ""}),
        ("hkdf", {"master_key": "11" * 16, "salt": "1g"}),
        ("sentry-hkdf", {"master_key": "11" * 16}),
        ("sentry-hkdf", {"master_key": "11" * 16, "salt": 5}),
        ("sentry-ev2", {"master_key": "11" * 16, "key_version": 1 << 32}),
        ("boltcard", {"issuer_key": "11" * 16, "version": -1}),
        ("boltcard", {"issuer_key": "11" * 16, "version": "1"}),
        ("sdm-backend", {"master_key": "11" * 15}),
    ],
)
def test_what_is_no_scheme_is_refused_and_not_quoted(name, members):
    with pytest.raises(ValueError, match=r".") as refused:
        MasterKeys.of_members(name, members)
    assert "1111" not in str(refused.value)


@pytest.mark.parametrize("scheme", [An10922Keys(Key(bytes(16))), SdmBackendKeys(bytes(20))])
def test_a_master_key_of_zeros_is_refused(scheme):
    with pytest.raises(ValueError, match="zeros"):
        MasterKeys(scheme)


def test_keys_that_write_no_tags_are_refused():
    with pytest.raises(ValueError, match="five slots"):
        MasterKeys(StaticKeys(file_read=Key(bytes(15) + b"1")))


@given(MASTERS)
def test_keys_are_drawn_again_with_all_else_the_same(keys):
    other = keys.redrawn()
    secret = next(member.name for member, _ in keys.octets())
    assert other.members()[secret] != keys.members()[secret]
    assert {**other.members(), secret: ""} == {**keys.members(), secret: ""}


def test_every_part_of_a_scheme_has_its_share_in_the_fingerprint():
    key, other = Key(b"one" + bytes(13)), Key(b"other" + bytes(11))
    schemes = [
        *(An10922Keys(key, system_id=system_id) for system_id in (b"", b"1")),
        *(HkdfKeys(key, salt=salt) for salt in (b"", b"1")),
        *(SentryHkdfKeys(key, salt=salt, info=info) for salt, info in (("", "1"), ("1", ""))),
        *(SentryEv2Keys(key, version) for version in (None, 0, 1)),
        *(BoltcardKeys(key, version) for version in (0, 1)),
        *(SdmBackendKeys(master) for master in (key, b"one" + bytes(13) + b"1")),
        *(An10922Keys(other), HkdfKeys(other), BoltcardKeys(other), SdmBackendKeys(other)),
    ]
    assert len({MasterKeys(scheme).fingerprint for scheme in schemes}) == len(schemes)


def test_fingerprint_and_check_code_stay_what_they_were():
    assert (master(1).fingerprint, check_code([master(1)])) == ("2DAA9EED32847EB2", "PZCQ-TEPP")


def test_a_check_code_is_of_all_keys_in_any_order():
    codes = {check_code(keys) for keys in ([master(1)], [master(1), master(2)], [master(2)])}
    assert len(codes) == 3
    assert check_code([master(1), master(2)]) == check_code([master(2), master(1)])


@pytest.mark.parametrize(
    "typed", ["W8YQ-01AB", "w8yq 01ab", " w8yqo1ab\n", "W8YQ-OiAB", "w8yq0lab"]
)
def test_a_check_code_is_taken_as_people_type_it(typed):
    assert is_code(typed, "W8YQ-01AB")


@pytest.mark.parametrize("typed", ["", "W8YQ", "W8YQ-01AC", "W8YQ-01ABB", "é"])
def test_another_check_code_is_not_taken(typed):
    assert not is_code(typed, "W8YQ-01AB")
