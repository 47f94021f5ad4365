"""A template keeps the rules, tells the tag where to write, and reads nothing but its own URLs."""

from __future__ import annotations

import ndef
import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424 import (
    Generation,
    MalformedTapError,
    Mode,
    TamperStatus,
    TapMacError,
    UncountedTapError,
    UrlTemplate,
)
from ntag424.keys import StaticKeys
from ntag424.model import (
    EncryptedFileData,
    EncryptedMirror,
    Key,
    PlainMirror,
)
from ntag424.model.files import SdmAccess, SdmBlock
from ntag424.ndef import read_uri, uri_file
from ntag424.sdm import TapMessage, verify
from ntag424.testing import tap_source
from ntag424.url_template import ParsedTap
from tests.support import vectors

UID = bytes.fromhex("04DE5F1EACC040")
KEYS = StaticKeys(file_read=Key(b"F" * 16), meta_read=Key(b"M" * 16))


def cmac(key, message):
    return CMAC.new(key, message, ciphermod=AES).digest()


# ---- rules ----------------------------------------------------------------------------------

SCHEME = "begins with a scheme in lower case and a colon"
HOST = "behind http:// or https:// come a host in lower case, and /"
IPV4 = "IPv4 address as four decimal numbers"
PATH = "use only letters, digits"
DOTS = "leave . and .. out of the path"
NAMES = "unknown placeholder"
ONCE = "each placeholder may stand only once"
IDENTITY = r"a template has \{picc\}, or \{uid\} and \{ctr\} in the clear"
BOTH = "only where it shows UID and counter"
COVER = r"\{tt\} and \{file\} stand between \{mac-input\} and \{mac\}"

REFUSED = {
    "empty": ("", SCHEME),
    "no scheme": ("id.example.com/{picc}{mac}", SCHEME),
    "scheme in capitals": ("HTTPS://id.example.com/{picc}{mac}", SCHEME),
    "scheme of an app in capitals": ("MyApp://{picc}{mac}", SCHEME),
    "scheme that begins with a digit": ("4app://{picc}{mac}", SCHEME),
    "scheme with a placeholder": ("app{kv}:{picc}{mac}", SCHEME),
    "placeholder for a scheme": ("{picc}:{mac}", SCHEME),
    "one slash behind the scheme of the web": ("https:/id.example.com/{picc}{mac}", HOST),
    "space behind the scheme of an app": ("myapp: {picc}{mac}", PATH),
    "space in the host of an app": ("myapp://a b/{picc}{mac}", PATH),
    "brackets in the host of an app": ("myapp://[::1]/{picc}{mac}", PATH),
    "dot segment behind the scheme of an app": ("myapp://a/./{picc}{mac}", DOTS),
    "two fragments behind the scheme of an app": ("myapp://a#b#{picc}{mac}", "use # once"),
    "nothing behind the scheme of an app": ("myapp:", PATH),
    "two marks, one in the host": ("https://{mac-input}a/{mac-input}{picc}{mac}", ONCE),
    "host in capitals": ("https://ID.example.com/{picc}{mac}", HOST),
    "no host": ("https:///{picc}{mac}", HOST),
    "placeholder for a host": ("https://{picc}/{mac}", HOST),
    "host that is not ASCII": ("https://\N{LATIN SMALL LETTER E WITH ACUTE}/{picc}{mac}", HOST),
    "host that begins with a dot": ("https://.example/{picc}{mac}", HOST),
    "space in front": (" https://id.example.com/{picc}{mac}", SCHEME),
    "no path": ("https://id.example.com?p={picc}&m={mac}", HOST),
    "fragment without a path": ("https://id.example.com#p={picc}&m={mac}", HOST),
    "host that ends with a dot": ("https://id.example./{picc}{mac}", HOST),
    "host that ends with a hyphen": ("https://id.example-/{picc}{mac}", HOST),
    "underscore in the host": ("https://a_b.example/{picc}{mac}", HOST),
    "password": ("https://me:secret@id.example.com/{picc}{mac}", HOST),
    "port 0": ("https://id.example.com:0/{picc}{mac}", HOST),
    "port that begins with 0": ("https://id.example.com:0443/{picc}{mac}", HOST),
    "port of six digits": ("https://id.example.com:123456/{picc}{mac}", HOST),
    "empty port": ("https://id.example.com:/{picc}{mac}", HOST),
    "placeholder behind the host": ("https://id.example.com{kv}/{picc}{mac}", HOST),
    "placeholder in the port": ("https://id.example.com:8{kv}/{picc}{mac}", HOST),
    "port over 65535": ("https://id.example.com:65536/{picc}{mac}", "at most 65535"),
    "short IPv4 address": ("https://127.1/{picc}{mac}", IPV4),
    "IPv4 address with a number over 255": ("https://127.0.0.256/{picc}{mac}", IPV4),
    "IPv4 address in hex": ("https://0x7f000001/{picc}{mac}", IPV4),
    "percent that a placeholder completes": ("https://id.example.com/%{kv}41{picc}{mac}", PATH),
    "dots around the zero-width mark": ("https://id.example.com/.{mac-input}/{picc}{mac}", DOTS),
    "space": ("https://id.example.com/a b{picc}{mac}", PATH),
    "newline at the end": ("https://id.example.com/{picc}{mac}\n", PATH),
    "tab": ("https://id.example.com/\t{picc}{mac}", PATH),
    "letter that is not ASCII": (
        "https://id.example.com/\N{LATIN SMALL LETTER E WITH ACUTE}{picc}{mac}",
        PATH,
    ),
    "percent alone": ("https://id.example.com/50%/{picc}{mac}", PATH),
    "percent in lower case": ("https://id.example.com/%c3/{picc}{mac}", PATH),
    **{
        f"character {character}": (f"https://id.example.com/{character}{{picc}}{{mac}}", PATH)
        for character in "\"'<>[\\]^`{|}"
    },
    "braces in braces": ("https://id.example.com/{{picc}}{mac}", PATH),
    "port 80 for http": ("http://id.example.com:80/{picc}{mac}", "leave the default port out"),
    "port 443 for https": ("https://id.example.com:443/{picc}{mac}", "leave the default port out"),
    "two fragments": ("https://id.example.com/#a#{picc}{mac}", "use # once"),
    "dot segment": ("https://id.example.com/./{picc}{mac}", DOTS),
    "two dots": ("https://id.example.com/a/../{picc}{mac}", DOTS),
    "encoded dot": ("https://id.example.com/%2E/{picc}{mac}", DOTS),
    "dot and encoded dot": ("https://id.example.com/.%2E/{picc}{mac}", DOTS),
    "dots before the query": ("https://id.example.com/..?{picc}{mac}", DOTS),
    "dots before the fragment": ("https://id.example.com/..#{picc}{mac}", DOTS),
    "dots at the end": ("https://id.example.com/{picc}{mac}/..", DOTS),
    "dots around what is no character": ("https://id.example.com/.{mac-input}./{picc}{mac}", DOTS),
    "unknown placeholder": ("https://id.example.com/{picc}{mac}{foo}", NAMES),
    "placeholder without a name": ("https://id.example.com/{}{picc}{mac}", NAMES),
    "placeholder in capitals": ("https://id.example.com/{PICC}{mac}", NAMES),
    "space in a placeholder": ("https://id.example.com/{ picc}{mac}", NAMES),
    "mac twice": ("https://id.example.com/{picc}{mac}{mac}", ONCE),
    "key version twice": ("https://id.example.com/{kv}{kv}{picc}{mac}", ONCE),
    "mac-input twice": ("https://id.example.com/{mac-input}{mac-input}{picc}{mac}", ONCE),
    "no mac": ("https://id.example.com/{picc}", r"a template needs \{mac\}"),
    "no placeholder": ("https://id.example.com/", r"a template needs \{mac\}"),
    "neither picc nor uid": ("https://id.example.com/{mac}", IDENTITY),
    "picc beside uid": ("https://id.example.com/{picc}{uid}{mac}", IDENTITY),
    "picc beside counter": ("https://id.example.com/{picc}{ctr}{mac}", IDENTITY),
    "picc beside both": ("https://id.example.com/{picc}{uid}{ctr}{mac}", IDENTITY),
    "mac-input behind mac": (
        "https://id.example.com/{picc}{mac}{mac-input}",
        r"\{mac-input\} stands before \{mac\}",
    ),
    "file beside the uid alone": ("https://a/{mac-input}{uid}{file:16}{mac}", BOTH),
    "file beside the encrypted counter alone": (
        "https://a/{mac-input}{picc:ctr}{file:16}{mac}",
        BOTH,
    ),
    "file without a window": ("https://a/{picc}{file:16}{mac}", COVER),
    "file before the window": ("https://a/{picc}{file:16}{mac-input}{mac}", COVER),
    "file behind the mac": ("https://a/{picc}{mac-input}{mac}{file:16}", COVER),
    "tamper status without a window": ("https://a/{picc}{tt}{mac}", COVER),
    "tamper status before the window": ("https://a/{picc}{tt}{mac-input}{mac}", COVER),
    "tamper status behind the mac": ("https://a/{picc}{mac-input}{mac}{tt}", COVER),
    "two file fields": ("https://a/{mac-input}{picc}{file:16}{file:32}{mac}", ONCE),
    "two fields of PICCData": ("https://a/{picc}{picc:uid}{mac}", ONCE),
    "tamper status in two places": (
        "https://a/{mac-input}{picc}{tt}{file:16+tt@0}{mac}",
        "in one place",
    ),
    "file of no whole block": ("https://a/{mac-input}{picc}{file:15}{mac}", "multiple of 16"),
    "file of no bytes": ("https://a/{mac-input}{picc}{file:0}{mac}", NAMES),
    "file without a size": ("https://a/{mac-input}{picc}{file}{mac}", NAMES),
    "file with a sign": ("https://a/{mac-input}{picc}{file:+16}{mac}", NAMES),
    "file with a leading zero": ("https://a/{mac-input}{picc}{file:016}{mac}", NAMES),
    "file in other digits": ("https://a/{mac-input}{picc}{file:\u0661\u0666}{mac}", NAMES),
    "tamper status behind the file data": (
        "https://a/{mac-input}{picc}{file:16+tt@15}{mac}",
        "leaves no room",
    ),
    "PICCData of something else": ("https://a/{picc:file}{mac}", NAMES),
    "epoch without key version": (
        "https://id.example.com/{epoch}{picc}{mac}",
        r"put \{kv\} beside it",
    ),
}


@pytest.mark.parametrize(("text", "rule"), REFUSED.values(), ids=REFUSED)
def test_a_template_that_breaks_a_rule_is_refused_by_its_name(text, rule):
    with pytest.raises(ValueError, match=rule):
        UrlTemplate(text)


def test_the_refusal_of_an_unknown_placeholder_says_what_there_is():
    known = r"unknown placeholder; .*\{uid\}.*\{mac-input\}.*\{picc:ctr\}.*\{file:N\+tt@K\}"
    with pytest.raises(ValueError, match=known):
        UrlTemplate("https://id.example.com/{picc}{mac}{foo}")


@pytest.mark.parametrize(
    "text",
    [
        "https://id.example.com/{picc}{mac}",
        "https://localhost/{picc}{mac}",
        "https://a/{picc}{mac}",
        "http://id.example.com:443/{picc}{mac}",
        "https://id.example.com:80/{picc}{mac}",
        "https://id.example.com:8443/{picc}{mac}",
        "https://id.example.com/-._~:/?@!$&()*+,;=%C3%A9#{picc}{mac}",
        "https://id.example.com/.a/a./...{picc}{mac}",
        "https://id.example.com/a?b=/../#{picc}{mac}",
        "https://id.example.com/a#/../{picc}{mac}",
        "https://id.example.com//{picc}//{mac}//",
        "https://id.example.com/{mac}{picc}",
        "https://id.example.com/{mac-input}{mac}{ctr}{uid}",
        "https://id.example.com/{epoch}{kv}{picc}{mac}",
        "https://id.example.com/{kv}{picc}{mac}",
        "https://id.example.com/{uid}{mac}",
        "https://id.example.com/{ctr}{mac}",
        "https://id.example.com/{picc:uid}{mac}",
        "https://id.example.com/{picc:ctr}{mac}",
        "https://id.example.com/{mac-input}{tt}{picc}{mac}",
        "https://id.example.com/{uid}{mac-input}{file:16}{mac}{ctr}",
        "https://id.example.com/{mac-input}{file:64+tt@62}{picc}{mac}",
        "https://id.example.com{mac-input}/{picc}{mac}",
        "https://id.{mac-input}example.com:8443/{picc}{mac}",
        "https://{mac-input}id.example.com/{picc}{mac}",
        "ht{mac-input}tps://id.example.com/{picc}{mac}",
        "{mac-input}https://id.example.com/{picc}{mac}",
        "lnurlw://card.example.com/ln?p={picc}&c={mac}",
        "{mac-input}lnurlw://card.example.com/ln?p={picc}&c={mac}",
        "myapp://{picc}/{mac}",
        "myapp:{picc}{mac}",
        "com.example.app+tag-1:t?u={uid}&c={ctr}&m={mac}",
        "ftp://id.example.com/{picc}{mac}",
        "urn:nfc:ext:example.com:{picc}{mac}",
    ],
)
def test_a_template_that_keeps_the_rules_is_taken(text):
    assert UrlTemplate(text).text == text


# ---- the size of the tag --------------------------------------------------------------------


def test_a_template_that_fills_the_file_to_the_last_byte_is_taken():
    # 7 bytes in front of the text, "a/" and 48 mirrored characters leave 199.
    layout = UrlTemplate(f"https://a/{'x' * 199}{{picc}}{{mac}}").layout()
    assert len(layout.ndef_file) == 256


def test_a_template_that_needs_one_byte_more_is_refused():
    with pytest.raises(ValueError, match="has 256 bytes, this template needs 257"):
        UrlTemplate(f"https://a/{'x' * 200}{{picc}}{{mac}}")


def test_a_template_that_fits_in_aes_mode_alone_is_laid_out_in_aes_mode_alone():
    template = UrlTemplate(f"https://a/{'x' * 184}{{picc}}{{mac}}")
    with pytest.raises(ValueError, match="has 256 bytes, this template needs 257"):
        template.layout(mode=Mode.LRP)


@pytest.mark.parametrize("prefix", ["http://", "https://", "http://www.", "https://www."])
def test_a_prefix_that_has_a_code_takes_no_room(prefix):
    layout = UrlTemplate(f"{prefix}a/{{picc}}{{mac}}").layout()
    assert len(layout.ndef_file) == 7 + len("a/") + 32 + 16


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://www.a/{picc}{mac}", 0x02),
        ("https://{mac-input}www.a/{picc}{mac}", 0x04),
        ("https://w{mac-input}ww.a/{picc}{mac}", 0x04),
        ("http{mac-input}s://a/{picc}{mac}", 0x00),
        ("{mac-input}https://a/{picc}{mac}", 0x00),
        ("lnurlw://a/?p={picc}&c={mac}", 0x00),
        ("ftp://ftp.a/{picc}{mac}", 0x08),
        ("urn:epc:id:{picc}{mac}", 0x1E),
        ("urn:nfc:{picc}{mac}", 0x23),
    ],
)
def test_a_record_has_the_code_of_the_longest_prefix_before_the_mac_input(text, code):
    assert UrlTemplate(text).layout().ndef_file[6] == code


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("{mac-input}lnurlw://a/?p={picc}&c={mac}", 7),
        ("{mac-input}https://a/?p={picc}&c={mac}", 7),
        ("https://{mac-input}a/?p={picc}&c={mac}", 7),
        ("https://id.{mac-input}a/?p={picc}&c={mac}", 10),
        ("lnurlw://{mac-input}a/?p={picc}&c={mac}", 16),
    ],
)
def test_the_mac_input_begins_anywhere_in_the_text_of_the_record(text, offset):
    assert UrlTemplate(text).layout().sdm.mac_input_offset == offset


@pytest.mark.parametrize("code", range(0x24))
def test_every_uri_code_is_read_as_others_read_it(code):
    file = uri_file(code, b"4")
    [record] = ndef.message_decoder(file[2:])
    assert read_uri(file) == record.iri


def test_a_uri_code_that_the_forum_reserves_is_refused():
    with pytest.raises(ValueError, match="URI code 24 is reserved"):
        read_uri(uri_file(0x24, b"4"))


# ---- what a template knows of itself --------------------------------------------------------

ENCRYPTED = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
PLAIN = UrlTemplate("https://id.example.com:8443/t?u={uid}&c={ctr}&m={mac}")


@pytest.mark.parametrize(
    ("template", "origin"),
    [
        (ENCRYPTED, "https://id.example.com"),
        (PLAIN, "https://id.example.com:8443"),
        (UrlTemplate("https://id.{mac-input}example.com/{picc}{mac}"), "https://id.example.com"),
        (UrlTemplate("lnurlw://card.example.com?p={picc}&c={mac}"), "lnurlw://card.example.com"),
        (UrlTemplate("myapp:{picc}{mac}"), "myapp:"),
    ],
)
def test_a_template_knows_its_origin(template, origin):
    assert template.origin == origin


@pytest.mark.parametrize(("template", "encrypts"), [(ENCRYPTED, True), (PLAIN, False)])
def test_a_template_knows_whether_it_encrypts(template, encrypts):
    assert template.encrypts is encrypts


@pytest.mark.parametrize(("template", "names"), [(ENCRYPTED, True), (PLAIN, False)])
def test_a_template_knows_whether_it_names_the_key_version(template, names):
    assert template.names_key_version is names


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        ("{picc}", (True, True)),
        ("{picc:uid}", (True, False)),
        ("{picc:ctr}", (False, True)),
        ("{uid}{ctr}", (True, True)),
        ("{uid}", (True, False)),
        ("{ctr}", (False, True)),
    ],
)
def test_a_template_knows_whether_it_shows_uid_and_counter(identity, shown):
    template = UrlTemplate(f"https://a/{identity}{{mac}}")
    assert (template.shows_uid, template.shows_counter) == shown


@pytest.mark.parametrize(
    ("identity", "is_redeemable"),
    [("{picc}", True), ("{uid}{ctr}", True), ("{uid}", False), ("{picc:ctr}", False)],
)
def test_only_a_template_that_shows_both_is_redeemable(identity, is_redeemable):
    assert UrlTemplate(f"https://a/{identity}{{mac}}").is_redeemable is is_redeemable


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("https://a/{picc}{mac}", "https://a/"),
        ("https://a/t{picc}{mac}", "https://a/"),
        ("https://a/t/{picc}/{mac}", "https://a/t/"),
        ("https://a/t?p={picc}{mac}", "https://a/t"),
        ("https://a/t/#{picc}{mac}", "https://a/t/"),
        ("https://a/t?x=/y#{picc}{mac}", "https://a/t"),
        ("https://a/t{mac-input}?p={picc}{mac}", "https://a/t"),
        ("https://{mac-input}a/t?p={picc}{mac}", "https://a/t"),
        ("lnurlw://a/t?p={picc}&c={mac}", "lnurlw://a/t"),
        ("lnurlw://a?p={picc}&c={mac}", "lnurlw://a"),
        ("myapp://{picc}{mac}", "myapp://"),
        ("myapp:t{picc}{mac}", "myapp:"),
        ("http://a:8080/t/u#{picc}{mac}", "http://a:8080/t/u"),
    ],
)
def test_a_template_knows_the_place_that_all_its_urls_share(text, place):
    assert UrlTemplate(text).place == place


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a/t?p={picc}&m={mac}", "https://a/t?p={picc}&m={mac}"),
        ("https://a/t?{uid}{ctr}{mac}", "https://a/t?{mac}{ctr}{uid}"),
        ("https://a/t?{kv}{picc}{mac}", "https://a/t?A0{picc}{mac}"),
        # In LRP mode the first has sixteen characters more.
        ("https://a/t?{picc}{mac}", "https://a/t?{picc}{mac}0123456789ABCDEF"),
    ],
    ids=["the same", "fields in another order", "hex in a literal", "another mode"],
)
def test_templates_that_one_url_could_match_overlap(one, other):
    assert UrlTemplate(one).overlaps(UrlTemplate(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a/t?p={picc}&m={mac}", "https://a/t#p={picc}&m={mac}"),
        ("https://a/t?p={picc}&m={mac}", "https://a/t?m={mac}&p={picc}"),
        ("https://a/t?{picc}{mac}", "https://b/t?{picc}{mac}"),
        ("https://a/t?{picc}{mac}", "https://a/t?{picc}{mac}0"),
        ("https://a/t?{mac-input}{tt}{uid}{mac}", "https://a/t?00{uid}{mac}"),
    ],
    ids=["query or fragment", "parameters in another order", "host", "length", "tamper status"],
)
def test_templates_that_no_url_can_match_both_do_not_overlap(one, other):
    assert not UrlTemplate(one).overlaps(UrlTemplate(other))


def test_a_template_represents_itself_by_its_text():
    assert repr(ENCRYPTED) == f"UrlTemplate({ENCRYPTED.text!r})"


# ---- what is written to a tag ---------------------------------------------------------------


@pytest.fixture
def note():
    """The layout that the application note prints."""
    [vector] = vectors("layout", "ndef_https_template")
    return vector


@pytest.fixture
def note_template():
    return UrlTemplate("https://choose.url.com/ntag424?e={picc}&c={mac}")


def test_the_file_is_the_one_the_application_note_prints(note, note_template):
    assert note_template.layout().ndef_file == note["file"]


def test_the_offsets_are_those_the_application_note_prints(note, note_template):
    settings = note_template.layout().sdm
    offsets = bytes(settings.mirror) + settings.mac_offset.to_bytes(3, "little")
    assert offsets == note["picc_offset_le"] + note["mac_offset_le"]


def test_the_settings_are_those_the_application_note_writes(note_template):
    [vector] = vectors("layout", "file_settings_parse")
    access = SdmAccess(file_read=1, meta_read=2, counter=1)
    block = bytes(SdmBlock.of(note_template.layout().sdm, access))
    assert block == vector["settings"][7:]


def test_without_a_mark_the_mac_covers_nothing():
    settings = PLAIN.layout().sdm
    assert settings.mac_input_offset == settings.mac_offset


def test_a_mark_moves_the_beginning_of_what_the_mac_covers():
    settings = UrlTemplate("https://a/x{mac-input}{picc}{mac}").layout().sdm
    assert (settings.mac_input_offset, settings.mac_offset) == (10, 42)


def test_picc_data_gives_an_encrypted_mirror():
    layout = UrlTemplate("https://a/{picc}{mac}").layout()
    assert layout.sdm.mirror == EncryptedMirror(9)


def test_uid_and_counter_give_plain_mirrors():
    layout = UrlTemplate("https://a/{ctr}{uid}{mac}").layout()
    assert layout.sdm.mirror == PlainMirror(uid_offset=15, read_counter_offset=9)


def test_the_generation_is_written_as_two_hex_digits_each():
    [record] = ndef.message_decoder(ENCRYPTED.layout(Generation(0x0A, 0xBC)).ndef_file[2:])
    assert "#k=0ABC&" in record.iri


def test_a_template_that_cannot_say_the_epoch_is_written_at_epoch_0_only():
    with pytest.raises(ValueError, match=r"without \{epoch\}"):
        UrlTemplate("https://a/{kv}{picc}{mac}").layout(Generation(1, 1))


# ---- what is read ---------------------------------------------------------------------------

FIELDS = {"uid": "04DE5F1EACC040", "ctr": "00002A", "mac": "0123456789ABCDEF"}
PICC_FIELDS = {"k": "0102", "picc": "00112233445566778899AABBCCDDEEFF", "mac": FIELDS["mac"]}


def plain_url(**changed):
    return "https://id.example.com:8443/t?u={uid}&c={ctr}&m={mac}".format(**(FIELDS | changed))


def encrypted_url(**changed):
    return "https://id.example.com/t#k={k}&p={picc}&m={mac}".format(**(PICC_FIELDS | changed))


def test_a_plain_url_is_taken_apart():
    assert PLAIN.parse(plain_url()) == ParsedTap(
        TapMessage(uid=UID, read_counter=42, mac=bytes.fromhex(FIELDS["mac"]), mode=Mode.AES)
    )


def test_an_encrypted_url_is_taken_apart():
    assert ENCRYPTED.parse(encrypted_url()) == ParsedTap(
        TapMessage(
            picc_data=bytes.fromhex(PICC_FIELDS["picc"]),
            mac=bytes.fromhex(PICC_FIELDS["mac"]),
        ),
        key_version=1,
        epoch=2,
    )


def test_what_the_mac_covers_is_taken_as_it_was_received():
    template = UrlTemplate("https://a/{mac-input}u={uid}&c={ctr}&m={mac}&x")
    url = "https://a/u=04DE5F1EACC040&c=00002A&m=0123456789ABCDEF&x"
    assert template.parse(url).message.mac_input == b"u=04DE5F1EACC040&c=00002A&m="


def wrong(value):
    """Give texts in the place of the hex field *value* that no tag writes there."""
    return {
        "a digit short": value[1:],
        "a digit more": value + "0",
        "a zero in front": "0" + value,
        "empty": "",
        "plus": "+" + value[1:],
        "minus": "-" + value[1:],
        "space in front": " " + value[1:],
        "space in front of all": " " + value,
        "space at the end": value[:-1] + " ",
        "spaces for a byte": value[:-2] + "  ",
        "underscore": value[:1] + "_" + value[2:],
        "newline in place of a digit": value[:-1] + "\n",
        "newline at the end": value + "\n",
        "fullwidth digit": value[:-1] + "\N{FULLWIDTH DIGIT ONE}",
        "arabic-indic digit": value[:-1] + "\N{ARABIC-INDIC DIGIT ONE}",
        "fullwidth letter": value[:-1] + "\N{FULLWIDTH LATIN CAPITAL LETTER A}",
        "superscript": value[:-1] + "\N{SUPERSCRIPT TWO}",
        "0x in place of digits": "0x" + value[2:],
        "0x in front": "0x" + value,
        "lower case": value[:-1] + "a",
        "letter beyond F": value[:-1] + "G",
        "percent-encoded digit": "%30" + value[1:],
        "percent-encoding of the right length": "%30" + value[3:],
        "nul": value[:-1] + "\0",
    }


def wrong_fields(fields):
    found = {
        f"{name}: {what}": (name, value)
        for name, right in fields.items()
        for what, value in wrong(right).items()
    }
    return pytest.mark.parametrize(("name", "value"), found.values(), ids=found)


@wrong_fields(FIELDS)
def test_a_plain_field_that_no_tag_writes_is_malformed(name, value):
    with pytest.raises(MalformedTapError, match="does not match the template"):
        PLAIN.parse(plain_url(**{name: value}))


@wrong_fields(PICC_FIELDS)
def test_an_encrypted_field_that_no_tag_writes_is_malformed(name, value):
    with pytest.raises(MalformedTapError, match="does not match the template"):
        ENCRYPTED.parse(encrypted_url(**{name: value}))


@pytest.mark.parametrize("counter", ["00000", "1000000", "000002A", "0000002A", "2A"])
def test_a_counter_of_any_other_length_is_malformed(counter):
    with pytest.raises(MalformedTapError):
        PLAIN.parse(plain_url(ctr=counter))


@pytest.mark.parametrize(
    ("text", "counter"), [("000000", 0), ("000001", 1), ("00000A", 10), ("FFFFFF", 0xFFFFFF)]
)
def test_a_counter_of_six_digits_is_one_number(text, counter):
    assert PLAIN.parse(plain_url(ctr=text)).message.read_counter == counter


MISSHAPEN = {
    "empty": "",
    "newline at the end": plain_url() + "\n",
    "newline in front": "\n" + plain_url(),
    "space at the end": plain_url() + " ",
    "parameter twice": plain_url() + "&m=" + FIELDS["mac"],
    "counter twice": plain_url().replace("&m=", "&c=00002A&m="),
    "counter twice in the room of the uid": plain_url().replace(
        "u=04DE5F1EACC040", "c=00002A&u=0"
    ),
    "parameters in another order": plain_url().replace("u=", "m=", 1).replace("&m=", "&u="),
    "parameter in capitals": plain_url().replace("c=", "C="),
    "semicolon between parameters": plain_url().replace("&c", ";c"),
    "fragment behind": plain_url() + "#",
    "fragment instead of query": plain_url().replace("?", "#"),
    "another scheme": plain_url().replace("https", "http"),
    "scheme in capitals": plain_url().replace("https", "HTTPS"),
    "host in capitals": plain_url().replace("id", "ID"),
    "another host": plain_url().replace("id.", "ad."),
    "any character for a dot": plain_url().replace("id.example", "idxexample"),
    "no port": plain_url().replace(":8443", ""),
    "another path": plain_url().replace("/t", "/u"),
    "percent-encoded path": plain_url().replace("/t", "/%74"),
    "only the path": plain_url().removeprefix("https://id.example.com:8443"),
    "text in front": "x" + plain_url(),
    "nul behind": plain_url() + "\0",
}


@pytest.mark.parametrize("url", MISSHAPEN.values(), ids=MISSHAPEN)
def test_a_url_that_differs_in_any_other_character_is_malformed(url):
    with pytest.raises(MalformedTapError, match="does not match the template"):
        PLAIN.parse(url)


def test_the_refusal_of_a_url_does_not_repeat_it():
    with pytest.raises(MalformedTapError) as refusal:
        PLAIN.parse(plain_url() + "\n")
    assert FIELDS["uid"] not in str(refusal.value)


# ---- counters of real taps ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "counter"), [(0, 1), (0x29, 0x2A), (0xFFFFFE, 0xFFFFFF)], ids=hex
)
def test_a_counter_means_to_us_what_the_tag_meant(before, counter):
    url = tap_source(PLAIN, KEYS, UID, read_counter=before).tap()
    assert verify(PLAIN.parse(url).message, KEYS).read_counter == counter


def test_a_url_of_counter_0_verifies_but_does_not_count():
    # 0 is a counter like any other to the MAC; only no chip ever sends it.
    session_key = cmac(b"F" * 16, bytes.fromhex("3CC300010080") + UID + bytes(3))
    mac = cmac(session_key, b"")[1::2]
    url = plain_url(ctr="000000", mac=mac.hex().upper())
    with pytest.raises(UncountedTapError):
        verify(PLAIN.parse(url).message, KEYS).counted()


def test_a_counter_changed_in_the_url_does_not_verify():
    url = tap_source(PLAIN, KEYS, UID, read_counter=0x29).tap()
    with pytest.raises(TapMacError):
        verify(PLAIN.parse(url.replace("&c=00002A", "&c=00002B")).message, KEYS)


# ---- writing URLs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "url"),
    [(PLAIN, plain_url()), (ENCRYPTED, encrypted_url())],
    ids=["plain", "picc"],
)
def test_what_was_taken_apart_is_put_together_again(template, url):
    assert template.render(template.parse(url)) == url


# ---- every form -----------------------------------------------------------------------------


def block_of(text, *, meta_read, mode=Mode.AES):
    access = SdmAccess(file_read=2, meta_read=meta_read)
    return bytes(SdmBlock.of(UrlTemplate(text).layout(mode=mode).sdm, access))


@pytest.mark.parametrize(
    ("text", "meta_read", "block"),
    [
        # SDMOptions, SDMAccessRights, UIDOffset, SDMReadCtrOffset, SDMMACInputOffset, SDMMACOffset
        ("https://a/{uid}{ctr}{mac}", None, "C1 FFE2 090000 170000 1D0000 1D0000"),
        ("https://a/{uid}{mac}", None, "81 FFE2 090000 170000 170000"),
        ("https://a/{ctr}{mac}", None, "41 FFE2 090000 0F0000 0F0000"),
        # the same with PICCDataOffset
        ("https://a/{picc}{mac}", 1, "C1 FF12 090000 290000 290000"),
        ("https://a/{picc:uid}{mac}", 1, "81 FF12 090000 290000 290000"),
        ("https://a/{picc:ctr}{mac}", 1, "41 FF12 090000 290000 290000"),
        # TTStatusOffset before SDMMACInputOffset
        ("https://a/{mac-input}{tt}{uid}{mac}", None, "89 FFE2 0B0000 090000 090000 190000"),
        # SDMENCOffset and SDMENCLength between the two offsets of the MAC
        (
            "https://a/{picc}{mac-input}{file:32}{mac}",
            1,
            "D1 FF12 090000 290000 290000 400000 690000",
        ),
        (
            "https://a/{picc}{mac-input}{file:16+tt@5}{mac}",
            1,
            "D9 FF12 090000 2E0000 290000 290000 200000 490000",
        ),
    ],
)
def test_the_settings_of_each_form_are_what_the_data_sheet_lists(text, meta_read, block):
    assert block_of(text, meta_read=meta_read) == bytes.fromhex(block)


def test_in_lrp_mode_what_follows_picc_data_moves_by_sixteen_characters():
    block = block_of("https://a/{picc}{mac}", meta_read=1, mode=Mode.LRP)
    assert block == bytes.fromhex("C1 FF12 090000 390000 390000")


def test_the_content_of_the_file_stands_in_the_first_half_of_its_place():
    template = UrlTemplate("https://a/{picc}{mac-input}{file:16}{mac}")
    layout = template.layout(file_data=bytes(range(16)))
    assert layout.ndef_file[0x29 : 0x29 + 32] == bytes(range(16)) + b"0" * 16


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_content_of_another_size_than_the_templates_is_refused(size):
    template = UrlTemplate("https://a/{picc}{mac-input}{file:16}{mac}")
    with pytest.raises(ValueError, match=f"encrypts 16 bytes, not {size}"):
        template.layout(file_data=bytes(size))


def test_a_template_without_a_file_takes_no_content():
    with pytest.raises(ValueError, match="encrypts 0 bytes, not 16"):
        ENCRYPTED.layout(file_data=bytes(16))


def test_a_url_with_picc_data_of_24_bytes_is_taken_apart_as_lrp():
    url = "https://id.example.com/t#k=0102&p=" + "AB" * 24 + "&m=0123456789ABCDEF"
    assert ENCRYPTED.parse(url).message.sdm_mode is Mode.LRP


def test_a_plain_url_is_of_the_mode_that_is_told():
    assert PLAIN.parse(plain_url(), mode=Mode.LRP).message.sdm_mode is Mode.LRP


@pytest.mark.parametrize("status", ["CC", "CO", "OC", "OO", "II"])
def test_every_tamper_status_is_parsed(status):
    template = UrlTemplate("https://a/{uid}{mac-input}{tt}{mac}")
    tap = template.parse(f"https://a/04DE5F1EACC040{status}0123456789ABCDEF")
    assert tap.message.tamper is TamperStatus(status.encode())


@pytest.mark.parametrize("status", ["cc", "00", "IC", "OI", "CI", "C\n", "C "])
def test_no_other_characters_are_a_tamper_status(status):
    template = UrlTemplate("https://a/{uid}{mac-input}{tt}{mac}")
    with pytest.raises(MalformedTapError):
        template.parse(f"https://a/04DE5F1EACC040{status}0123456789ABCDEF")


def test_the_settings_name_where_file_data_and_tamper_status_are():
    settings = UrlTemplate("https://a/{picc}{mac-input}{file:16+tt@5}{mac}").layout().sdm
    assert (settings.encrypted_file_data, settings.tamper_offset) == (
        EncryptedFileData(0x29, 32),
        0x29 + 5,
    )
