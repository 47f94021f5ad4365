"""Mistakes of the caller are errors where they are made, and say how it is done right."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from ntag424 import (
    CountedTap,
    Generation,
    Key,
    Keyring,
    KeyVersion,
    TapMacError,
    Uid,
    UrlTemplate,
    Verifier,
    VerifierSet,
)
from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.errors import TagRefusedError, TransportError
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
)
from ntag424.model import EncryptedFileData, EncryptedMirror, PlainMirror, TamperStatus
from ntag424.model.files import AccessRights, FileSettings, ReadCounter, SdmBlock, SecuredRead
from ntag424.model.version import TagVersion
from ntag424.readers import NfcpyReader, PcscReader
from ntag424.replay import Enrolment, Grant, SqliteLedger, SqliteStore, Witness, store_at
from ntag424.sdm import TapMessage

HEX = "00112233445566778899AABBCCDDEEFF"
KEY, UID = Key.from_hex(HEX), Uid.from_hex("04DE5F1EACC040")
SCHEME = An10922Keys(KEY)
TEMPLATE = UrlTemplate("https://id.example.com/?p={picc}&m={mac}")
RING, MAC = Keyring.single(SCHEME), bytes(8)
STORE = "0" * 32

# What somebody writes, and words of the sentence that says how it is done.
MISTAKES = [
    (lambda: Key(HEX), "Key.from_hex"),
    (lambda: Key.from_hex(bytes(16)), "Key(...)"),
    (lambda: Uid("04DE5F1EACC040"), "Uid.from_hex"),
    (lambda: Uid(7), "Uid.from_hex"),
    (lambda: Uid.from_hex(bytes(7)), "Uid(...)"),
    (lambda: Generation("1"), "key_version"),
    (lambda: Generation(1, epoch="0"), "epoch"),
    (lambda: Generation(True), "key_version"),
    (lambda: Generation.from_bytes("0101"), "bytes.fromhex"),
    (lambda: TamperStatus.from_bytes("CC"), "a tamper status"),
    (lambda: TagVersion.from_bytes("04"), "a version"),
    (lambda: An10922Keys(HEX), "Key.from_hex"),
    (lambda: An10922Keys(bytes(16)), "Key(...)"),
    (lambda: An10922Keys(KEY, system_id="shop"), "system_id"),
    (lambda: HkdfKeys(HEX), "Key.from_hex"),
    (lambda: HkdfKeys(KEY, salt="pepper"), "salt"),
    (lambda: BoltcardKeys(HEX), "issuer_key"),
    (lambda: BoltcardKeys(KEY, "1"), "version"),
    (lambda: SdmBackendKeys(HEX), "Key.from_hex"),
    (lambda: SdmBackendLegacyKeys(HEX), "Key.from_hex"),
    (lambda: SentryHkdfKeys(HEX, salt="sentry.red"), "Key.from_hex"),
    (lambda: SentryHkdfKeys(KEY, salt=b"sentry.red"), "salt"),
    (lambda: SentryHkdfKeys(KEY, salt="", info=b"x"), "info"),
    (lambda: SentryEv2Keys(KEY, "1"), "key_version"),
    (lambda: StaticKeys(file_read=HEX), "file_read"),
    (lambda: StaticKeys(file_read=KEY, meta_read=HEX), "meta_read"),
    (lambda: SCHEME.tag_key("04DE5F1EACC040", 2), "Uid.from_hex"),
    (lambda: KeyVersion("1", SCHEME), "ordinal"),
    (lambda: KeyVersion(1, KEY), "An10922Keys"),
    (lambda: KeyVersion(1, An10922Keys), "An10922Keys"),
    (lambda: KeyVersion(1, SCHEME, "active"), "KeyState"),
    (lambda: Keyring(SCHEME), "Keyring.single"),
    (lambda: Keyring([SCHEME]), "KeyVersion"),
    (lambda: Keyring(KeyVersion(1, SCHEME)), "KeyVersion"),
    (lambda: Keyring.single(KEY), "An10922Keys"),
    (lambda: TapMessage(mac=MAC.hex(), uid=UID), "mac"),
    (lambda: TapMessage(mac=MAC, uid=str(UID)), "uid"),
    (lambda: TapMessage(mac=MAC, uid=UID, mac_input="m="), "mac_input"),
    (lambda: TapMessage(mac=MAC, uid=UID, read_counter="00003D"), "read_counter"),
    (lambda: TapMessage(mac=MAC, uid=UID, read_counter=True), "read_counter"),
    (lambda: TapMessage(mac=MAC, uid=UID, read_counter=7.0), "read_counter"),
    (lambda: TapMessage(mac=MAC, picc_data=HEX), "picc_data"),
    (lambda: TapMessage(mac=MAC, picc_data=bytes(16), mode="AES"), "Mode.AES"),
    (lambda: TapMessage(mac=MAC, uid=UID, mode="lrp"), "Mode.LRP"),
    (lambda: TapMessage(mac=MAC, uid=UID, tamper="CC"), "TamperStatus"),
    (lambda: TapMessage(mac=MAC, picc_data=bytes(16), encrypted_file_data=HEX), "encrypted"),
    (lambda: CountedTap("04DE5F1EACC040", Generation(), 1), "Uid"),
    (lambda: CountedTap(UID, 1, 1), "Generation"),
    (lambda: CountedTap(UID, Generation(), "1"), "counter"),
    (lambda: UrlTemplate(b"https://id.example.com/?p={picc}&m={mac}"), "a template"),
    (lambda: TEMPLATE.parse(b"https://id.example.com/"), "a URL"),
    (lambda: TEMPLATE.layout(1), "Generation"),
    (lambda: TEMPLATE.layout(mode="AES"), "Mode.AES"),
    (lambda: Verifier(TEMPLATE.text, RING), "UrlTemplate"),
    (lambda: Verifier(TEMPLATE, SCHEME), "Keyring.single"),
    (lambda: Verifier(TEMPLATE, RING, mode="AES"), "Mode.AES"),
    (lambda: VerifierSet(Verifier(TEMPLATE, RING)), "VerifierSet([Verifier"),
    (lambda: VerifierSet([TEMPLATE]), "Verifier"),
    (lambda: PlainMirror("20", None), "uid_offset"),
    (lambda: PlainMirror(20, "40"), "read_counter_offset"),
    (lambda: EncryptedMirror("20"), "picc_data_offset"),
    (lambda: EncryptedFileData(20, "32"), "length"),
    (lambda: SecuredRead("2", 20, 40), "file_read"),
    (lambda: ReadCounter(limit="9"), "limit"),
    (lambda: SdmBlock(20), "PlainMirror"),
    (lambda: AccessRights("E", 0, 0, 0), "a condition"),
    (lambda: AccessRights.from_bytes("00E0"), "bytes.fromhex"),
    (lambda: FileSettings(0, AccessRights(0, 0, 0, 0)), "CommMode"),
    (lambda: FileSettings.from_bytes("00E0EE"), "bytes.fromhex"),
    (lambda: Grant(HEX * 2, 300), "digest"),
    (lambda: Grant(bytes(32), "300"), "lifetime"),
    (lambda: Enrolment(str(UID), Generation(), 0), "Uid.from_hex"),
    (lambda: Enrolment(UID, (1, 0), 0), "Generation"),
    (lambda: Enrolment(UID, Generation(), "0"), "counter"),
    (lambda: SqliteLedger.init("x.db"), 'Path("...")'),
    (lambda: SqliteLedger.migrate("x.db"), 'Path("...")'),
    (lambda: SqliteLedger.open("x.db", store_id=STORE), 'Path("...")'),
    (lambda: SqliteLedger.open(Path("x.db"), store_id=None), "what init returned"),
    (lambda: SqliteStore("x.db"), 'Path("...")'),
    (lambda: SqliteStore.at(Path("x.db")), "sqlite:///"),
    (lambda: store_at(Path("x.db")), "sqlite:///"),
    (lambda: Witness.open("x.witness", STORE), 'Path("...")'),
    (lambda: PcscReader.open(0), "name"),
    (lambda: NfcpyReader.open(None), "path"),
    (lambda: CommandApdu("60"), "ins"),
    (lambda: CommandApdu(0x60, "00"), "bytes.fromhex"),
    (lambda: CommandApdu.from_bytes("9060000000"), "bytes.fromhex"),
    (lambda: ResponseApdu("", 0x9100), "bytes.fromhex"),
    (lambda: ResponseApdu.from_bytes("9100"), "bytes.fromhex"),
]


@pytest.mark.parametrize(("mistake", "fix"), MISTAKES)
def test_a_value_of_another_type_is_refused_with_the_fix(mistake, fix):
    with pytest.raises(TypeError) as refusal:
        mistake()
    assert fix in str(refusal.value)


@pytest.mark.parametrize(
    "mistake",
    [lambda: Key(HEX), lambda: An10922Keys(HEX), lambda: SdmBackendKeys(HEX)],
)
def test_the_sentence_does_not_repeat_a_key(mistake):
    with pytest.raises(TypeError) as refusal:
        mistake()
    assert HEX not in str(refusal.value)


# ---- hints ----------------------------------------------------------------------------------


def shown(error):
    return "".join(traceback.format_exception_only(error))


def test_a_traceback_says_once_what_to_do():
    assert shown(TapMacError()).count(TapMacError.hint) == 1


def test_a_hint_of_the_occasion_stands_for_that_of_the_kind():
    text = shown(TagRefusedError("ChangeKey", 0x919E, advice="Compare the old key."))
    assert text.endswith("\nhint: Compare the old key.\n")


def test_an_error_without_a_hint_has_no_note():
    assert not hasattr(TagRefusedError("ChangeKey", 0x919E), "__notes__")


def test_the_message_is_without_the_hint():
    error = TransportError("contact was lost", outcome_unknown=True)
    assert str(error) == "contact was lost"
