"""Tags that somebody got wrong: `inspect`, `verify` or `explain` names what it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ntag424_provisioning.cli.unlock import open_vault
from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.jobs import Origin, provision
from ntag424_provisioning.enrolment import Later
from ntag424_provisioning.model import Profile

from ntag424 import Generation, Key, Keyring, Uid, UrlTemplate
from ntag424.commands import ChangeFileSettings, ChangeKey, WriteData
from ntag424.keys import An10922Keys
from ntag424.model import EncryptedMirror, Mode
from ntag424.model.files import FREE, AccessRights
from ntag424.session import Session
from ntag424.testing import SimulatedTag, TapSource
from tests.provisioning.cli.running import run
from tests.provisioning.engine.benches import MemoryJournal, TornLink

UID = Uid.from_hex("04DE5F1EACC040")
URL = "https://id.example.com/t"
TEMPLATE = URL + "#k={kv}{epoch}&p={picc}&m={mac}"
ON_SIM = ("--reader", "sim:alice", "--url", URL)


@pytest.fixture
def tag(furnished):
    """Provision a simulated tag, and give it out to be spoilt."""
    assert run("provision", *ON_SIM, "--any-chip").code == 0
    return Spoiler(furnished)


class Spoiler:
    """Does to the tag what only somebody with its keys can do."""

    def __init__(self, home):
        self._path = home / "sim" / "alice.json"
        self._home = home
        with open_vault(None, home / "key", None) as vault:
            known = vault.find(UID)
        self.keys = [slot[0] for slot in known.slots]
        self.generation = known.generation

    def send(self, *commands):
        tag = SimulatedTag.load(self._path)
        session = Session(tag)
        session.select()
        channel = session.authenticate(0, self.keys[0].key)
        for command in commands:
            channel.send(command)
        tag.save(self._path)

    def change(self, **changes):
        self.send(ChangeFileSettings(2, replace(self.settings, **changes)))

    @property
    def settings(self):
        tag = SimulatedTag.load(self._path)
        session = Session(tag)
        session.select()
        from ntag424.commands import GetFileSettings

        return session.send(GetFileSettings(2)).settings

    def replace_by(self, tag):
        tag.save(self._path)


def found():
    done = run("inspect", *ON_SIM, "--with-vault", "--json")
    (record,) = done.records
    return done.code, {defect["kind"] for defect in record["defects"]} - {"origin"}


def test_a_sound_tag_has_no_defect(tag):
    assert found()[1] == set()


def test_a_default_key_that_was_left(tag):
    old = tag.keys[3]
    tag.send(ChangeKey(3, old.key, Key(bytes(16)), 0))
    assert "default-key" in found()[1]


def test_a_free_write_right(tag):
    tag.change(access=AccessRights(FREE, FREE, 0, 0))
    assert "free-write" in found()[1]


def test_settings_that_everybody_may_change(tag):
    tag.change(access=AccessRights(FREE, 0, 0, FREE))
    assert "free-change" in found()[1]


def test_an_offset_off_by_one(tag):
    block = tag.settings.sdm
    tag.change(sdm=replace(block, mirror=EncryptedMirror(block.mirror.picc_data_offset + 1)))
    assert "offsets" in found()[1]


def test_a_wrong_mac_window(tag):
    block = tag.settings.sdm
    tag.change(sdm=replace(block, secured=replace(block.secured, mac_input_offset=20)))
    assert "offsets" in found()[1]


def test_a_wrong_cc_file(tag):
    tag.send(WriteData(1, 14, b"\xff"))
    assert "capability-container" in found()[1]


def test_a_wrong_key_version_byte(tag):
    slot = tag.keys[4]
    tag.send(ChangeKey(4, slot.key, slot.key, 7))
    assert {"half-done", "key-version"} <= found()[1]


def test_swapped_key_slots(tag):
    block = tag.settings.sdm
    swapped = replace(block, meta_read=2, secured=replace(block.secured, file_read=1))
    tag.change(sdm=swapped)
    assert {"offsets", "foreign"} <= found()[1]


def test_sdm_switched_off(tag):
    tag.change(sdm=None)
    assert "sdm-off" in found()[1]


def test_the_shared_key_with_rights_of_its_own(tag):
    tag.change(access=AccessRights(FREE, 1, 0, 0))
    assert "shared-key-access" in found()[1]


def test_a_key_version_in_the_url_that_is_not_the_tags(tag):
    place = len("https://id.example.com/t#k=") - len("https://") + 7
    tag.send(WriteData(2, place, b"02"))
    assert "url" in found()[1]


def test_the_url_of_another_host(tag):
    tag.send(WriteData(2, 7, b"xx"))
    assert "url" in found()[1]


def test_phones_that_may_not_read(tag):
    tag.change(access=AccessRights(0, 0, 0, 0), sdm=None)
    assert "not-readable" in found()[1]


def test_a_tag_of_another_fleet(tag, tmp_path):
    stranger = SimulatedTag.blank(UID)
    keyring = Keyring.single(An10922Keys(Key(b"another fleet's!")))
    bench = Bench(TornLink(stranger), MemoryJournal(), keyring, Later())
    provision(bench, Profile(UrlTemplate(TEMPLATE)), origin=Origin.ANY)
    tag.replace_by(stranger)
    assert "foreign" in found()[1]


def never_provisioned():
    """Make a tag that has the URL and SDM, and the keys it was delivered with."""
    profile = Profile(UrlTemplate(TEMPLATE))
    image = profile.image(UID, An10922Keys(Key(bytes(16))), Generation(1), Mode.AES)
    return SimulatedTag(
        uid=UID,
        keys=[bytes(16)] * 5,
        ndef_file=image.ndef,
        file_settings=bytes(image.settings[2]),
    )


def test_a_tag_with_sdm_on_and_factory_keys(tag):
    tag.replace_by(never_provisioned())
    assert {"default-key", "factory-mac"} <= found()[1]


def test_explain_does_not_say_verifies_of_a_tag_with_factory_keys(tag):
    url = TapSource(never_provisioned()).tap()
    (record,) = run("explain", url, "--url", URL, "--json").records
    assert (record["verifies"], [one["problem"] for one in record["findings"]]) == (
        False,
        ["factory_keys"],
    )


def test_explain_of_a_tag_with_factory_keys_ends_like_verify(tag):
    url = TapSource(never_provisioned()).tap()
    assert run("explain", url, "--url", URL).code == run("verify", url, "--url", URL).code == 7


def test_explain_says_that_anybody_can_forge_a_tag_with_factory_keys(tag):
    url = TapSource(never_provisioned()).tap()
    told = run("explain", url, "--url", URL).out
    assert "only under the key that NXP delivers, with which anybody can make it" in told


def test_explain_names_the_tag_where_the_url_does_not_fit(tag):
    url = TapSource(never_provisioned()).tap().replace("&m=", "&sig=")
    (record,) = run("explain", url[:-12], "--url", URL, "--json").records
    assert record["identity"] == (
        "Seen: PICCData at 33 of the file opens under the key that NXP delivers (16 zero bytes): "
        "UID 04DE5F1EACC040, read counter 1."
    )


def test_an_earlier_life_of_the_tag_laid_back(tag, furnished):
    before = SimulatedTag.load(furnished / "sim" / "alice.json")
    assert run("provision", *ON_SIM[:3], URL + "/other", "--any-chip", "--change-url").code == 0
    tag.replace_by(before)
    assert "generation" in found()[1]


def test_what_is_wrong_is_told_by_the_exit_code(tag):
    tag.change(access=AccessRights(FREE, FREE, 0, 0))
    assert found()[0] == 5


def test_a_url_with_a_wrong_mac_is_not_genuine(tag):
    url = run("sim", "tap", "alice").out.strip()
    done = run("verify", url[:-4] + "0000", "--url", URL)
    assert (done.code, "does not verify" in done.out) == (7, True)


def test_a_url_in_lower_case_is_explained(tag):
    url = run("sim", "tap", "alice").out.strip()
    done = run("explain", url.lower(), "--url", URL, "--json")
    assert "case" in done.out
