"""The leakage-resilient primitive gives NXP's published answers, and nothing but whole blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntag424.crypto import Lrp, aes_ecb_encrypt
from tests.support import vectors

KEY = bytes(range(16))
BLOCKS = st.integers(0, 4).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n))
COUNTERS = st.binary(min_size=1, max_size=8)


def each(operation):
    found = vectors("lrp", operation)
    return pytest.mark.parametrize("vector", found, ids=[vector.id for vector in found])


@each("lrp_evaluate")
def test_evaluation_gives_the_published_block(vector):
    lrp = Lrp.pair(vector["key"])[vector["updated_key"]]
    assert lrp.evaluate(vector["counter"]) == vector["block"]


@each("lrp_cmac")
def test_the_cmac_is_the_published_one(vector):
    assert Lrp.of(vector["key"]).cmac(vector["message"]) == vector["mac"]


@each("lrp_lricb")
def test_encryption_gives_the_published_ciphertext(vector):
    ciphertext = Lrp.of(vector["key"]).encrypt(vector["counter"], vector["plaintext"])
    assert ciphertext == vector["ciphertext"]


@each("lrp_lricb")
def test_decryption_gives_the_published_plaintext(vector):
    plaintext = Lrp.of(vector["key"]).decrypt(vector["counter"], vector["ciphertext"])
    assert plaintext == vector["plaintext"]


@given(COUNTERS, BLOCKS)
def test_decryption_undoes_encryption(counter, blocks):
    lrp = Lrp.of(KEY)
    assert lrp.decrypt(counter, lrp.encrypt(counter, blocks)) == blocks


def test_each_block_is_encrypted_under_the_evaluation_of_its_own_counter():
    lrp, block = Lrp.of(KEY), b"B" * 16
    counted = b"".join(
        aes_ecb_encrypt(lrp.evaluate(bytes([0, number])), block) for number in (254, 255)
    )
    assert lrp.encrypt(b"\0\xfe", 2 * block) == counted


def test_the_counter_carries_into_its_next_byte():
    lrp, block = Lrp.of(KEY), b"B" * 16
    assert lrp.encrypt(b"\0\xff", 2 * block)[16:] == lrp.encrypt(b"\1\0", block)


def test_the_counter_wraps_and_keeps_its_length():
    lrp, block = Lrp.of(KEY), b"B" * 16
    assert lrp.encrypt(b"\xff\xff", 2 * block)[16:] == lrp.encrypt(b"\0\0", block)


@pytest.mark.parametrize("length", [1, 15, 17])
@pytest.mark.parametrize("apply", [Lrp.encrypt, Lrp.decrypt])
def test_part_of_a_block_is_refused(apply, length):
    with pytest.raises(ValueError, match="whole blocks"):
        apply(Lrp.of(KEY), b"\0", bytes(length))


@pytest.mark.parametrize("length", [0, 15, 17, 24, 32])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=f"16 bytes, not {length}"):
        Lrp.of(bytes(length))
