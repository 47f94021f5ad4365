"""The simulated tag's own LRP against known answers and against a second wording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.testing.simulated_tag import _lrp
from tests.ntag424.testing.reading import lricb_decrypt, reworded_cmac
from tests.support import vectors

BLOCKS = st.binary(min_size=16, max_size=16)
COUNTERS = st.binary(min_size=1, max_size=8)
KEYS = BLOCKS.map(_lrp.LrpKey.base)


def by_vector(op):
    return pytest.mark.parametrize("vector", vectors("lrp", op), ids=lambda vector: vector.id)


# ---- known answers --------------------------------------------------------------------------


@by_vector("lrp_evaluate")
def test_evaluating_gives_what_the_application_note_gives(vector):
    number = vector["updated_key"]
    updated_key = _lrp.updated_keys(vector["key"], number + 1)[number]
    key = _lrp.LrpKey(_lrp.plaintexts(vector["key"]), updated_key)
    assert _lrp.evaluate(key, vector["counter"]) == vector["block"]


@by_vector("lrp_cmac")
def test_the_cmac_is_that_of_the_application_note(vector):
    assert _lrp.cmac(_lrp.LrpKey.base(vector["key"]), vector["message"]) == vector["mac"]


@by_vector("lrp_lricb")
def test_lricb_gives_what_the_application_note_gives(vector):
    key = _lrp.LrpKey.base(vector["key"])
    encrypted = _lrp.encrypt(key, vector["counter"], vector["plaintext"])
    assert encrypted == vector["ciphertext"]


# ---- the cmac in other words ----------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 33, 48])
def test_the_cmac_pads_a_message_only_if_its_last_block_is_not_full(length):
    key, message = _lrp.LrpKey.base(b"k" * 16), bytes(range(length))
    assert _lrp.cmac(key, message) == reworded_cmac(key, message)


@given(KEYS, st.binary(max_size=80))
def test_the_cmac_is_the_same_in_other_words(key, message):
    assert _lrp.cmac(key, message) == reworded_cmac(key, message)


# ---- lricb ----------------------------------------------------------------------------------


@given(KEYS, COUNTERS, st.lists(BLOCKS, max_size=4).map(b"".join))
def test_what_lricb_encrypts_can_be_decrypted(key, counter, plain):
    assert lricb_decrypt(key, counter, _lrp.encrypt(key, counter, plain)) == plain


@given(KEYS, st.integers(1, 8), BLOCKS)
def test_the_counter_of_lricb_wraps_at_its_own_length(key, size, plain):
    second = _lrp.encrypt(key, b"\xff" * size, bytes(16) + plain)[16:]
    assert second == _lrp.encrypt(key, bytes(size), plain)


@given(KEYS, BLOCKS)
def test_the_counter_of_lricb_steps_at_its_last_byte(key, plain):
    second = _lrp.encrypt(key, bytes.fromhex("0102FF"), bytes(16) + plain)[16:]
    assert second == _lrp.encrypt(key, bytes.fromhex("010300"), plain)


# ---- keys -----------------------------------------------------------------------------------


@given(BLOCKS)
def test_a_key_has_sixteen_different_plaintexts(key):
    assert len(set(_lrp.plaintexts(key))) == 16


def test_an_lrp_key_does_not_show_itself():
    assert repr(_lrp.LrpKey.base(bytes(16))) == "LrpKey()"
