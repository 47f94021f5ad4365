"""Each mistake that hosts make with a tag is named as the one it is, and nothing else is."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntag424 import Key, Mode
from ntag424.commands import ChangeKey, GetFileSettings
from ntag424.crypto import aes_cbc_encrypt, aes_cmac, aes_ecb_encrypt
from ntag424.diagnosis import (
    AesSession,
    Exchange,
    Known,
    KnownKey,
    Part,
    diagnose,
    exchange_text,
    read_log,
)
from ntag424.model.files import FACTORY_SETTINGS
from ntag424.session import Session
from ntag424.testing import SimulatedTag
from tests.ntag424.diagnosis.recordings import (
    FACTORY,
    FACTORY_KEYS,
    Recorder,
    logged,
    protected,
)

ENC, MAC, TI = bytes(range(16)), bytes(range(16, 32)), bytes.fromhex("7A21085E")
OLD, NEW = b"the old key, 16b", b"the new key, 16b"
COUNTER = 2
KNOWN = Known(
    keys=(KnownKey("the old key of slot 1", Key(OLD), 1),),
    session=AesSession(
        transaction_id=TI,
        mac_key=Key(MAC),
        enc_key=Key(ENC),
        command_counter=COUNTER,
        key_number=0,
    ),
    settings=FACTORY_SETTINGS,
)
SDM = bytes.fromhex("4000E0C1F121200000430000430000")


def padded(octets):
    return octets + b"\x80" + bytes(-(len(octets) + 1) % 16)


def zeros(octets):
    return octets + bytes(-len(octets) % 16)


@dataclass(frozen=True)
class Host:
    """A host that does one thing otherwise than it is due; by default nothing."""

    ins: int = 0x8D
    header: bytes = bytes.fromhex("03 000000 0A0000")
    payload: bytes = b"0123456789"
    pad: object = padded
    counter: int = COUNTER
    counter_order: str = "little"
    ti: bytes = TI
    enc: bytes = ENC
    mac_key: bytes = MAC
    iv: object = None
    cut: object = staticmethod(lambda full: full[1::2])
    covers: object = None

    def command(self):
        counter = self.counter.to_bytes(2, self.counter_order)
        data = self.payload and self._encrypted(counter)
        covered = data if self.covers is None else self.covers(self.payload)
        message = bytes((self.ins,)) + counter + self.ti + self.header + covered
        body = self.header + data + self.cut(aes_cmac(self.mac_key, message))
        return bytes((0x90, self.ins, 0, 0, len(body))) + body + b"\0"

    def _encrypted(self, counter):
        due = b"\xa5\x5a" + self.ti + counter + bytes(8)
        iv = aes_ecb_encrypt(self.enc, due) if self.iv is None else self.iv
        return aes_cbc_encrypt(self.enc, iv, self.pad(self.payload))


def answer_iv(counter):
    return aes_ecb_encrypt(ENC, b"\x5a\xa5" + TI + counter.to_bytes(2, "little") + bytes(8))


def jam(octets, *, inverted=False):
    crc = zlib.crc32(octets)
    return (crc if inverted else crc ^ 0xFFFFFFFF).to_bytes(4, "little")


def xored(one=NEW, other=OLD):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def change_key(key_data, number=1, **options):
    return Host(0xC4, bytes((number,)), key_data, **options)


RIGHT = {
    "WriteData": Host(),
    "ChangeKey": change_key(xored() + b"\x07" + jam(NEW)),
    "ChangeKey of key 0": change_key(NEW + b"\x07", 0),
    "ChangeFileSettings": Host(0x5F, b"\x02", SDM),
    "GetCardUid": Host(0x51, b"", b""),
}
MISTAKES = {
    "counter ahead": (Host(counter=3), Part.COUNTER, "made with command counter 3, and 2 is due"),
    "counter behind": (Host(counter=0), Part.COUNTER, "command counter 0, and 2 is due"),
    "counter in reverse": (
        Host(counter=2, counter_order="big"),
        Part.COUNTER,
        "512, and 2 is due",
    ),
    "first 8 bytes": (Host(cut=lambda full: full[:8]), Part.MAC, "the first 8 bytes of the CMAC"),
    "last 8 bytes": (Host(cut=lambda full: full[8:]), Part.MAC, "the last 8 bytes"),
    "even bytes": (Host(cut=lambda full: full[::2]), Part.MAC, "the even bytes"),
    "whole CMAC": (
        Host(payload=b"", ins=0x51, header=b"", cut=bytes),
        Part.DATA,
        "nothing to enc",
    ),
    "TI in reverse": (Host(ti=TI[::-1]), Part.TRANSACTION_ID, "in reverse"),
    "TI of zeros": (Host(ti=bytes(4)), Part.TRANSACTION_ID, "zeros for it"),
    "keys mixed up": (Host(mac_key=ENC), Part.KEY, "the encryption key of the session"),
    "MAC over the plaintext": (Host(covers=bytes), Part.MAC, "over the plaintext"),
    "MAC without the data": (Host(covers=lambda _: b""), Part.MAC, "without the data"),
    "IV of the answer": (Host(iv=answer_iv(3)), Part.IV, "the IV of the other direction"),
    "label of the answer": (Host(iv=answer_iv(2)), Part.IV, "label of the other direction"),
    "IV of zeros": (Host(iv=bytes(16)), Part.IV, "an IV of zeros"),
    "IV not encrypted": (
        change_key(xored() + b"\x07" + jam(NEW), iv=b"\xa5\x5a" + TI + b"\2\0" + bytes(8)),
        Part.IV,
        "it was not encrypted",
    ),
    "IV of the answer for a key": (
        change_key(xored() + b"\x07" + jam(NEW), iv=answer_iv(3)),
        Part.IV,
        "the IV of the other direction",
    ),
    "encrypted with the MAC key": (
        change_key(NEW + b"\x07", 0, enc=MAC),
        Part.KEY,
        "encrypted with the MAC key",
    ),
    "encrypted with a third key": (
        change_key(NEW + b"\x07", 0, enc=b"another key, 16b"),
        Part.KEY,
        "the encryption key is another",
    ),
    "no 80": (Host(pad=zeros), Part.PADDING, "80 is missing"),
    "no 80 behind key data": (
        change_key(xored() + b"\x07" + jam(NEW), pad=zeros),
        Part.PADDING,
        "80 is missing",
    ),
    "whole blocks without padding": (
        Host(header=bytes.fromhex("03 000000 100000"), payload=b"0123456789ABCDEF", pad=bytes),
        Part.PADDING,
        "whole blocks get one more",
    ),
    "length in reverse": (
        Host(header=bytes.fromhex("03 000000 00000A")),
        Part.DATA,
        "10 bytes were encrypted, and 655360 are due",
    ),
    "beyond the file": (
        Host(header=bytes.fromhex("03 7F0000 0A0000")),
        Part.HEADER,
        "reach to 137, and the file has 128",
    ),
    "another old key": (
        change_key(xored(NEW, b"yet another key!") + b"\x07" + jam(NEW)),
        Part.KEY_DATA,
        "the old key is none of the keys given",
    ),
    "not XORed": (
        change_key(NEW + b"\x07" + jam(NEW)),
        Part.KEY_DATA,
        "the new key was not XORed",
    ),
    "checksum over the old key": (
        change_key(xored() + b"\x07" + jam(OLD)),
        Part.KEY_DATA,
        "CRC32NK is over the old key",
    ),
    "checksum inverted": (
        change_key(xored() + b"\x07" + jam(NEW, inverted=True)),
        Part.KEY_DATA,
        "inverted at the end, as zlib does",
    ),
    "checksum in reverse": (
        change_key(xored() + b"\x07" + jam(NEW)[::-1]),
        Part.KEY_DATA,
        "CRC32NK stands in reverse",
    ),
    "version behind the checksum": (
        change_key(xored() + jam(NEW) + b"\x07"),
        Part.KEY_DATA,
        "before the key version",
    ),
    "no checksum": (change_key(xored() + b"\x07"), Part.DATA, "and CRC32NK"),
    "checksum for key 0": (
        change_key(xored() + b"\x07" + jam(NEW), 0),
        Part.DATA,
        "key 0 takes the new key and its version alone",
    ),
    "settings that contradict": (
        Host(0x5F, b"\x02", bytes.fromhex("4000E040F121200000430000430000")),
        Part.SETTINGS,
        "919E",
    ),
}


def faults(*exchanges, known=None):
    if known is None:
        # Key 0 may do all but what file 3 leaves to key 3.
        number = 3 if exchanges[0].command[1] in (0x8D, 0xAD) else 0
        known = replace(KNOWN, session=replace(KNOWN.session, key_number=number))
    return diagnose(exchanges, known).faults


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_has_no_fault(name):
    assert faults(Exchange(RIGHT[name].command())) == ()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_and_nothing_else(name):
    host, part, text = MISTAKES[name]
    (fault,) = faults(Exchange(host.command()))
    assert fault.part is part
    assert text in fault.text


def framed(body, ins, *, le=b"\0"):
    return bytes((0x90, ins, 0, 0, len(body))) + body + le


FRAMES = {
    "no MAC": (framed(b"\x02", 0xF5), Part.MAC, "is missing"),
    "settings in the clear": (framed(b"\x02" + SDM, 0x5F), Part.DATA, "sent in the clear"),
    "no Le": (Host().command()[:-1], Part.LE, "is missing"),
    "Lc without the MAC": (
        bytes.fromhex("9051000000") + Host(0x51, b"", b"").command()[5:],
        Part.LC,
        "it says 0, and 9 bytes follow",
    ),
    "padding for no data": (
        framed(b"\x03" + bytes(6) + bytes(16) + bytes(8), 0xAD),
        Part.DATA,
        "a block of padding was encrypted",
    ),
    "ISO class": (b"\0" + Host().command()[1:], Part.CLA, "native commands have 90"),
    "no such command": (framed(bytes(8), 0x6F), Part.INS, "no command 6F"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_wrong_frame_is_named_and_nothing_else(name):
    command, part, text = FRAMES[name]
    (fault,) = faults(Exchange(command))
    assert fault.part is part
    assert text in fault.text


def test_a_key_that_is_changed_rightly_and_refused_has_another_old_key():
    exchange = Exchange(RIGHT["ChangeKey"].command(), bytes.fromhex("911E"))
    (fault,) = faults(exchange)
    assert (fault.part, fault.text[:38]) == (
        Part.KEY_DATA,
        "MAC, padding and checksum hold: the ol",
    )


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("ChangeKey", 1, "key 1 is authenticated, and ChangeKey takes key 0: 91AE."),
        ("WriteData", 0, "key 0 has no right to write file 3: 91AE."),
    ],
)
def test_a_key_without_the_right_is_named(name, number, text):
    known = replace(KNOWN, session=replace(KNOWN.session, key_number=number))
    (fault,) = faults(Exchange(RIGHT[name].command()), known=known)
    assert (fault.part, fault.text) == (Part.KEY, text)


def test_changed_settings_hold_for_what_follows():
    free = bytes.fromhex("00E0EE")
    sent = Host(0x5F, b"\x03", free).command()
    body = b"\0" + (COUNTER + 1).to_bytes(2, "little") + TI
    answered = Exchange(sent, aes_cmac(MAC, body)[1::2] + bytes.fromhex("9100"))
    plain = framed(bytes.fromhex("03 000000 020000") + b"ab", 0x8D)
    assert faults(answered, Exchange(plain)) == ()


def test_the_counter_goes_on_from_what_was_used():
    first = Exchange(Host(counter=3).command())
    second = Exchange(Host(counter=4).command())
    assert [fault.part for fault in faults(first, second)] == [Part.COUNTER]


def test_after_a_refusal_nobody_is_authenticated():
    refused = Exchange(Host(0x51, b"", b"").command(), bytes.fromhex("911E"))
    later = Exchange(bytes.fromhex("90C4000001 00 00"), bytes.fromhex("91AE"))
    assert "whatever key is named" in diagnose([refused, later], KNOWN).exchanges[1].cause


@pytest.mark.parametrize("word", ["6300", "6401", "6F00"])
def test_a_readers_own_word_is_told_from_the_tags(word):
    (fault,) = faults(Exchange(RIGHT["GetCardUid"].command(), bytes.fromhex(word)))
    assert (fault.part, "the reader's own" in fault.text) == (Part.STATUS, True)


# ---- authentications ------------------------------------------------------------------------

RND_A, RND_B, KEY = bytes(range(0x40, 0x50)), bytes(range(0x60, 0x70)), b"application key!"
OURS = KnownKey("our key 0", Key(KEY), 0)
OTHERS = KnownKey("our key 1", Key(b"another key, 16b"), 1)


def left(octets):
    return octets[1:] + octets[:1]


def authentication(proof, *, number=0, answered=True):
    first = Exchange(
        bytes((0x90, 0x71, 0, 0, 2, number, 0, 0)),
        aes_cbc_encrypt(KEY, bytes(16), RND_B) + bytes.fromhex("91AF"),
    )
    opened = TI + left(RND_A) + bytes(12)
    answer = aes_cbc_encrypt(KEY, bytes(16), opened) + bytes.fromhex("9100")
    second = Exchange(framed(proof, 0xAF), answer if answered else bytes.fromhex("91AE"))
    return first, second


def proof(opened=None, key=KEY):
    return aes_cbc_encrypt(key, bytes(16), opened or RND_A + left(RND_B))


HANDSHAKES = {
    "not turned": (proof(RND_A + RND_B), Part.DATA, "was not turned"),
    "turned the wrong way": (proof(RND_A + RND_B[-1:] + RND_B[:-1]), Part.DATA, "the wrong way"),
    "in the other order": (proof(left(RND_B) + RND_A), Part.DATA, "stands before RndA"),
    "two blocks": (
        proof(RND_A) + proof(left(RND_B)),
        Part.DATA,
        "each block was encrypted by itself",
    ),
    "another key": (proof(key=b"not this key 16b"), Part.KEY, "did not make"),
    "too short": (proof(RND_A), Part.DATA, "16 bytes of data, and 32 are due"),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_mistake_in_an_authentication_is_named_and_nothing_else(name):
    sent, part, text = HANDSHAKES[name]
    (fault,) = faults(*authentication(sent, answered=False), known=Known(keys=(OURS,)))
    assert fault.part is part
    assert text in fault.text


def test_a_proof_that_is_right_and_refused_says_that_the_tag_has_another_key():
    # The tag's challenge was made under its own key, so this log cannot come about by chance.
    (fault,) = faults(*authentication(proof(), answered=False), known=Known(keys=(OURS,)))
    assert (fault.part, "the tag has another key" in fault.text) == (Part.KEY, True)


def test_a_key_of_another_slot_is_named_by_its_slot():
    keys = (replace(OURS, number=3, name="our key 3"), replace(OTHERS, number=0))
    (fault,) = faults(*authentication(proof()), known=Known(keys=keys))
    assert fault.part is Part.KEY_NUMBER
    assert fault.text == "key 0 is asked for, and the key of our key 3 is used."


def test_without_keys_an_authentication_is_read_and_not_judged():
    assert faults(*authentication(proof()), known=Known()) == ()


# ---- LRP ------------------------------------------------------------------------------------


def lrp_tag():
    return SimulatedTag(
        uid=bytes.fromhex("04DE5F1EACC040"),
        keys=[bytes(16)] * 5,
        ndef_file=b"",
        file_settings=bytes.fromhex("00E0EE"),
        lrp=True,
    )


def lrp_exchanges():
    recorder = Recorder(lrp_tag())
    session = Session(recorder)
    session.select()
    one = session.authenticate(0, FACTORY, mode=Mode.LRP)
    one.send(GetFileSettings(2))
    one.send(ChangeKey(1, FACTORY, Key(NEW), 7))
    return recorder.exchanges


def lrp_recording(name="lrp-write-and-read"):
    return next(each for each in protected() if each.id == name)


@pytest.mark.parametrize(
    ("change", "part", "text"),
    [
        ({"command_counter": 5}, Part.COUNTER, "command counter 0, and 5 is due"),
        ({"encryption_counter": 3}, Part.IV, "from EncCtr 1 on; 3 is due"),
        ({"transaction_id": bytes.fromhex("76224F20")}, Part.TRANSACTION_ID, "in reverse"),
        ({"master": Key(bytes(16))}, Part.KEY, "the session keys are others"),
    ],
)
def test_in_lrp_mode_what_is_known_wrongly_is_named(change, part, text):
    recording = lrp_recording()
    session = replace(recording.known.session, **change)
    first = faults(*recording.exchanges, known=Known(session=session))[0]
    assert (first.part, text in first.text) == (part, True)


def test_in_lrp_mode_the_old_key_is_found():
    found = diagnose(lrp_exchanges(), Known(keys=FACTORY_KEYS))
    told = {field.name: field for field in found.exchanges[-1].fields}
    assert (found.faults, told["old key"].meaning, told["new key"].octets) == ((), "key 1", NEW)


def test_in_lrp_mode_a_wrong_key_is_named():
    keys = (KnownKey("our key", Key(NEW), 0),)
    (fault,) = faults(*lrp_exchanges()[1:3], known=Known(keys=keys))
    assert (fault.part, fault.text[:16]) == (Part.KEY, "our key did not ")


# ---- secrets, and anything at all -----------------------------------------------------------


def spellings(key):
    return [key.hex(), key.hex().upper(), repr(key)[2:-1], key.hex(" "), str(list(key))]


def test_no_key_is_shown_or_logged(caplog):
    caplog.set_level(logging.DEBUG)
    exchanges = [Exchange(each.command()) for each in RIGHT.values()]
    exchanges += [Exchange(each[0].command()) for each in MISTAKES.values()]
    found = [diagnose([exchange], KNOWN) for exchange in exchanges]
    found.append(diagnose(authentication(proof()), Known(keys=(OURS,))))
    shown = [str(each) + repr(each) for each in found] + [repr(KNOWN), repr(OURS), caplog.text]
    secrets = [ENC, MAC, OLD, NEW, KEY, RND_A, RND_B, xored()]
    spelled = [text for secret in secrets for text in spellings(secret)]
    assert [text for text in spelled if any(text in each for each in shown)] == []


def test_a_new_key_is_shown_to_who_asks_for_it():
    (decoded,) = diagnose([Exchange(RIGHT["ChangeKey"].command())], KNOWN).exchanges
    assert NEW.hex().upper() in exchange_text(1, decoded, reveal=True)
    assert "new key        (16 secret bytes)" in exchange_text(1, decoded)


CHUNKS = st.lists(st.sampled_from([pair[0] for pair in logged()]), max_size=3).map(b"".join)


@given(
    st.lists(
        st.tuples(st.binary(max_size=40) | CHUNKS, st.none() | st.binary(min_size=2, max_size=40)),
        max_size=4,
    )
)
@settings(max_examples=20)  # each may search through all that a MAC could be of
def test_no_bytes_make_it_raise(pairs):
    exchanges = [Exchange(command, answer) for command, answer in pairs]
    str(diagnose(exchanges, replace(KNOWN, keys=FACTORY_KEYS)))


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["--> 90", "<- 91 AF", "[1, 2]", "|"])).map("\n".join)
)
def test_no_text_makes_the_reader_of_logs_raise(text):
    read_log(text)


@pytest.mark.parametrize("answer", [b"", b"\x91"])
def test_an_answer_without_a_status_word_is_named(answer):
    (fault,) = faults(Exchange(RIGHT["GetCardUid"].command(), answer))
    assert fault.part is Part.STATUS
