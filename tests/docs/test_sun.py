"""The page on SUN messages: every figure in it is computed here.

The Python blocks show what the library says; the tables, the drawing and every long
hex string are recomputed with pycryptodome and with the simulated tag's own LRP.
"""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424 import Generation, Mode, TamperStatus, UrlTemplate
from ntag424.model import MAX_READ_COUNTER
from ntag424.model.files import SdmAccess, SdmBlock
from ntag424.testing import SimulatedTag
from ntag424.testing.simulated_tag import _lrp
from tests.docs.blocks import ROOT, blocks
from tests.support import vectors

PAGE = ROOT / "docs" / "explanation" / "sun.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = blocks(PAGE)
#: The first text block is the drawing; every other one stands behind the Python it belongs to.
DRAWING, *RESULTS = [block for block in BLOCKS if block.language == "text"]
CODE = [block for block in BLOCKS if block.language == "python"]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEX = re.compile(r"[0-9A-F]{8,}")

# ---- what is on the page, from its sources ---------------------------------------------------

(AES_TAP,) = [vector for vector in vectors("sdm", "sdm_message_aes") if vector.id == "an12196-t6"]
(LRP_TAP,) = [vector for vector in vectors("lrp", "sdm_message_lrp") if vector.id == "lrp-sdm1"]
(PLAIN_TAP,) = vectors("sdm", "sdm_message_plain")
ZERO = bytes(16)
#: NLEN (2) || record header, type and URI code (5), which the phone reads as https://.
HEADER, SCHEME = 7, "https://"


def upper(octets):
    return octets.hex().upper()


#: The published message, spelled as the page's template has it.
URL = (
    f"{SCHEME}my424dna.com/?picc_data={upper(AES_TAP['picc_enc_data'])}"
    f"&enc={upper(AES_TAP['enc_file_data'])}&cmac={upper(AES_TAP['sdmmac'])}&k=0100"
)


def file_offset(part):
    return HEADER + URL.index(part) - len(SCHEME)


PICC, FILE, MAC = (
    file_offset(upper(AES_TAP[name])) for name in ("picc_enc_data", "enc_file_data", "sdmmac")
)
STATIC = file_offset("&k=") + len("&k=")
END = HEADER + len(URL) - len(SCHEME)


def cmac(key, message):
    return CMAC.new(key, message, AES).digest()


def session_key(label, shown):
    vector = bytes.fromhex(label + "00010080") + shown
    return vector.ljust(16, b"\0"), cmac(ZERO, vector.ljust(16, b"\0"))


PLAIN = AES.new(ZERO, AES.MODE_CBC, ZERO).decrypt(AES_TAP["picc_enc_data"])
UID, COUNTER, PADDING = PLAIN[1:8], PLAIN[8:11], PLAIN[11:]
SV1, ENCRYPTION_KEY = session_key("C33C", UID + COUNTER)
SV2, MAC_KEY = session_key("3CC3", UID + COUNTER)
WINDOW = URL[len(SCHEME) + FILE - HEADER : len(SCHEME) + MAC - HEADER].encode()
IV = AES.new(ENCRYPTION_KEY, AES.MODE_ECB).encrypt(COUNTER + bytes(13))
FILE_DATA = AES.new(ENCRYPTION_KEY, AES.MODE_CBC, IV).decrypt(AES_TAP["enc_file_data"])
#: The NDEF file as the tag delivers it; the header is the same before.
DELIVERED = (
    (END - 2).to_bytes(2, "big")
    + bytes((0xD1, 1, END - HEADER + 1))
    + b"U\x04"
    + URL.removeprefix(SCHEME).encode()
)


def three(number):
    return number.to_bytes(3, "little")


#: ChangeFileSettings data: options and access rights as NT4H2421Gx table 69 has them.
SETTINGS = (
    bytes((1 << 6, 0x00, 0xE0))
    + bytes((1 << 7 | 1 << 6 | 1 << 4 | 1 << 0, 0xFF, 1 << 4 | 2))
    + b"".join(map(three, (PICC, FILE, FILE, len(AES_TAP["enc_file_data"]) * 2, MAC)))
)


def lrp_decrypt(key, counter, block):
    return AES.new(_lrp.evaluate(key, counter), AES.MODE_ECB).decrypt(block)


LRP_BASE = _lrp.LrpKey.base(ZERO)
LRP_PLAIN = lrp_decrypt(LRP_BASE, LRP_TAP["picc_enc_data"][:8], LRP_TAP["picc_enc_data"][8:])
LRP_SV = bytes.fromhex("00010080") + LRP_PLAIN[1:11] + bytes.fromhex("1EE1")
LRP_MASTER = _lrp.cmac(LRP_BASE, LRP_SV)
LRP_CMAC = _lrp.cmac(_lrp.LrpKey.base(LRP_MASTER), LRP_TAP["mac_input"])


# ---- the Python blocks -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed():
    """Run the blocks in one namespace, in order, and return what each printed."""
    namespace, outputs = {"__name__": "sun"}, []
    for block in CODE:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(block.text, str(block), "exec"), namespace)
        outputs.append(output.getvalue())
    return outputs


def test_every_python_block_is_followed_by_what_it_prints():
    assert [block.language for block in BLOCKS if block is not DRAWING] == ["python", "text"] * 8


def test_the_python_blocks_print_what_the_page_shows(printed):
    assert [text.rstrip() for text in printed] == [block.text.rstrip() for block in RESULTS]


# ---- the drawing -----------------------------------------------------------------------------


def ruler(start, end):
    """Number a row's first byte and every tenth one, each over its byte."""
    line = str(start)
    for offset in range(-(-(start + 4) // 10) * 10, end, 10):
        line = line.ljust(offset - start) + str(offset)
    return line


def spans(start, *named):
    """Draw each (offset, characters, name) under its bytes; a narrow one is named beside it."""
    line = ""
    for offset, width, name in named:
        line = line.ljust(offset - start)
        fits = len(name) + 2 <= width
        line += f"|{name.center(width - 2, '-')}|" if fits else f"|{'-' * (width - 2)}| {name}"
    return line


def drawing():
    text = "." * HEADER + URL.removeprefix(SCHEME)
    first = [(0, HEADER, "NDEF"), (PICC, 32, "PICCData")]
    second = [(FILE, 32, "SDMENCFileData"), (MAC, 16, "SDMMAC"), (STATIC, 2, "kv")]
    third = [(FILE, MAC - FILE, "MAC window"), (STATIC + 2, 2, "epoch")]
    lines = [ruler(0, FILE), text[:FILE], spans(0, *first), ""]
    lines += [ruler(FILE, END), text[FILE:], spans(FILE, *second), spans(FILE, *third)]
    return "\n".join(lines) + "\n"


def test_the_drawing_is_what_the_published_url_gives():
    assert DRAWING.text == drawing()


def test_drawings_and_code_stay_within_100_columns():
    assert [line for block in BLOCKS for line in block.text.splitlines() if len(line) > 100] == []


# ---- the tables ------------------------------------------------------------------------------


def template_text():
    return re.search(r'UrlTemplate\(\s*"([^"]+)"', CODE[0].text)[1]


def rows_under(title):
    """Return the cells of the table that is headed by *title*, without that heading."""
    lines = TEXT.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {title} |")) + 2
    end = next(place for place in range(start, len(lines)) if not lines[place])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


def backticked(octets):
    return f"`{upper(octets)}`"


def places(*sizes):
    """Write the places that parts of these sizes take, one behind the other."""
    start, written = 0, []
    for size in sizes:
        written.append(str(start) if size == 1 else f"{start} to {start + size - 1}")
        start += size
    return written


def test_the_table_of_fields_says_where_they_are_in_the_published_url():
    fields = [(name, int(at), int(width)) for name, _, at, width, *_ in rows_under("field")]
    assert fields == [
        ("PICCData", PICC, len(AES_TAP["picc_enc_data"]) * 2),
        ("SDMENCFileData", FILE, len(AES_TAP["enc_file_data"]) * 2),
        ("MAC window", FILE, len(AES_TAP["mac_input"])),
        ("SDMMAC", MAC, len(AES_TAP["sdmmac"]) * 2),
        ("key version, epoch", STATIC, END - STATIC),
    ]


@pytest.mark.parametrize("row", rows_under("field"), ids=lambda row: row[0])
def test_the_table_of_fields_says_what_the_window_covers(row):
    start = int(row[2])
    inside = start in range(FILE, MAC) and start + int(row[3]) <= MAC
    assert row[4] == ("yes" if inside else "no")


@pytest.mark.parametrize("row", rows_under("field"), ids=lambda row: row[0])
def test_the_table_of_fields_says_what_the_tag_replaces(row):
    place = slice(int(row[2]), int(row[2]) + int(row[3]))
    file = UrlTemplate(template_text()).layout(Generation(1)).ndef_file
    unchanged = "" if row[0] == "MAC window" else "at each tap"
    assert row[5] == ("once" if file[place] == DELIVERED[place] else unchanged)


def test_the_table_of_fields_names_the_placeholders_of_the_template():
    named = [row[1] for row in rows_under("field")]
    assert named == [
        *("`{picc}`", "`{file:16}`", "`{mac-input}` to `{mac}`", "`{mac}`", "`{kv}{epoch}`")
    ]


def test_the_tag_byte_has_the_bits_that_the_table_names():
    assert PLAIN[0] == 1 << 7 | 1 << 6 | len(UID)


def test_the_table_of_picc_data_takes_the_published_one_apart():
    tag = "PICCDataTag: bit 7 UID follows, bit 6 counter follows, bits 3 to 0 length of the UID"
    meanings = (tag, "UID", "SDMReadCtr, LSB first", "random")
    parts = (PLAIN[:1], UID, COUNTER, PADDING)
    assert rows_under("bytes of PICCData") == [
        [place, backticked(part), meaning]
        for place, part, meaning in zip(places(1, 7, 3, 5), parts, meanings, strict=True)
    ]


def test_the_table_of_the_ndef_file_takes_its_beginning_apart():
    length, payload = int.from_bytes(DELIVERED[:2], "big"), DELIVERED[4]
    parts = [
        (0, 2, f"NLEN, MSB first: the message has {length} bytes"),
        (2, 4, f"one short record of a well-known type, {DELIVERED[3]} character long"),
        (4, 5, f"its payload has {payload} bytes: URI code and text"),
        (5, 6, f"its type: `{chr(DELIVERED[5])}`, a URI"),
        (6, HEADER, f"URI code: `{SCHEME}`; the text follows"),
    ]
    assert rows_under("offset") == [
        [str(start), backticked(DELIVERED[start:end]), meaning] for start, end, meaning in parts
    ]


def test_the_ndef_file_of_the_template_begins_as_the_table_says():
    layout = UrlTemplate(template_text()).layout(Generation(1))
    assert layout.ndef_file[:HEADER] == DELIVERED[:HEADER]


def test_the_table_of_settings_takes_the_bytes_apart():
    rights, access = SETTINGS[1:3], SETTINGS[4:6]
    offsets = [str(int.from_bytes(SETTINGS[at : at + 3], "little")) for at in range(6, 21, 3)]
    fields = {
        "FileOption": "SDM on, plain communication",
        "AccessRights": f"read free; write, read-and-write, change: key {rights[0]}",
        "SDMOptions": "UID, counter, file data, ASCII",
        "SDMAccessRights": f"SDMCtrRet never, SDMMetaRead key {access[1] >> 4}, "
        f"SDMFileRead key {access[1] & 0xF}",
    }
    names = ("PICCDataOffset", "SDMMACInputOffset", "SDMENCOffset", "SDMENCLength", "SDMMACOffset")
    fields |= dict(zip(names, offsets, strict=True))
    sizes = (1, 2, 1, 2, 3, 3, 3, 3, 3)
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    values = [SETTINGS[at : at + size] for at, size in zip(starts, sizes, strict=True)]
    assert rows_under("bytes") == [
        [place, backticked(value), name, meaning]
        for place, value, (name, meaning) in zip(
            places(*sizes), values, fields.items(), strict=True
        )
    ]


def test_the_bytes_of_the_settings_are_what_the_library_writes():
    layout = UrlTemplate(template_text()).layout(Generation(1))
    assert bytes(SdmBlock.of(layout.sdm, SdmAccess(file_read=2, meta_read=1))) == SETTINGS[3:]


# ---- the prose -------------------------------------------------------------------------------

WORDS = {2: "two", 3: "three", 7: "seven", 8: "eight"}
PROSE = " ".join(
    line.strip() for line in FENCE.sub("", TEXT).splitlines() if not line.startswith(("|", "#"))
)


def options(template):
    """Return SDMOptions of a template whose mirrors are in the clear."""
    settings = UrlTemplate(f"https://t.example/?{template}&m={{mac}}").layout().sdm
    return bytes(SdmBlock.of(settings, SdmAccess(file_read=2, meta_read=None)))[0]


ASCII_BIT = options("{uid}") & options("{ctr}")
UID_BIT, COUNTER_BIT = options("{uid}") ^ ASCII_BIT, options("{ctr}") ^ ASCII_BIT
BOTH = options("{uid}{ctr}")
FILE_BIT = options("{uid}{ctr}{mac-input}{file:16}") ^ BOTH
TAMPER_BIT = options("{uid}{ctr}{mac-input}{tt}") ^ BOTH
LIMIT_BIT = 1 << 5


def uri_code(prefix):
    return UrlTemplate(f"{prefix}t.example/?u={{uid}}&m={{mac}}").layout().ndef_file[6]


PREFIXES = sorted(["https://", "http://", "https://www.", "http://www."], key=uri_code)
FIRST_CODE, LAST_CODE = uri_code(PREFIXES[0]), uri_code(PREFIXES[-1])
AES_PICC, LRP_PICC = (len(tap["picc_enc_data"]) * 2 for tap in (AES_TAP, LRP_TAP))
MAC_WIDTH = len(AES_TAP["sdmmac"]) * 2
LRP_MAC = UrlTemplate(template_text()).layout(mode=Mode.LRP).sdm.mac_offset
STATUS = {status.name: status.value.decode() for status in TamperStatus}
#: Every piece of the prose that has a number in it, made of what was computed above.
CLAIMS = [
    f"The file begins with {WORDS[HEADER]} bytes which the phone turns into `{SCHEME}`",
    f"Each is a label, `{upper(SV2[2:4])} {upper(SV2[4:6])}`, UID, counter",
    "SV1 gives the encryption key, SV2 the MAC key",
    f"Of its {len(cmac(MAC_KEY, WINDOW))} bytes the odd ones travel, counted from 0",
    f"URI codes {FIRST_CODE:02} to {LAST_CODE:02} are `{PREFIXES[0]}`, `{PREFIXES[1]}`,",
    f"`{PREFIXES[2]}` and `{PREFIXES[3]}`",
    f"stands at counter {int.from_bytes(COUNTER, 'little') - 1} and draws",
    "ChangeFileSettings of file 02 carries",
    f"Numbers of {WORDS[len(three(PICC))]} bytes, and the {WORDS[2]} words of access rights",
    f"adds `{UID_BIT:02X}` for the UID, `{COUNTER_BIT:02X}` for the counter,",
    f"`{LIMIT_BIT:02X}` for SDMReadCtrLimit, `{FILE_BIT:02X}` for file data,",
    f"`{TAMPER_BIT:02X}` for the tamper status and `{ASCII_BIT:02X}` for ASCII",
    f"in the clear, as {len(UID) * 2} and {len(COUNTER) * 2} characters",
    "In SV1, SV2, the IV and PICCData it is LSB first",
    f"SV2 leaves out what is not shown, and zeros fill it to {len(SV2)} bytes",
    f"mirrors {WORDS[len(bytes(TamperStatus.OPEN))]} characters, not hex",
    f"`{STATUS['CLOSED']}` is closed, `{STATUS['OPEN']}` open,",
    f"`{STATUS['RECLOSED']}` closed again, `{STATUS['OPENING']}` open but not yet latched",
    f"`{STATUS['NOT_ENABLED']}` says that the feature was never turned on",
    "`{tt}` puts them into the text, and `{file:16+tt@0}` into the half that is encrypted",
    f"grows from {AES_PICC} to {LRP_PICC} characters,",
    f"because {WORDS[(LRP_PICC - AES_PICC) // 2]} random bytes, PICCRand",
    f"SDMMAC is at {LRP_MAC} in the example",
    f"LSB first, and {WORDS[6 - len(COUNTER)]} zero bytes",
    f"ends in `{upper(LRP_SV[-2:])}`",
    "updated key 0 makes the MAC and updated key 1 encrypts",
    f"SDMReadCtr has {MAX_READ_COUNTER.bit_length()} bits and is 0 when",
    "so no tap shows 0.",
    "`AD` is ReadData here, and `F5` GetFileSettings",
    f"or at `{MAX_READ_COUNTER:06X}`, a tag",
    f"PICCData has {AES_PICC} characters, in LRP mode {LRP_PICC}; SDMMAC has {MAC_WIDTH}",
    "as it does for counter 0",
    "enters SV2 (no template makes such settings)",
]
#: Documents, products, and names that have a number in them.
NAMES = re.compile(
    r"\]\([^)]*\)|§[0-9.]*[0-9]|NT4H2421[GT]x|NTAG 424|AN12196, table 6|AN12196|AN12304"
)


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_prose_says_what_was_computed(claim):
    assert claim in PROSE


def test_no_number_of_the_prose_stands_outside_those_sentences():
    rest = PROSE
    for claim in CLAIMS:
        rest = rest.replace(claim, "")
    assert re.findall(r".{0,20}[0-9].{0,20}", NAMES.sub("", rest)) == []


def test_a_tag_takes_the_option_bit_of_the_limit_with_three_bytes_more():
    limited = SETTINGS[:3] + bytes((SETTINGS[3] | LIMIT_BIT,)) + SETTINGS[4:] + three(8)
    tag = SimulatedTag(
        uid=UID, keys=[ZERO] * 5, ndef_file=DELIVERED, file_settings=limited, read_counter=7
    )
    tag.tap()
    with pytest.raises(ValueError, match="the tag answered"):
        tag.tap()


# ---- long hex, wherever it stands ------------------------------------------------------------


def known_hex():
    """Return every long hex string that the page may show, none of them by the library."""
    last = [session_key("3CC3", shown)[0] for shown in (UID, COUNTER)]
    vectors_and_keys = (SV1, SV2, ENCRYPTION_KEY, MAC_KEY, *last, LRP_PLAIN, LRP_SV, LRP_MASTER)
    pieces = (PLAIN, UID, PADDING, cmac(MAC_KEY, WINDOW), IV, SETTINGS, LRP_TAP["uid"])
    published = [
        vector[name]
        for vector in (AES_TAP, LRP_TAP, PLAIN_TAP)
        for name in ("picc_enc_data", "enc_file_data", "sdmmac", "uid")
        if name in vector
    ]
    reads = [bytes.fromhex("AD 02") + three(0) + three(0)]
    found = (*vectors_and_keys, *pieces, *published, *tamper_texts(), *reads)
    return {upper(value) for value in found}


def shown_hex():
    """Return every long hex string of the page, spaces between single bytes left out."""
    return set(HEX.findall(re.sub(r"\b([0-9A-F]{2}) (?=[0-9A-F]{2}\b)", r"\1", TEXT)))


def tamper_texts():
    """Compute file data and MACs of the two taps of an opened loop."""
    encrypted = AES.new(ENCRYPTION_KEY, AES.MODE_CBC, IV).encrypt(b"OO".ljust(16, b"0"))
    windows = (b"OO&m=", upper(encrypted).encode() + b"&m=")
    return [encrypted, *(cmac(MAC_KEY, window)[1::2] for window in windows)]


def test_every_long_hex_string_on_the_page_was_computed():
    assert shown_hex() - known_hex() == set()


def test_every_computed_value_is_on_the_page():
    assert known_hex() - shown_hex() == set()


def test_the_computed_values_are_those_that_were_published():
    published = [AES_TAP[name] for name in ("picc_plain", "sv2", "k_ses_mac", "file_data")]
    assert published == [PLAIN, SV2, MAC_KEY, FILE_DATA]


def test_the_window_is_the_published_one():
    assert AES_TAP["mac_input"] == WINDOW


def test_the_lrp_example_has_the_published_mac():
    assert LRP_CMAC[1::2] == LRP_TAP["sdmmac"]
