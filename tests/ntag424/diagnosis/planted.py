"""The mistakes that people make with tags and URLs, each with what must be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

from ntag424 import Generation, KeyState, Mode, UrlTemplate
from ntag424.crypto import aes_cmac
from ntag424.diagnosis import Problem, explain
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
)
from ntag424.model import EncryptedMirror, PiccDataTag, PlainMirror
from tests.ntag424.diagnosis.planting import (
    AN10922,
    BOLTCARD_EXAMPLE,
    ENCRYPTED,
    HKDF,
    MASTER,
    NAMED,
    OTHER,
    PLAIN,
    STATIC,
    UID,
    WINDOWED,
    Tag,
    exchanged,
    rotated,
    scheme_keys,
    verifier,
)

ZEROS = [bytes(16)] * 5
STRANGER = [bytes((number,)) * 16 for number in range(0xE0, 0xE5)]
TAMPER = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&{mac-input}t={tt}&m={mac}")
SHORT = UrlTemplate("https://id.example.com/?p={picc}&m={mac}")
EPOCH_BEHIND = UrlTemplate(
    "https://id.example.com/?p={mac-input},a{file:32}{kv}!{picc}){mac}!#{epoch}a"
)
EPOCH_NEXT = UrlTemplate("https://a/#{mac-input}{file:32}{picc}{mac}?{kv}{epoch}")
HEXED = UrlTemplate("https://a/{mac-input}00/00#{picc}000000{file:16}000000{mac}")
ROOMY = UrlTemplate("https://id.example.com/t?p={picc}&shop=12345678901234&m={mac}")
FILED = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&{mac-input}f={file:16+tt@0}&m={mac}")


@dataclass(frozen=True, eq=False)
class Planted:
    """One mistake: the URL it leads to, what must be said, and what must be found."""

    name: str
    tag: Tag
    problem: Problem
    #: Attributes of the evidence; None where no MAC can be found to hold.
    evidence: dict | None = field(default_factory=dict)
    #: One verifier or several; that of the tag's template and AN10922, if not given.
    candidates: object = None
    edit: object = staticmethod(str)
    #: What the same mistake is bound to show besides.
    also: tuple[Problem, ...] = ()

    @property
    def url(self):
        return self.edit(self.tag.url())


@cache
def explained(planted):
    due = planted.candidates or verifier(planted.tag.template)
    return explain(planted.url, due if isinstance(due, list) else [due])


def keys_with(number, key, scheme=AN10922):
    keys = scheme_keys(scheme)
    keys[number] = bytes(key)
    return keys


def plain_cmac(uid=UID):
    return MASTER.aes.cmac(b"\x01" + uid + bytes.fromhex("D2760000850101") + b"\x02")


def whole_cmac():
    shown = bytes(UID) + bytes.fromhex("070000")
    session_key = aes_cmac(bytes(AN10922.tag_key(UID, 2)), bytes.fromhex("3CC300010080") + shown)
    return aes_cmac(session_key, b"")


def lower_after_origin(url):
    return url[:22] + url[22:].lower()


def reordered(url):
    head, _, query = url.partition("?")
    return head + "?" + "&".join(reversed(query.split("&")))


def reversed_mirrors(url):
    uid, counter = UID.hex().upper(), "000007"
    return url.replace(uid, UID[::-1].hex().upper()).replace(counter, "070000")


BOLT, SDM_BACKEND = BoltcardKeys(BOLTCARD_EXAMPLE, 2), SdmBackendKeys(MASTER)
LRP = Mode.LRP

KEYS = [
    Planted(
        "the tag still has the factory keys",
        Tag(keys=ZEROS),
        Problem.FACTORY_KEYS,
        {"key_version": None, "scheme": None, "meta_read_number": None},
    ),
    Planted(
        "the factory key is left in the file-read slot",
        Tag(keys=keys_with(2, bytes(16))),
        Problem.MIXED_KEYS,
        {"key_version": None, "meta_read_number": 1},
    ),
    Planted(
        "meta-read and file-read key are exchanged in their slots",
        Tag(keys=exchanged(scheme_keys(STATIC), 1, 2)),
        Problem.KEYS_SWAPPED,
        {"file_read_number": 1, "meta_read_number": 2},
        verifier(scheme=STATIC),
    ),
    Planted(
        "SDMFileRead names the meta-read slot",
        Tag(file_read=1),
        Problem.OTHER_SLOT,
        {"file_read_number": 1, "meta_read_number": 1},
    ),
    Planted(
        "SDMFileRead names slot 3",
        Tag(file_read=3),
        Problem.OTHER_SLOT,
        {"file_read_number": 3, "key_version": 1},
    ),
    Planted(
        "SDMFileRead names slot 0",
        Tag(file_read=0, keys=scheme_keys(HKDF)),
        Problem.OTHER_SLOT,
        {"file_read_number": 0},
        verifier(scheme=HKDF),
    ),
    Planted(
        "SDMMetaRead names the file-read slot as well",
        Tag(keys=scheme_keys(STATIC), meta_read=2),
        Problem.OTHER_SLOT,
        {"file_read_number": 2, "meta_read_number": 2},
        verifier(scheme=STATIC),
    ),
    Planted(
        "the master is on the tag as it is",
        Tag(keys=[bytes(MASTER)] * 5),
        Problem.UNDIVERSIFIED_MASTER,
        {"key_version": 1, "scheme": None},
    ),
    Planted(
        "the tag has keys of a retired version",
        Tag(template=NAMED, keys=scheme_keys(An10922Keys(OTHER)), generation=Generation(1)),
        Problem.RETIRED_VERSION,
        {"key_version": 1, "state": KeyState.RETIRED},
        rotated(state=KeyState.RETIRED),
    ),
    Planted(
        "the URL names another version than the one on the tag",
        Tag(template=NAMED, keys=scheme_keys(An10922Keys(OTHER)), generation=Generation(2)),
        Problem.OTHER_VERSION,
        {"key_version": 1, "state": KeyState.ACCEPTING},
        rotated(),
    ),
    Planted(
        "the URL names a version that there is not",
        Tag(template=NAMED, generation=Generation(9)),
        Problem.OTHER_VERSION,
        {"key_version": 2, "file_read_number": 2},
        rotated(),
    ),
    Planted(
        "the URL names another epoch than that of the keys",
        Tag(template=NAMED, keys=scheme_keys(AN10922, epoch=200), generation=Generation(2, 3)),
        Problem.OTHER_EPOCH,
        {"key_version": 2, "epoch": 200},
        rotated(),
    ),
    Planted(
        "the keys are of epoch 1 and the template cannot say so",
        Tag(keys=scheme_keys(AN10922, epoch=1)),
        Problem.OTHER_EPOCH,
        {"epoch": 1},
    ),
    Planted(
        "a Boltcard has the issuer key of the examples",
        Tag(keys=scheme_keys(BOLT)),
        Problem.DEVELOPMENT_KEYS,
        {"scheme": "BoltcardKeys", "key_version": None, "file_read_number": 2},
        verifier(scheme=BoltcardKeys(MASTER)),
    ),
    Planted(
        "the tag was provisioned under a master of zeros",
        Tag(keys=scheme_keys(HkdfKeys(type(MASTER)(bytes(16))))),
        Problem.DEVELOPMENT_KEYS,
        {"scheme": "HkdfKeys", "key_version": None},
    ),
    Planted(
        "sdm-backend derived the keys from the same master",
        Tag(keys=scheme_keys(SDM_BACKEND)),
        Problem.OTHER_SCHEME,
        {"scheme": "SdmBackendKeys", "key_version": 1},
    ),
    Planted(
        "HKDF derived the keys where AN10922 is due",
        Tag(keys=scheme_keys(HKDF)),
        Problem.OTHER_SCHEME,
        {"scheme": "HkdfKeys"},
    ),
    Planted(
        "AN10922 derived the keys where HKDF is due",
        Tag(keys=scheme_keys(AN10922)),
        Problem.OTHER_SCHEME,
        {"scheme": "An10922Keys"},
        verifier(scheme=HKDF),
    ),
    Planted(
        "the keys of a Boltcard were derived for another version of the card",
        Tag(keys=scheme_keys(BoltcardKeys(MASTER, 0))),
        Problem.OTHER_SCHEME,
        {"scheme": "BoltcardKeys"},
        verifier(scheme=BoltcardKeys(MASTER, 1)),
    ),
    Planted(
        "a plain CMAC stands in for AN10922",
        Tag(keys=keys_with(2, plain_cmac())),
        Problem.OTHER_SCHEME,
        {"scheme": "PlainCmacKeys", "file_read_number": 2, "meta_read_number": 1},
    ),
    Planted(
        "the system id was left out",
        Tag(keys=scheme_keys(AN10922)),
        Problem.OTHER_SCHEME,
        {"scheme": "An10922Keys"},
        verifier(scheme=An10922Keys(MASTER, system_id=b"shop")),
    ),
    Planted(
        "SENTRY's EV2 derived the key where its HKDF is due",
        Tag(template=PLAIN, keys=scheme_keys(SentryEv2Keys(MASTER))),
        Problem.OTHER_SCHEME,
        {"scheme": "SentryEv2Keys", "meta_read_number": None},
        verifier(PLAIN, SentryHkdfKeys(MASTER, salt="sentry.red")),
    ),
    Planted(
        "the meta-read key was derived like any other, for no UID",
        Tag(keys=keys_with(1, AN10922.tag_key(bytes(7), 1))),
        Problem.OTHER_SCHEME,
        {"file_read_number": 2, "meta_read_number": 1},
    ),
    Planted(
        "AN10922 derived the keys where those of sdm-backend are due",
        Tag(),
        Problem.OTHER_SCHEME,
        {"scheme": "An10922Keys", "key_version": 1},
        verifier(scheme=SDM_BACKEND),
    ),
    Planted(
        "the master of sdm-backend is no key",
        Tag(),
        Problem.NO_MATCH,
        None,
        verifier(scheme=SdmBackendKeys(b"a longer master than that")),
    ),
    Planted(
        "the key was derived for the UID in reverse",
        Tag(keys=keys_with(2, AN10922.tag_key(UID[::-1], 2))),
        Problem.UID_REVERSED_IN_KEY,
        {"file_read_number": 2, "uid": UID},
    ),
]

SETTINGS = [
    Planted(
        "the MAC window begins at m=",
        Tag(mac_input_by=-2),
        Problem.MAC_WINDOW_EARLY,
        {"mac_input_offset": 59, "mac_offset": 61},
    ),
    Planted(
        "the MAC window begins with PICCData",
        Tag(template=WINDOWED, mac_input_by=-33),
        Problem.MAC_WINDOW_EARLY,
        {"mac_input_offset": 26},
    ),
    Planted(
        "the MAC window begins with the file",
        Tag(template=WINDOWED, mac_input_by=-59),
        Problem.MAC_WINDOW_EARLY,
        {"mac_input_offset": 0},
    ),
    Planted(
        "the MAC window begins in the middle of PICCData",
        Tag(template=WINDOWED, mac_input_by=-14),
        Problem.MAC_WINDOW_EARLY,
        {"mac_input_offset": 45},
    ),
    Planted(
        "the MAC window begins too late",
        Tag(template=WINDOWED, mac_input_by=5),
        Problem.MAC_WINDOW_LATE,
        {"mac_input_offset": 64},
    ),
    Planted(
        "the MAC window is empty where one is marked",
        Tag(template=WINDOWED, mac_input_by=9),
        Problem.MAC_WINDOW_LATE,
        {"mac_input_offset": 68, "mac_offset": 68},
    ),
    Planted(
        "PICCData stands two characters late",
        Tag(identity_by=2),
        Problem.IDENTITY_SHIFTED,
        {"mirror": EncryptedMirror(28)},
    ),
    Planted(
        "PICCData stands two characters early",
        Tag(identity_by=-2),
        Problem.IDENTITY_SHIFTED,
        {"mirror": EncryptedMirror(24)},
    ),
    Planted(
        "UID and counter stand one character late",
        Tag(template=PLAIN, identity_by=1),
        Problem.IDENTITY_SHIFTED,
        {"mirror": PlainMirror(27, 44)},
        verifier(PLAIN),
    ),
    Planted(
        "the MAC stands one character early",
        Tag(mac_by=-1, mac_input_by=-1),
        Problem.MAC_SHIFTED,
        {"mac_offset": 60, "mac_input_offset": 60},
    ),
    Planted(
        "the MAC stands two characters early in a marked window",
        Tag(template=WINDOWED, mac_by=-2),
        Problem.MAC_SHIFTED,
        {"mac_offset": 66, "mac_input_offset": 59},
    ),
    Planted(
        "the MAC stands two characters late, so that its end is cut off",
        Tag(mac_by=2, mac_input_by=2),
        Problem.MAC_SHIFTED,
        {"mac_offset": 63},
    ),
    Planted(
        "PICCData was given room for 30 characters",
        Tag(rewrite=(b"?p=00", b"?p="), mac_by=-2, mac_input_by=-2),
        Problem.FIELD_LENGTH,
        {"mac_offset": 59, "mirror": EncryptedMirror(26)},
    ),
    Planted(
        "PICCData was given room for 30 characters, and the template's offsets",
        Tag(rewrite=(b"?p=00", b"?p=")),
        Problem.FIELD_LENGTH,
        {"mac_offset": 61, "mirror": EncryptedMirror(26)},
    ),
    Planted(
        "offsets were counted with https://, so that half of the MAC is cut off",
        Tag(mac_by=8, mac_input_by=8, identity_by=8),
        Problem.OFFSETS_SHIFTED,
        {"mac_offset": 69, "mirror": EncryptedMirror(34)},
    ),
    Planted(
        "the header was left out, so that the mirror runs into the host",
        Tag(template=SHORT, mac_by=-7, mac_input_by=-7, identity_by=-7),
        Problem.OFFSETS_SHIFTED,
        {"mac_offset": 53, "mirror": EncryptedMirror(18)},
    ),
    Planted(
        "the template has file data of another size",
        Tag(
            template=UrlTemplate(FILED.text.replace("16+tt@0", "32")),
        ),
        Problem.FIELD_LENGTH,
        {"uid": UID, "mac_offset": 119},
        verifier(UrlTemplate(FILED.text.replace("16+tt@0", "16"))),
    ),
    Planted(
        "the file data stands two characters late",
        Tag(template=UrlTemplate(FILED.text.replace("16+tt@0", "16")), file_by=2),
        Problem.FILE_DATA_SHIFTED,
        {"uid": UID},
    ),
    Planted(
        "the tag mirrors the UID alone",
        Tag(mirror=EncryptedMirror(26, PiccDataTag.UID)),
        Problem.IDENTITY_DIFFERS,
        {"read_counter": None, "uid": UID},
    ),
    Planted(
        "the tag mirrors UID and counter in the clear where PICCData is due",
        Tag(mirror=PlainMirror(26, 44)),
        Problem.IDENTITY_DIFFERS,
        {"mirror": PlainMirror(26, 44), "read_counter": 7},
    ),
    Planted(
        "a tag with plain mirrors is in LRP mode",
        Tag(template=PLAIN, mode=LRP),
        Problem.OTHER_MODE,
        {"mode": LRP},
        verifier(PLAIN),
    ),
    Planted(
        "a tag with plain mirrors is in AES mode where LRP is assumed",
        Tag(template=PLAIN),
        Problem.OTHER_MODE,
        {"mode": Mode.AES},
        verifier(PLAIN, mode=LRP),
    ),
    Planted(
        "a tag in AES mode has the layout for LRP",
        Tag(layout_mode=LRP),
        Problem.OTHER_MODE,
        {"mode": Mode.AES, "mac_offset": 77},
    ),
    Planted(
        "a tag in LRP mode has the layout for AES",
        Tag(template=ROOMY, mode=LRP, layout_mode=Mode.AES),
        Problem.OTHER_MODE,
        {"mode": LRP, "mac_offset": 81, "mirror": EncryptedMirror(26)},
    ),
    Planted(
        "a tag in LRP mode still has the factory keys",
        Tag(keys=ZEROS, mode=LRP),
        Problem.FACTORY_KEYS,
        {"mode": LRP, "key_version": None},
    ),
    Planted(
        "a tag in LRP mode has keys by another scheme",
        Tag(keys=scheme_keys(HKDF), mode=LRP),
        Problem.OTHER_SCHEME,
        {"mode": LRP, "scheme": "HkdfKeys"},
    ),
    Planted(
        "a tag in LRP mode has keys of another epoch",
        Tag(keys=scheme_keys(AN10922, epoch=20), mode=LRP),
        Problem.OTHER_EPOCH,
        {"mode": LRP, "epoch": 20},
    ),
    Planted(
        "the MAC of a tag in LRP mode stands over the epoch",
        Tag(
            template=EPOCH_BEHIND,
            keys=scheme_keys(AN10922, epoch=130),
            generation=Generation(1, 130),
            mode=LRP,
            mac_by=7,
        ),
        Problem.MAC_SHIFTED,
        {"mode": LRP, "epoch": 130, "mac_offset": 150},
        verifier(EPOCH_BEHIND, mode=LRP),
    ),
    Planted(
        "the MAC of a tag in LRP mode stands over the epoch, behind zeros that might be its own",
        Tag(
            template=EPOCH_NEXT,
            keys=scheme_keys(AN10922, epoch=190),
            generation=Generation(1, 190),
            mode=LRP,
            mac_by=9,
        ),
        Problem.MAC_SHIFTED,
        {"mode": LRP, "epoch": 190, "mac_offset": 131},
        verifier(EPOCH_NEXT, mode=LRP),
    ),
    Planted(
        "a tag in LRP mode has keys of another epoch, and a URL that is almost all hex",
        Tag(template=HEXED, keys=scheme_keys(AN10922, epoch=200), mode=LRP),
        Problem.OTHER_EPOCH,
        {"mode": LRP, "epoch": 200},
    ),
    Planted(
        "the MAC window of a tag in LRP mode begins at m=",
        Tag(mode=LRP, mac_input_by=-2),
        Problem.MAC_WINDOW_EARLY,
        {"mac_input_offset": 75, "mode": LRP},
    ),
    Planted(
        "the MAC window of a tag in LRP mode begins anywhere",
        Tag(mode=LRP, mac_input_by=-29),
        Problem.MAC_WINDOW_EARLY,
        {"mac_input_offset": 48, "mode": LRP},
    ),
    Planted(
        "SDM was never turned on",
        Tag(sdm_on=False),
        Problem.MIRRORS_UNTOUCHED,
        None,
    ),
    Planted(
        "SDM was never turned on, with plain mirrors",
        Tag(template=PLAIN, sdm_on=False),
        Problem.MIRRORS_UNTOUCHED,
        None,
        verifier(PLAIN),
    ),
    Planted(
        "the text of the template was written to the tag",
        Tag(),
        Problem.MIRRORS_UNTOUCHED,
        None,
        edit=lambda _url: ENCRYPTED.text,
    ),
    Planted(
        "the tag has no tamper status where the template has one",
        Tag(template=TAMPER),
        Problem.TAMPER_STATUS_MISSING,
        {"uid": UID, "key_version": 1},
        verifier(TAMPER),
    ),
    Planted(
        "the encrypted file data has no tamper status where the template has one",
        Tag(template=FILED),
        Problem.TAMPER_STATUS_MISSING,
        {"uid": UID, "key_version": 1},
    ),
    Planted(
        "the tag was written for another host, and the MAC covers that",
        Tag(
            rewrite=(b"id.example.com", b"other.example.com"),
            mac_by=3,
            mac_input_by=-54,
            identity_by=3,
        ),
        Problem.HOST_DIFFERS,
        {"mac_input_offset": 7, "mac_offset": 64, "mirror": EncryptedMirror(29)},
        also=(Problem.MAC_WINDOW_EARLY,),
    ),
    Planted(
        "the URL has the form of one candidate and the keys of another",
        Tag(keys=scheme_keys(HKDF)),
        Problem.OTHER_KEYRING,
        {"candidate": 0, "keyring": 1, "scheme": "HkdfKeys"},
        [verifier(scheme=An10922Keys(OTHER)), verifier(PLAIN, HKDF)],
    ),
]

#: Name, what is done to the URL of a good tag, what that is called, whether the MAC is still
#: found to hold, and what else is bound to be named.
EDITED = [
    (
        "a program took the first bytes of the CMAC",
        lambda url: url[:-16] + whole_cmac()[:8].hex().upper(),
        Problem.NOT_AS_A_CHIP,
        True,
    ),
    ("it was written in lower case", lower_after_origin, Problem.CASE_CHANGED, True),
    ("it was written in upper case", str.upper, Problem.CASE_CHANGED, True),
    ("a messenger cut it off", lambda url: url[:-20], Problem.TRUNCATED, False),
    ("a messenger cut its last two characters", lambda url: url[:-2], Problem.TRUNCATED, True),
    (
        "a messenger cut it and put dots",
        lambda url: url[:-9] + "...",
        Problem.TRUNCATED,
        False,
        Problem.SURROUNDED,
    ),
    (
        "PICCData lacks two characters",
        lambda url: url[:30] + url[32:],
        Problem.FIELD_LENGTH,
        False,
    ),
    ("tracking was appended", lambda url: url + "&fbclid=Iw", Problem.APPENDED, True),
    ("a fragment was appended", lambda url: url + "#top", Problem.APPENDED, True),
    (
        "tracking was put first",
        lambda url: url.replace("?", "?utm_source=x&"),
        Problem.APPENDED,
        True,
    ),
    (
        "http was made of https",
        lambda url: url.replace("https", "http"),
        Problem.SCHEME_DIFFERS,
        True,
    ),
    ("the scheme was left out", lambda url: url[8:], Problem.SCHEME_DIFFERS, True),
    (
        "it went to another host",
        lambda url: url.replace("id.example.com", "staging.example.org"),
        Problem.HOST_DIFFERS,
        True,
    ),
    ("it was percent-encoded", lambda url: quote(url, safe=""), Problem.ESCAPED, True),
    ("it was percent-encoded in part", quote, Problem.ESCAPED, True),
    ("it was written for HTML", lambda url: url.replace("&", "&amp;"), Problem.ESCAPED, True),
    (
        "it is the target of a redirect",
        lambda url: "https://l.example.net/?u=" + quote(url, safe=""),
        Problem.SURROUNDED,
        True,
        Problem.ESCAPED,
    ),
    ("there are quotes around it", lambda url: f'"{url}"', Problem.SURROUNDED, True),
    ("there is white space around it", lambda url: f" {url}\n", Problem.WHITE_SPACE, True),
    (
        "there is a line break in it",
        lambda url: url[:50] + "\r\n" + url[50:],
        Problem.WHITE_SPACE,
        True,
    ),
    ("its parameters change places", reordered, Problem.PARAMETERS_REORDERED, True),
    (
        "its parameters have other names",
        lambda url: url.replace("p=", "picc=").replace("m=", "cmac="),
        Problem.PARAMETERS_RENAMED,
        True,
    ),
    (
        "a character of its path differs",
        lambda url: url.replace("/t?", "/s?"),
        Problem.TEXT_DIFFERS,
        True,
    ),
    ("its counter was changed", lambda url: url[:-1] + "0", Problem.ONLY_PICC_DATA_OPENS, False),
]
IDENTIFIED = {"uid": UID, "key_version": 1}
SURFACE = [
    Planted(
        name,
        Tag(),
        problem,
        {"uid": UID, "key_version": 1} if holds else None,
        edit=edit,
        also=also,
    )
    for name, edit, problem, holds, *also in EDITED
] + [
    Planted(
        "UID and counter stand in reverse",
        Tag(template=PLAIN),
        Problem.MIRROR_REVERSED,
        {"uid": UID, "read_counter": 7},
        verifier(PLAIN),
        reversed_mirrors,
    ),
    Planted("the tag is a stranger's", Tag(keys=STRANGER), Problem.NO_MATCH, None),
]
PLANTED = KEYS + SETTINGS + SURFACE
