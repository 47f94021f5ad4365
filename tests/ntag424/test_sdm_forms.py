"""Every form of message verifies as what it is: AES or LRP, with or without UID and counter."""

from __future__ import annotations

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424 import (
    Generation,
    Key,
    Keyring,
    MalformedTapError,
    Mode,
    TamperStatus,
    TapMacError,
    Uid,
    UncountedTapError,
    UrlTemplate,
    VerifiedTap,
    Verifier,
)
from ntag424.keys import An10922Keys, SdmBackendKeys, StaticKeys
from ntag424.model import PiccDataTag
from ntag424.sdm import TapMessage, verify
from ntag424.testing import tap_source
from tests.support import vectors

UID = Uid.from_hex("04DE5F1EACC040")
STATIC = StaticKeys(file_read=Key(b"F" * 16), meta_read=Key(b"M" * 16))
MAC = bytes(8)
both_modes = pytest.mark.parametrize("mode", list(Mode))


# ---- known answers --------------------------------------------------------------------------


def message_of(vector, mac_input):
    return TapMessage(
        picc_data=vector["picc_enc_data"],
        encrypted_file_data=vector.get("enc_file_data"),
        mac_input=mac_input,
        mac=vector["sdmmac"],
    )


def keys_of(vector):
    return StaticKeys(
        file_read=Key(vector["sdm_file_read_key"]), meta_read=Key(vector["sdm_meta_read_key"])
    )


def published(vector, mode):
    uid, counter, file_data = Uid(vector["uid"]), vector["read_counter"], vector.get("file_data")
    return VerifiedTap(uid, counter, Generation(), mode, file_data)


@pytest.mark.parametrize("vector", vectors("sdm", "sdm_message_file"), ids=lambda v: v.id)
def test_a_published_message_in_aes_mode_verifies(vector):
    tap = verify(message_of(vector, vector["mac_input"]), keys_of(vector))
    assert tap == published(vector, Mode.AES)


@pytest.mark.parametrize("vector", vectors("lrp", "sdm_message_lrp"), ids=lambda v: v.id)
def test_a_published_message_in_lrp_mode_verifies(vector):
    tap = verify(message_of(vector, vector["mac_input"]), keys_of(vector))
    assert tap == published(vector, Mode.LRP)


@pytest.mark.parametrize("vector", vectors("sdm", "sdm_message_sdm_backend"), ids=lambda v: v.id)
def test_a_published_message_of_sdm_backend_verifies_under_its_scheme(vector):
    mac_input = vector["enc_file_data"].hex().upper().encode()
    tap = verify(message_of(vector, mac_input), SdmBackendKeys(vector["master"]))
    assert tap == published(vector, Mode.AES)


def test_a_published_plain_message_verifies():
    [vector] = vectors("sdm", "sdm_message_plain")
    keys = StaticKeys(file_read=Key(vector["sdm_file_read_key"]))
    message = TapMessage(
        uid=vector["uid"], read_counter=vector["read_counter"], mac=vector["sdmmac"]
    )
    assert verify(message, keys).read_counter == 6


FILE_VECTORS = [v for v in vectors("sdm", "sdm_message_aes") if "file_data" in v]


@pytest.mark.parametrize("vector", [v for v in FILE_VECTORS if "sdmmac" in v], ids=lambda v: v.id)
def test_published_file_data_is_decrypted(vector):
    tap = verify(message_of(vector, vector["mac_input"]), keys_of(vector))
    assert tap.file_data == vector["file_data"]


# ---- what is told ---------------------------------------------------------------------------


def tapped(form, *, mode=Mode.AES, scheme=STATIC, file_data=None, tamper=None):
    """Tap a tag of the template `https://a/` + *form* and verify what it shows."""
    template = UrlTemplate("https://a/" + form)
    source = tap_source(template, scheme, UID, mode=mode, file_data=file_data, tamper=tamper)
    return Verifier(template, Keyring.single(scheme), mode=mode).verify(source.tap())


@both_modes
@pytest.mark.parametrize("form", ["{uid}{mac}", "{picc:uid}{mac}"])
def test_a_tap_without_counter_has_none(form, mode):
    tap = tapped(form, mode=mode)
    assert (tap.uid, tap.read_counter) == (UID, None)


@both_modes
@pytest.mark.parametrize("form", ["{ctr}{mac}", "{picc:ctr}{mac}"])
def test_a_tap_without_uid_has_none(form, mode):
    tap = tapped(form, mode=mode)
    assert (tap.uid, tap.read_counter) == (None, 1)


@both_modes
@pytest.mark.parametrize(
    "form", ["{uid}{mac}", "{picc:uid}{mac}", "{ctr}{mac}", "{picc:ctr}{mac}"]
)
def test_a_tap_without_uid_or_counter_cannot_be_redeemed(form, mode):
    with pytest.raises(UncountedTapError, match="both UID and read counter"):
        tapped(form, mode=mode).counted()


@both_modes
def test_a_tap_says_its_mode(mode):
    assert tapped("{picc}{mac}", mode=mode).mode is mode


@both_modes
def test_file_data_of_several_blocks_is_decrypted(mode):
    content = bytes(range(48))
    tap = tapped("{picc}{mac-input}{file:48}{mac}", mode=mode, file_data=content)
    assert tap.file_data == content


@both_modes
def test_the_tamper_status_in_the_clear_is_told(mode):
    tap = tapped("{picc}{mac-input}{tt}{mac}", mode=mode, tamper=TamperStatus.RECLOSED)
    assert tap.tamper is TamperStatus.RECLOSED


@both_modes
def test_the_tamper_status_inside_the_file_data_is_told(mode):
    tap = tapped("{picc}{mac-input}{file:16+tt@14}{mac}", mode=mode, tamper=TamperStatus.OPEN)
    assert tap.tamper is TamperStatus.OPEN


def test_file_data_that_holds_no_tamper_status_where_one_is_due_is_refused():
    written = UrlTemplate("https://a/{picc}{mac-input}{file:16}{mac}")
    read = UrlTemplate("https://a/{picc}{mac-input}{file:16+tt@0}{mac}")
    url = tap_source(written, STATIC, UID).tap()
    with pytest.raises(MalformedTapError, match="no tamper status"):
        Verifier(read, Keyring.single(STATIC)).verify(url)


def test_a_tap_without_tamper_status_says_nothing_of_it():
    assert tapped("{picc}{mac}").tamper is None


def test_the_content_of_a_file_does_not_show_in_the_repr_of_its_tap():
    tap = tapped("{picc}{mac-input}{file:16}{mac}", file_data=b"name of a person")
    assert "name of" not in repr(tap)


# ---- what the MAC does not cover ------------------------------------------------------------


def covered(mac_input, **parts):
    """Make a message of a tag whose MAC window is *mac_input*, whatever the parts say."""

    def cmac(key, message):
        return CMAC.new(key, message, ciphermod=AES).digest()

    vector = bytes.fromhex("3CC300010080") + UID + b"\1\0\0"
    mac = cmac(cmac(bytes(STATIC.file_read), vector), mac_input)[1::2]
    return TapMessage(uid=UID, read_counter=1, mac_input=mac_input, mac=mac, **parts)


def test_file_data_that_the_mac_does_not_cover_is_not_told():
    assert verify(covered(b"x=", encrypted_file_data=b"E" * 16), STATIC).file_data is None


def test_file_data_that_the_mac_covers_in_part_is_not_told():
    shown = (b"E" * 16).hex().upper().encode()
    message = covered(shown[1:], encrypted_file_data=b"E" * 16)
    assert verify(message, STATIC).file_data is None


def test_a_tamper_status_that_the_mac_does_not_cover_is_not_told():
    assert verify(covered(b"t=", tamper=TamperStatus.CLOSED), STATIC).tamper is None


def test_a_tamper_status_that_the_mac_covers_is_told():
    message = covered(b"t=CC", tamper=TamperStatus.CLOSED)
    assert verify(message, STATIC).tamper is TamperStatus.CLOSED


def test_a_tamper_status_inside_file_data_that_the_mac_does_not_cover_is_not_told():
    message = covered(b"x=", encrypted_file_data=b"E" * 16, tamper_at=0)
    assert verify(message, STATIC).tamper is None


# ---- what must agree ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "due"),
    [("{picc}", "{picc:uid}"), ("{picc:uid}", "{picc}"), ("{picc:ctr}", "{picc}")],
)
def test_picc_data_must_hold_what_the_template_says(written, due):
    url = tap_source(UrlTemplate(f"https://a/{written}{{mac}}"), STATIC, UID).tap()
    verifier = Verifier(UrlTemplate(f"https://a/{due}{{mac}}"), Keyring.single(STATIC))
    with pytest.raises(TapMacError):
        verifier.verify(url)


@pytest.mark.parametrize("tag", list(PiccDataTag))
def test_a_message_that_does_not_say_what_picc_data_holds_may_hold_any(tag):
    name = {PiccDataTag.UID: "picc:uid", PiccDataTag.COUNTER: "picc:ctr"}.get(tag, "picc")
    template = UrlTemplate(f"https://a/{{{name}}}{{mac}}")
    parsed = template.parse(tap_source(template, STATIC, UID).tap()).message
    message = TapMessage(picc_data=parsed.picc_data, mac=parsed.mac)
    assert (verify(message, STATIC).uid is None) is (tag is PiccDataTag.COUNTER)


def test_a_tag_in_lrp_mode_is_not_verified_as_aes():
    template = UrlTemplate("https://a/{uid}{ctr}{mac}")
    url = tap_source(template, STATIC, UID, mode=Mode.LRP).tap()
    with pytest.raises(TapMacError):
        Verifier(template, Keyring.single(STATIC)).verify(url)


def test_picc_data_tells_the_mode_whatever_the_verifier_was_told():
    template = UrlTemplate("https://a/{picc}{mac}")
    url = tap_source(template, STATIC, UID, mode=Mode.LRP).tap()
    assert Verifier(template, Keyring.single(STATIC)).verify(url).mode is Mode.LRP


@pytest.mark.parametrize("form", ["{ctr}{mac}", "{picc:ctr}{mac}"])
def test_without_the_uid_keys_of_each_tag_are_refused(form):
    with pytest.raises(ValueError, match="only keys that all tags share"):
        Verifier(UrlTemplate("https://a/" + form), Keyring.single(An10922Keys(Key(b"A" * 16))))


# ---- messages that no chip sends ------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 15, 17, 23, 25, 32, 48])
def test_picc_data_of_another_length_is_malformed(length):
    with pytest.raises(MalformedTapError, match="16 bytes, in LRP mode 24"):
        TapMessage(picc_data=bytes(length), mac=MAC)


@pytest.mark.parametrize(("length", "mode"), [(16, Mode.LRP), (24, Mode.AES)])
def test_picc_data_of_the_other_mode_is_malformed(length, mode):
    with pytest.raises(MalformedTapError, match="16 bytes, in LRP mode 24"):
        TapMessage(picc_data=bytes(length), mac=MAC, mode=mode)


@pytest.mark.parametrize("length", [0, 1, 15, 17, 31])
def test_file_data_of_no_whole_blocks_is_malformed(length):
    with pytest.raises(MalformedTapError, match="multiple of 16"):
        TapMessage(picc_data=bytes(16), mac=MAC, encrypted_file_data=bytes(length))


WRONG_PARTS = {
    "file data beside the UID alone": {"uid": UID, "encrypted_file_data": bytes(16)},
    "file data beside the counter alone": {"read_counter": 1, "encrypted_file_data": bytes(16)},
    "a place of the tamper status without file data": {"uid": UID, "tamper_at": 0},
    "a place of the tamper status behind the file data": {
        "picc_data": bytes(16),
        "encrypted_file_data": bytes(16),
        "tamper_at": 15,
    },
    "a negative place of the tamper status": {
        "picc_data": bytes(16),
        "encrypted_file_data": bytes(16),
        "tamper_at": -1,
    },
    "a tamper status in two places": {
        "picc_data": bytes(16),
        "encrypted_file_data": bytes(16),
        "tamper_at": 0,
        "tamper": TamperStatus.CLOSED,
    },
}


@pytest.mark.parametrize("parts", WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_parts_that_exclude_each_other_are_the_callers_mistake(parts):
    with pytest.raises(ValueError, match=r"."):
        TapMessage(mac=MAC, **parts)


def test_file_data_beside_picc_data_without_a_counter_is_not_told():
    template = UrlTemplate(f"https://a/{{picc:uid}}{{mac-input}}?e={'0' * 32}&m={{mac}}")
    parsed = template.parse(tap_source(template, STATIC, UID).tap()).message
    message = TapMessage(
        picc_data=parsed.picc_data,
        mac=parsed.mac,
        mac_input=parsed.mac_input,
        encrypted_file_data=bytes(16),
    )
    assert verify(message, STATIC).file_data is None
