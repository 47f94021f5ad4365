"""Version and epoch of a tag are found from its own URL, whatever that says of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntag424_provisioning.errors import SetupError, WrongKeyError
from ntag424_provisioning.vault import MasterKeys, recover

from ntag424 import Generation, Key, MalformedTapError, Mode, TamperStatus, UrlTemplate
from ntag424.keys import BoltcardKeys, HkdfKeys, SentryEv2Keys
from ntag424.testing import tap_source
from tests.provisioning.vault.furniture import master, stored, uid

VERSIONS = (
    stored(1, master(1)),
    stored(2, MasterKeys(HkdfKeys(Key(b"2" * 16)))),
    stored(7, MasterKeys(BoltcardKeys(Key(b"7" * 16), 3))),
)
ENCRYPTED = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
PLAIN = UrlTemplate("https://id.example.com/t?k={kv}{epoch}&u={uid}&c={ctr}&m={mac}")
SILENT = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")
COVERED = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&{mac-input}k={kv}{epoch}&m={mac}")


def tapped(template, ordinal, epoch, **options):
    scheme = next(version.keys.scheme for version in VERSIONS if version.ordinal == ordinal)
    generation = Generation(ordinal, epoch)
    return tap_source(template, scheme, uid(5), generation=generation, **options).tap()


def found(url, template, versions=VERSIONS):
    tap = recover(url, template, versions)
    return tap.uid, tap.key_version, tap.epoch, tap.read_counter


@pytest.mark.parametrize("template", [ENCRYPTED, PLAIN, COVERED])
@settings(max_examples=settings.default.max_examples // 5)
@given(st.sampled_from([1, 2]), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_any_version_and_epoch_is_found_whatever_the_url_says(
    template, ordinal, epoch, said, also_said
):
    url = tapped(template, ordinal, epoch, read_counter=41)
    edited = re.sub("k=....", f"k={said:02X}{also_said:02X}", url)
    assert found(edited, template) == (uid(5), ordinal, epoch, 42)


@pytest.mark.parametrize("epoch", [0, 1, 128, 255])
def test_an_epoch_is_found_where_the_url_has_none(epoch):
    url = SILENT.render(ENCRYPTED.parse(tapped(ENCRYPTED, 2, epoch)))
    assert found(url, SILENT)[1:3] == (2, epoch)


def test_a_scheme_without_epochs_is_found():
    assert found(tapped(SILENT, 7, 0), SILENT) == (uid(5), 7, 0, 1)


def test_a_version_without_a_key_for_picc_data_is_passed_over():
    ev2 = stored(9, MasterKeys(SentryEv2Keys(Key(b"9" * 16))))
    assert found(tapped(ENCRYPTED, 2, 200), ENCRYPTED, (ev2, *VERSIONS))[1:3] == (2, 200)


@pytest.mark.parametrize("template", [ENCRYPTED, PLAIN])
def test_a_tag_in_lrp_mode_is_found(template):
    url = tapped(template, 2, 3, mode=Mode.LRP)
    assert recover(url, template, VERSIONS[1:2]).mode is Mode.LRP


def test_a_tag_without_a_sound_tamper_status_is_found():
    """A chip without the feature mirrors what stands in its file."""
    text = "https://id.example.com/t?u={uid}&c={ctr}&{mac-input}{file:16}{mac}"
    url = tapped(UrlTemplate(text), 1, 0, file_data=b"no tamper status")
    assert found(url, UrlTemplate(text.replace("16", "16+tt@0")))[1:3] == (1, 0)


def test_a_tag_with_a_tamper_status_is_found():
    template = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&{mac-input}t={tt}&m={mac}")
    assert found(tapped(template, 2, 0, tamper=TamperStatus.OPEN), template)[1:3] == (2, 0)


def test_the_url_of_a_strange_tag_is_found_under_no_key():
    url = tapped(ENCRYPTED, 1, 4)
    with pytest.raises(WrongKeyError, match="no key version"):
        recover(url, ENCRYPTED, VERSIONS[1:])


def test_a_changed_mac_is_found_under_no_key():
    url = tapped(PLAIN, 1, 4)
    with pytest.raises(WrongKeyError):
        recover(url[:-1] + f"{int(url[-1], 16) ^ 1:X}", PLAIN, VERSIONS[:1])


def test_a_url_of_another_template_is_malformed():
    with pytest.raises(MalformedTapError):
        recover(tapped(ENCRYPTED, 1, 4), PLAIN, VERSIONS)


def test_a_template_without_the_uid_leads_to_no_key():
    template = UrlTemplate("https://id.example.com/t?c={ctr}&m={mac}")
    with pytest.raises(SetupError, match="without the UID"):
        recover("https://id.example.com/t?c=000001&m=0000000000000000", template, VERSIONS)
