"""The simulated tag delivers what tags of others delivered, character for character."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424.testing.simulated_tag import SimulatedTag, _lrp
from tests.ntag424.testing.reading import BOTH, ENC, TAMPER, block, hexed, lricb_decrypt, read
from tests.support import vectors

GIVEN_KEYS = vectors("sdm", "sdm_message_file")
BACKEND = vectors("sdm", "sdm_message_sdm_backend")
PLAIN = vectors("sdm", "sdm_message_plain")
LRP = vectors("lrp", "sdm_message_lrp")
[TAMPER_TAP] = [vector for vector in BACKEND if vector.id == "sdm-backend-tamper"]


def by_vector(chosen):
    return pytest.mark.parametrize("vector", chosen, ids=lambda vector: vector.id)


@dataclass(frozen=True)
class Tap:
    """A message with PICCData by another tag: its parts as text, and where they stood."""

    picc: bytes
    window: bytes
    mac: bytes
    enc: bytes = b""
    secret: bytes = b""

    @classmethod
    def of(cls, vector):
        enc = hexed(vector["enc_file_data"]) if "enc_file_data" in vector else b""
        secret = vector["file_data"] if enc else b""
        # Without words of its own, the window is SDMENCFileData alone.
        window = vector["mac_input"] if vector.op != "sdm_message_sdm_backend" else enc
        return cls(hexed(vector["picc_enc_data"]), window, hexed(vector["sdmmac"]), enc, secret)

    @property
    def before(self):
        """PICCData stands in front of the window, unless that covers it."""
        return b"" if self.picc in self.window else self.picc

    @property
    def delivered(self):
        return self.before + self.window + self.mac

    def written(self, secret):
        """The file as it was before the tag filled it in."""
        placeholder = secret.ljust(len(self.enc), b"0")
        return self.delivered.replace(self.enc, placeholder) if self.enc else self.delivered

    def settings(self, *, status_in_secret=None):
        picc_at, window_at = self.delivered.index(self.picc), len(self.before)
        mac_at = len(self.delivered) - 16
        options, items = BOTH, [picc_at]
        enc_at = self.delivered.index(self.enc)
        if status_in_secret is not None:
            options, items = options | TAMPER, [*items, enc_at + status_in_secret]
        items.append(window_at)
        if self.enc:
            options, items = options | ENC, [*items, enc_at, len(self.enc)]
        return block(options, "FF12", *items, mac_at)


def tag_that_was(plain, keys, tap, settings, *, secret, picc_random=b"", **options):
    """Make the tag whose PICCData said *plain*, before that tap."""
    meta_key, file_key = keys
    return SimulatedTag(
        uid=plain[1:8],
        keys=[bytes(16), meta_key, file_key, bytes(16), bytes(16)],
        ndef_file=tap.written(secret),
        file_settings=settings,
        random_bytes={5: plain[11:], 8: picc_random}.__getitem__,
        read_counter=int.from_bytes(plain[8:11], "little") - 1,
        **options,
    )


def aes_picc(vector, key):
    return AES.new(key, AES.MODE_CBC, iv=bytes(16)).decrypt(vector["picc_enc_data"])


def keyed(key, message):
    return hmac.digest(key, message, hashlib.sha256)


def backend_keys(vector):
    """Derive as nfc-developer/sdm-backend does: key 1 for all tags, key 2 for this one."""
    master = vector["master"]
    base = b"\x01" + keyed(keyed(master, b"DivBaseKey"), vector["uid"])[:16]
    slot = keyed(master, b"SlotMasterKey\x02")[:16]
    return keyed(master, b"PICCDataKey")[:16], CMAC.new(slot, base, ciphermod=AES).digest()


def given_keys(vector):
    return vector["sdm_meta_read_key"], vector["sdm_file_read_key"]


@by_vector([*GIVEN_KEYS, *BACKEND])
def test_a_tag_in_aes_mode_delivers_what_another_delivered(vector):
    tap = Tap.of(vector)
    keys = backend_keys(vector) if vector in BACKEND else given_keys(vector)
    plain = aes_picc(vector, keys[0])
    tag = tag_that_was(plain, keys, tap, tap.settings(), secret=tap.secret)
    assert read(tag).startswith(tap.delivered)


@by_vector(LRP)
def test_a_tag_in_lrp_mode_delivers_what_another_delivered(vector):
    tap, keys = Tap.of(vector), given_keys(vector)
    picc_random, encrypted = vector["picc_enc_data"][:8], vector["picc_enc_data"][8:]
    plain = lricb_decrypt(_lrp.LrpKey.base(keys[0]), picc_random, encrypted)
    options = {"secret": tap.secret, "picc_random": picc_random, "lrp": True}
    assert read(tag_that_was(plain, keys, tap, tap.settings(), **options)).startswith(
        tap.delivered
    )


def test_a_tag_tamper_delivers_what_another_delivered():
    tap, keys = Tap.of(TAMPER_TAP), backend_keys(TAMPER_TAP)
    plain, settings = aes_picc(TAMPER_TAP, keys[0]), tap.settings(status_in_secret=0)
    secret = b"__" + tap.secret[2:]
    tag = tag_that_was(plain, keys, tap, settings, secret=secret, tamper=b"CC")
    assert read(tag).startswith(tap.delivered)


@by_vector(PLAIN)
def test_a_tag_in_the_clear_delivers_what_another_delivered(vector):
    tag = SimulatedTag(
        uid=vector["uid"],
        keys=[bytes(16), bytes(16), vector["sdm_file_read_key"], bytes(16), bytes(16)],
        ndef_file=b"",
        file_settings=block(BOTH, "FFE2", 0, 14, 20, 20),
        read_counter=vector["read_counter"] - 1,
    )
    shown = hexed(vector["uid"]) + b"%06X" % vector["read_counter"] + hexed(vector["sdmmac"])
    assert read(tag).startswith(shown)
