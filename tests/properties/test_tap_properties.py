"""What holds for every template, keyring and tap: no URL but the tag's own is worth anything."""

from __future__ import annotations

from random import Random

import ndef
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ntag424 import (
    Generation,
    Key,
    Keyring,
    KeyState,
    KeyVersion,
    TamperStatus,
    UrlTemplate,
    VerificationError,
    VerifiedTap,
    Verifier,
)
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    StaticKeys,
    is_diversified,
)
from ntag424.model import EncryptedMirror
from ntag424.sdm import TapMessage
from ntag424.testing import tap_source
from ntag424.url_template import ParsedTap
from tests.support import (
    BYTE,
    KEYS,
    TAMPERS,
    UIDS,
    blueprints,
    file_parts,
    generation_fields,
    generations,
    width_of,
)

#: Round trips of each scheme: 300 in all in a gate, 5,000 in a nightly run.
ROUND_TRIPS = max(45, settings().max_examples // 2)


def a_share_of_examples(divisor):
    """Try fewer examples than the profile says, where each one is a few hundred taps."""
    return settings(max_examples=settings().max_examples // divisor)


# ---- templates and the URLs they stand for --------------------------------------------------


@st.composite
def mirrored_fields(draw, blueprint):
    """Give the text of what a tag mirrors, as a tag writes it."""
    static = {"kv", "epoch", "mac-input"}
    return {
        name: draw(TAMPERS if name == "tt" else hex_texts(width_of(name, blueprint.mode)))
        for name in blueprint.names
        if name not in static
    }


def hex_texts(width):
    return st.binary(min_size=width // 2, max_size=width // 2).map(lambda b: b.hex().upper())


@st.composite
def urls(draw):
    """Give a template, a generation it can say, what the tag mirrors, and the URL of it all."""
    blueprint = draw(blueprints())
    generation = draw(generations(blueprint))
    mirrored = draw(mirrored_fields(blueprint))
    return blueprint, generation, mirrored, blueprint.url(generation_fields(generation) | mirrored)


def taken_apart(blueprint, generation, mirrored, url):
    """Return what parsing must give, from the parts the URL was made of."""
    octets = {name: bytes.fromhex(text) for name, text in mirrored.items() if name != "tt"}
    counter, tamper = mirrored.get("ctr"), mirrored.get("tt")
    message = TapMessage(
        mac=octets["mac"],
        mac_input=blueprint.mac_input(url),
        picc_data=octets.get(blueprint.picc),
        uid=octets.get("uid"),
        read_counter=None if counter is None else int(counter, 16),
        encrypted_file_data=octets.get(blueprint.file),
        tamper=None if tamper is None else TamperStatus(tamper.encode()),
        tamper_at=None if blueprint.file is None else file_parts(blueprint.file)[1],
        mode=None if blueprint.picc else blueprint.mode,
    )
    version = generation.key_version if "kv" in blueprint.names else None
    return ParsedTap(message, version, generation.epoch)


def parsed(blueprint, url):
    return UrlTemplate(blueprint.text).parse(url, mode=blueprint.mode)


@given(urls())
def test_every_url_is_taken_apart_into_what_it_was_made_of(made):
    blueprint, generation, mirrored, url = made
    assert parsed(blueprint, url) == taken_apart(blueprint, generation, mirrored, url)


@given(urls())
def test_what_is_rendered_is_parsed_into_the_same(made):
    blueprint, generation, mirrored, url = made
    template, tap = UrlTemplate(blueprint.text), taken_apart(blueprint, generation, mirrored, url)
    assert template.parse(template.render(tap), mode=blueprint.mode) == tap


@given(urls())
def test_what_is_parsed_is_rendered_into_the_same(made):
    blueprint, *_, url = made
    template = UrlTemplate(blueprint.text)
    assert template.render(template.parse(url)) == url


@given(urls(), st.integers(0, 255), st.characters(max_codepoint=0x17F))
def test_no_other_character_stands_for_a_literal_one(made, place, character):
    blueprint, *_, url = made
    fields = [blueprint.span(name) for name in blueprint.names]
    assume(place < len(url))
    assume(not any(span.start <= place < span.stop for span in fields))
    assume(character != url[place])
    with pytest.raises(VerificationError):
        UrlTemplate(blueprint.text).parse(url[:place] + character + url[place + 1 :])


@given(urls(), st.integers(0, 255), st.sampled_from("0aZ%+ &\n\0"))
def test_no_url_with_a_character_more_is_parsed(made, place, character):
    blueprint, *_, url = made
    with pytest.raises(VerificationError):
        UrlTemplate(blueprint.text).parse(url[:place] + character + url[place:])


# ---- what is written to a tag ---------------------------------------------------------------


def uri_of(ndef_file):
    """Decode an NDEF file with a library that is not ours."""
    length = int.from_bytes(ndef_file[:2], "big")
    [record] = ndef.message_decoder(ndef_file[2 : 2 + length])
    return record.iri


@given(urls())
def test_the_file_on_the_tag_is_the_url_with_zeros_for_mirrors(made):
    blueprint, generation, mirrored, _ = made
    zeros = {name: "0" * len(text) for name, text in mirrored.items()}
    layout = laid_out(blueprint, generation)
    assert uri_of(layout.ndef_file) == blueprint.url(generation_fields(generation) | zeros)


@given(urls())
def test_the_file_on_the_tag_ends_with_its_record(made):
    blueprint, generation, *_ = made
    file = laid_out(blueprint, generation).ndef_file
    assert int.from_bytes(file[:2], "big") == len(file) - 2


def laid_out(blueprint, generation, file_data=None):
    return UrlTemplate(blueprint.text).layout(generation, mode=blueprint.mode, file_data=file_data)


def offsets_of(blueprint, sdm):
    """Return where the tag is told to mirror, by name of the placeholder."""
    found = {"mac": sdm.mac_offset}
    if isinstance(sdm.mirror, EncryptedMirror):
        found[blueprint.picc] = sdm.mirror.picc_data_offset
    else:
        found |= {"uid": sdm.mirror.uid_offset, "ctr": sdm.mirror.read_counter_offset}
    if sdm.encrypted_file_data is not None:
        found[blueprint.file] = sdm.encrypted_file_data.offset
    if "tt" in blueprint.names:
        found["tt"] = sdm.tamper_offset
    return {name: offset for name, offset in found.items() if offset is not None}


@given(urls())
def test_a_tag_that_mirrors_at_the_offsets_makes_the_url(made):
    blueprint, generation, mirrored, url = made
    layout = laid_out(blueprint, generation)
    file = bytearray(layout.ndef_file)
    for name, offset in offsets_of(blueprint, layout.sdm).items():
        file[offset : offset + len(mirrored[name])] = mirrored[name].encode()
    assert uri_of(bytes(file)) == url


@given(urls())
def test_before_the_tag_mirrors_there_are_zeros_at_the_offsets(made):
    blueprint, generation, mirrored, _ = made
    layout = laid_out(blueprint, generation)
    found = {
        name: layout.ndef_file[offset : offset + len(mirrored[name])].decode()
        for name, offset in offsets_of(blueprint, layout.sdm).items()
    }
    assert found == {name: "0" * len(text) for name, text in mirrored.items()}


@given(urls())
def test_the_tag_makes_its_mac_over_what_the_reader_reads_it_over(made):
    blueprint, generation, _, url = made
    layout = laid_out(blueprint, generation)
    width = len(blueprint.mac_input(url))
    assert layout.sdm.mac_offset - layout.sdm.mac_input_offset == width


# ---- taps of every scheme -------------------------------------------------------------------

MASTERS = st.sampled_from([Key(b"A" * 16), Key(b"B" * 16)])
SYSTEM_IDS = st.sampled_from([b"", b"\0", b"\1", b"\2", b"\xff", b"\1\1", b"shop", b"shop\1"])
SALTS = st.sampled_from([b"", b"\0", b"\0\0", b"salt", b"salt\0"])
TEXTS = st.sampled_from(["", "\0", "sentry.red", "sentry.red\0", "other"])

SCHEMES = {
    "an10922": st.builds(An10922Keys, KEYS, system_id=st.binary(max_size=15)),
    "hkdf": st.builds(HkdfKeys, KEYS, salt=st.binary(max_size=70)),
    "static": st.builds(StaticKeys, file_read=KEYS, meta_read=KEYS),
    "sentry hkdf": st.builds(SentryHkdfKeys, KEYS, salt=TEXTS, info=TEXTS),
    "sentry ev2": st.builds(SentryEv2Keys, KEYS, st.none() | BYTE),
    "boltcard": st.builds(BoltcardKeys, KEYS, st.integers(0, 0xFFFFFFFF)),
    "sdm-backend": st.builds(SdmBackendKeys, KEYS | st.binary(min_size=32, max_size=32)),
}
every_scheme = pytest.mark.parametrize("schemes", SCHEMES.values(), ids=SCHEMES)


@st.composite
def taps(draw, schemes):
    """Give a template, a verifier for it, the tap of a tag, and what it must verify as."""
    scheme = draw(schemes)
    blueprint = draw(
        blueprints(
            encrypts=None if scheme.meta_read_number else False,
            shows_uid=is_diversified(scheme),
        )
    )
    generation = draw(generations(blueprint, epochs=st.sampled_from(scheme.epochs)))
    template, uid = UrlTemplate(blueprint.text), draw(UIDS)
    before = draw(st.integers(0, 0xFFFFFE))
    tamper = draw(st.sampled_from(STEADY)) if blueprint.mirrors_tamper else None
    file_data = draw(file_contents(blueprint))
    source = tap_source(
        template,
        scheme,
        uid,
        generation=generation,
        read_counter=before,
        mode=blueprint.mode,
        file_data=file_data,
        tamper=tamper,
    )
    ordinal = generation.key_version or draw(st.integers(1, 255))
    verifier = Verifier(template, Keyring.single(scheme, ordinal=ordinal), mode=blueprint.mode)
    expected = VerifiedTap(
        uid if blueprint.shows_uid else None,
        before + 1 if blueprint.shows_counter else None,
        Generation(ordinal, generation.epoch),
        blueprint.mode,
        with_tamper(blueprint, file_data, tamper),
        tamper,
    )
    return blueprint, verifier, source.tap(), expected


STEADY = [status for status in TamperStatus if status is not TamperStatus.OPENING]


@st.composite
def file_contents(draw, blueprint):
    """Give the plaintext for the file field, where there is one."""
    if blueprint.file is None:
        return None
    size, _ = file_parts(blueprint.file)
    return draw(st.binary(min_size=size, max_size=size))


def with_tamper(blueprint, file_data, tamper):
    """Return what the tag encrypts: the file as written, and in it the tamper status."""
    place = None if blueprint.file is None else file_parts(blueprint.file)[1]
    if file_data is None or place is None:
        return file_data
    return file_data[:place] + bytes(tamper) + file_data[place + 2 :]


@every_scheme
@settings(max_examples=ROUND_TRIPS)
@given(data=st.data())
def test_what_a_tag_of_any_template_makes_verifies(schemes, data):
    _, verifier, url, expected = data.draw(taps(schemes))
    assert verifier.verify(url) == expected


def refused(verifier, url):
    try:
        verifier.verify(url)
    except VerificationError:
        return True
    return False


def with_one_bit_changed(url, span):
    """Give every text that differs from *url* in one bit of one character of *span*."""
    for place in range(span.start, span.stop):
        for bit in range(8):
            yield url[:place] + chr(ord(url[place]) ^ 1 << bit) + url[place + 1 :]


@every_scheme
@a_share_of_examples(8)
@given(data=st.data())
def test_no_bit_of_a_field_can_be_changed(schemes, data):
    blueprint, verifier, url, _ = data.draw(taps(schemes))
    accepted = [
        changed
        for name in blueprint.names
        for changed in with_one_bit_changed(url, blueprint.span(name))
        if not refused(verifier, changed)
    ]
    assert accepted == []


def encrypted_pairs():
    """Give templates in which PICCData of two taps differ in what the MAC depends on."""
    return blueprints(encrypts=True, shows_uid=True).filter(lambda made: made.shows_counter)


@a_share_of_examples(8)
@given(encrypted_pairs(), KEYS, UIDS, st.integers(0, 0xFFFFFE), st.integers(0, 0xFFFFFE))
def test_a_mac_belongs_to_its_tap_alone(blueprint, master, uid, one, other):
    assume(one != other)
    template, scheme = UrlTemplate(blueprint.text), HkdfKeys(master)
    generation = Generation(1 if template.names_key_version else 0)
    tamper = TamperStatus.CLOSED if blueprint.mirrors_tamper else None
    first, second = (
        tap_source(
            template,
            scheme,
            uid,
            generation=generation,
            read_counter=before,
            mode=blueprint.mode,
            tamper=tamper,
        ).tap()
        for before in (one, other)
    )
    picc = blueprint.span(blueprint.picc)
    mixed = first[: picc.start] + second[picc] + first[picc.stop :]
    assert refused(Verifier(template, Keyring.single(scheme)), mixed)


# ---- editing k= -----------------------------------------------------------------------------

ENCRYPTED = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
PLAIN = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&u={uid}&c={ctr}&m={mac}")
K = slice(len("https://id.example.com/t#k="), len("https://id.example.com/t#k=0000"))

# Few secrets, so that keyrings often hold versions that nearly collide.
DERIVED = (
    st.builds(An10922Keys, MASTERS, system_id=SYSTEM_IDS)
    | st.builds(HkdfKeys, MASTERS, salt=SALTS)
    | st.builds(SentryHkdfKeys, MASTERS, salt=TEXTS, info=TEXTS)
    | st.builds(SentryEv2Keys, MASTERS, st.sampled_from([None, 0, 1, 2]))
)
WITH_PICC_DATA = st.builds(An10922Keys, MASTERS, system_id=SYSTEM_IDS) | st.builds(
    HkdfKeys, MASTERS, salt=SALTS
)
STATIC = st.builds(StaticKeys, file_read=MASTERS, meta_read=MASTERS)
ORDINALS = st.sampled_from([1, 2, 3, 0x10, 0x11, 0x21, 0xFE, 0xFF])
EPOCHS = st.sampled_from([0, 1, 2, 0x10, 0xFE, 0xFF]) | BYTE


@st.composite
def versions(draw, kinds):
    """Give one to four key versions, the first one active, that a keyring may well refuse."""
    schemes = draw(st.lists(draw(st.sampled_from(kinds)), min_size=1, max_size=4))
    count = len(schemes)
    ordinals = draw(st.lists(ORDINALS, min_size=count, max_size=count, unique=True))
    others = st.sampled_from([KeyState.ACCEPTING, KeyState.ACCEPTING, KeyState.RETIRED])
    states = [KeyState.ACTIVE, *(draw(others) for _ in schemes[1:])]
    return [KeyVersion(*parts) for parts in zip(ordinals, schemes, states, strict=True)]


def accepted_keyring(found):
    try:
        return Keyring(found)
    except ValueError:
        return None


def edits(k, random):
    """Give every other key version and epoch for *k*, and 200 times both."""
    yield from (f"{number:02X}{k[2:]}" for number in range(256))
    yield from (f"{k[:2]}{number:02X}" for number in range(256))
    yield from (f"{random.randrange(0x10000):04X}" for _ in range(200))


def generations_reached(verifier, url, seed):
    """Return every generation that *url* verifies as, whatever stands at k=."""
    reached = set()
    for k in edits(url[K], Random(seed)):
        try:
            tap = verifier.verify(url[: K.start] + k + url[K.stop :])
        except VerificationError:
            continue
        reached.add(tap.generation)
    return reached


def check_editing_k(template, found, data):
    keyring = accepted_keyring(found)
    assume(keyring is not None)
    version = data.draw(
        st.sampled_from([version for version in found if version.state is not KeyState.RETIRED])
    )
    own = Generation(
        version.ordinal, data.draw(EPOCHS.filter(lambda epoch: epoch in version.scheme.epochs))
    )
    source = tap_source(template, version.scheme, data.draw(UIDS), generation=own)
    reached = generations_reached(
        Verifier(template, keyring), source.tap(), data.draw(st.integers(0, 1 << 32))
    )
    assert reached == {own}


@a_share_of_examples(3)
@given(versions([DERIVED, DERIVED, STATIC]), st.data())
def test_editing_k_of_a_used_plain_tap_reaches_no_other_generation(found, data):
    check_editing_k(PLAIN, found, data)


@a_share_of_examples(3)
@given(versions([WITH_PICC_DATA, WITH_PICC_DATA, STATIC]), st.data())
def test_editing_k_of_a_used_encrypted_tap_reaches_no_other_generation(found, data):
    check_editing_k(ENCRYPTED, found, data)


@given(st.binary(max_size=14), st.integers(1, 255), MASTERS, UIDS)
@example(b"", 5, Key(b"A" * 16), bytes.fromhex("04DE5F1EACC040"))
def test_two_versions_share_a_tags_key_only_if_a_keyring_refuses_them(
    system_id, epoch, master, uid
):
    one = An10922Keys(master, system_id=system_id)
    other = An10922Keys(master, system_id=system_id + bytes([epoch]))
    found = [KeyVersion(1, one), KeyVersion(2, other, KeyState.ACCEPTING)]
    share = one.tag_key(uid, 2, epoch) == other.tag_key(uid, 2, 0)
    assert (share, accepted_keyring(found)) == (True, None)
