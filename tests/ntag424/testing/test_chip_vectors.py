"""The simulated tag answers the commands of AN12196 octet by octet as the chip did."""

from __future__ import annotations

import pytest

from ntag424.testing.simulated_tag import OpenPoints, SimulatedTag
from ntag424.testing.simulated_tag._handshakes import AesCiphers
from ntag424.testing.simulated_tag._secure_messaging import Session
from tests.support import vectors

APPLICATION = bytes.fromhex("00A4040C07D276000085010100")
UID = bytes.fromhex("04958CAA5C5E80")
FACTORY = bytes.fromhex("00E0EE")
FULL_WITH_KEY_0 = bytes.fromhex("0300E0")
TABLE_8 = bytes.fromhex("40EEEE D1FE00 1F0000440000440000200000 6A0000")

BY_ID = {
    vector.id: vector
    for vector in vectors(
        "chip", "secure_messaging", "auth_ev2_first", "auth_ev2_non_first", "change_key", "apdu"
    )
}
#: What the tag must be like for each table that stands alone: file 02, key number.
ALONE = {
    "an12196-t8": (TABLE_8, 0),
    "an12196-t9": (FULL_WITH_KEY_0, 0),
    "an12196-t18": (FULL_WITH_KEY_0, 0),
    "an12196-t19": (FULL_WITH_KEY_0, 0),
    "an12196-t22": (FACTORY, 3),
    "an12196-t26": (FACTORY, 0),
    "an12196-t28": (FACTORY, 0),
    "an12196-t29": (FACTORY, 4),
}


def make_tag(settings, **options):
    tag = SimulatedTag(
        uid=UID, keys=[bytes(16)] * 5, ndef_file=b"", file_settings=settings, **options
    )
    assert tag.exchange(APPLICATION) == b"\x90\x00"
    return tag


def in_session(vector):
    """Give a tag that is in the session in which the vector's command was sent."""
    settings, key_number = ALONE[vector.id]
    tag = make_tag(settings)
    ciphers = AesCiphers(vector.get("k_ses_enc") or bytes(16), vector["k_ses_mac"])
    tag._card.session = Session(key_number, vector["ti"], ciphers, vector["cmd_ctr"])
    return tag


@pytest.mark.parametrize("name", ALONE)
def test_a_secured_command_is_answered_as_in_the_application_note(name):
    vector = BY_ID[name]
    assert in_session(vector).exchange(vector["capdu"]) == vector["rapdu"]


@pytest.mark.parametrize("name", ["an12196-t14", "an12196-t20"])
def test_a_first_authentication_is_answered_as_in_the_application_note(name):
    vector = BY_ID[name]
    drawn = {16: vector["rnd_b"], 4: vector["ti"]}
    tag = make_tag(FACTORY, random_bytes=drawn.__getitem__)
    answers = [tag.exchange(vector["capdu1"]), tag.exchange(vector["capdu2"])]
    assert answers == [vector["rapdu1"], vector["rapdu2"]]


def test_one_session_goes_on_as_in_tables_14_to_19():
    first, write, change = (BY_ID[f"an12196-t{number}"] for number in (14, 18, 19))
    drawn = {16: first["rnd_b"], 4: first["ti"]}
    tag = make_tag(FULL_WITH_KEY_0, random_bytes=drawn.__getitem__)
    tag.exchange(first["capdu1"])
    tag.exchange(first["capdu2"])
    answers = [tag.exchange(each["capdu"]) for each in (write, change)]
    assert answers == [write["rapdu"], change["rapdu"]]


def conversation_of_tables_20_to_27():
    """Give commands and answers, selections included: they count for nothing there."""
    first, select, write, again, plain, other, own = (
        BY_ID[f"an12196-t{number}"] for number in (20, 21, 22, 24, 25, 26, 27)
    )
    ok = b"\x90\x00"
    return [
        (first["capdu1"], first["rapdu1"]),
        (first["capdu2"], first["rapdu2"]),
        (select["capdu"], ok),
        (write["capdu"], write["rapdu"]),
        (APPLICATION, ok),
        (again["capdu1"], again["rapdu1"]),
        (again["capdu2"], again["rapdu2"]),
        (plain["capdu"], b"\x91\x00"),
        (other["capdu"], other["rapdu"]),
        (own["capdu"], b"\x91\x00"),
    ]


def tag_of_tables_20_to_27(*, select_ends_session):
    challenges = iter([BY_ID["an12196-t20"]["rnd_b"], BY_ID["an12196-t24"]["rnd_b"]])
    ti = BY_ID["an12196-t20"]["ti"]
    return make_tag(
        FACTORY,
        random_bytes=lambda count: next(challenges) if count == 16 else ti,
        open_points=OpenPoints(select_ends_session=select_ends_session),
    )


def test_a_whole_personalisation_goes_as_in_tables_20_to_27():
    tag = tag_of_tables_20_to_27(select_ends_session=False)
    for command, answer in conversation_of_tables_20_to_27():
        assert tag.exchange(command) == answer


def test_the_new_keys_of_tables_26_and_27_hold():
    tag = tag_of_tables_20_to_27(select_ends_session=False)
    for command, _answer in conversation_of_tables_20_to_27():
        tag.exchange(command)
    keys = [key.value for key in tag._card.memory.keys]
    new = BY_ID["an12196-t27"]["new_key"], BY_ID["an12196-t26"]["new_key"]
    assert keys == [new[0], bytes(16), new[1], bytes(16), bytes(16)]


def test_unless_told_otherwise_a_selection_ends_that_session():
    tag = tag_of_tables_20_to_27(select_ends_session=True)
    answers = [tag.exchange(command) for command, _ in conversation_of_tables_20_to_27()[:4]]
    assert answers[-1] == bytes.fromhex("91AE")


@pytest.mark.parametrize("vector", vectors("chip", "get_version_parse"), ids=lambda each: each.id)
def test_get_version_has_the_form_of_table_13(vector):
    tag = SimulatedTag.blank(vector["uid"], tamper=b"II")
    frames = [tag.exchange(bytes.fromhex(f"90{ins}000000")) for ins in ("60", "AF", "AF")]
    # The software is 01.02, as in tags of today.
    assert (frames[0], frames[1][:3], frames[2][:7], len(frames[2])) == (
        vector["part1"] + b"\x91\xaf",
        vector["part2"][:3],
        vector["uid"],
        len(vector["part3"]) + 2,
    )


@pytest.mark.parametrize(
    "vector", vectors("chip", "file_settings_parse"), ids=lambda each: each.id
)
def test_get_file_settings_gives_what_the_application_note_prints(vector):
    printed = vector["settings"]
    tag = make_tag(printed[1:4] + printed[7:])
    assert tag.exchange(bytes.fromhex("90F50000010200")) == printed + b"\x91\x00"


@pytest.mark.parametrize("vector", vectors("chip", "ecdsa_p224_nohash"), ids=lambda each: each.id)
def test_read_sig_gives_the_signature_of_table_30(vector):
    tag = SimulatedTag.blank(vector["message"], signature=vector["signature"])
    assert tag.exchange(BY_ID["an12196-t30apdu"]["capdu"]) == vector["signature"] + b"\x91\x90"


SELECT_NDEF = bytes.fromhex("00A4000C02E10400")


@pytest.mark.parametrize(
    ("takes_le", "answer"), [(False, "6700"), (True, "9000")], ids=["as tags do", "as printed"]
)
def test_the_le_that_table_17_prints_is_refused_unless_told_otherwise(takes_le, answer):
    tag = make_tag(FACTORY, open_points=OpenPoints(update_takes_le=takes_le))
    tag.exchange(SELECT_NDEF)
    assert tag.exchange(BY_ID["an12196-t17"]["capdu"]) == bytes.fromhex(answer)


def test_without_that_le_the_url_of_table_17_is_on_the_tag_after_it():
    vector = BY_ID["an12196-t17"]
    tag = make_tag(FACTORY)
    for command in (SELECT_NDEF, vector["capdu"][:-1]):
        tag.exchange(command)
    assert tag.tap() == vector["data"]


@pytest.mark.parametrize(
    "vector", vectors("conversations", "conversation"), ids=lambda each: each.id
)
def test_a_conversation_with_a_physical_tag_goes_the_same_way(vector):
    tag = SimulatedTag.blank(UID)
    answers = [
        [command, tag.exchange(bytes.fromhex(command)).hex().upper()]
        for command, _ in vector["exchanges_text"]
    ]
    assert answers == vector["exchanges_text"]
