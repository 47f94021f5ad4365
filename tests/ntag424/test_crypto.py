"""AES, CMAC and the key derivations give the published answers, on either backend."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from ntag424.crypto import (
    Aes128,
    _cmac,
    aes_cbc_decrypt,
    aes_cbc_encrypt,
    aes_cmac,
    aes_ecb_decrypt,
    aes_ecb_encrypt,
    an10922,
    hkdf_sha256,
)
from ntag424.crypto._backend import BACKENDS, load_backend
from tests.support import Vector, vectors

BLOCK = st.binary(min_size=16, max_size=16)
BLOCKS = st.integers(0, 6).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n))
SHORT_AND_LONG_INPUTS = st.binary(min_size=1, max_size=31)
NOT_AN10922_INPUTS = [b"", bytes(32)]

every_backend = pytest.mark.parametrize("backend", [load_backend(name) for name in BACKENDS])


def every_vector(*ops):
    found = vectors("crypto", *ops)
    return pytest.mark.parametrize("vector", found, ids=[vector.id for vector in found])


def key_on(backend, key):
    """Make a key ready on *backend*, whichever one the process has chosen."""
    ready = Aes128(key)
    ready.encrypt = backend.ecb_encryptor(key)
    ready.decrypt = backend.ecb_decryptor(key)
    ready.cmac = backend.cmac_function(key)
    return ready


def an10922_by_hand(key, diversification_input):
    """AN10922 section 2.2 from nothing but AES in CBC mode."""
    polynomial = 1 << 128 | 0x87
    k0 = int.from_bytes(AES.new(key, AES.MODE_ECB).encrypt(bytes(16)), "big")
    k1 = min(k0 << 1, k0 << 1 ^ polynomial)
    k2 = min(k1 << 1, k1 << 1 ^ polynomial)
    message = b"\x01" + diversification_input
    mask = k1 if len(message) == 32 else k2
    padded = message if len(message) == 32 else (message + b"\x80").ljust(32, b"\0")
    mixed = (int.from_bytes(padded, "big") ^ mask).to_bytes(32, "big")
    return AES.new(key, AES.MODE_CBC, iv=bytes(16)).encrypt(mixed)[16:]


# ---- AES ------------------------------------------------------------------------------------


@every_backend
@every_vector("aes128_ecb")
def test_ecb_encrypts_to_the_published_block(backend, vector):
    assert backend.ecb_encryptor(vector["key"])(vector["pt"]) == vector["ct"]


@every_backend
@every_vector("aes128_ecb")
def test_ecb_decrypts_the_published_block(backend, vector):
    assert backend.ecb_decryptor(vector["key"])(vector["ct"]) == vector["pt"]


@every_vector("aes128_ecb")
def test_the_public_ecb_encrypts_to_the_published_block(vector):
    assert aes_ecb_encrypt(vector["key"], vector["pt"]) == vector["ct"]


@every_vector("aes128_ecb")
def test_the_public_ecb_decrypts_the_published_block(vector):
    assert aes_ecb_decrypt(vector["key"], vector["ct"]) == vector["pt"]


@every_backend
@every_vector("aes128_cbc")
def test_cbc_encrypts_to_the_published_message(backend, vector):
    assert backend.cbc_encrypt(vector["key"], vector["iv"], vector["pt"]) == vector["ct"]


@every_backend
@every_vector("aes128_cbc")
def test_cbc_decrypts_the_published_message(backend, vector):
    assert backend.cbc_decrypt(vector["key"], vector["iv"], vector["ct"]) == vector["pt"]


@every_vector("aes128_cbc")
def test_the_public_cbc_encrypts_to_the_published_message(vector):
    assert aes_cbc_encrypt(vector["key"], vector["iv"], vector["pt"]) == vector["ct"]


@every_vector("aes128_cbc")
def test_the_public_cbc_decrypts_the_published_message(vector):
    assert aes_cbc_decrypt(vector["key"], vector["iv"], vector["ct"]) == vector["pt"]


@given(BLOCK, BLOCKS)
def test_both_backends_encrypt_the_same_in_ecb(key, blocks):
    one, other = (load_backend(name).ecb_encryptor(key)(blocks) for name in BACKENDS)
    assert one == other


@given(BLOCK, BLOCKS)
def test_both_backends_decrypt_the_same_in_ecb(key, blocks):
    one, other = (load_backend(name).ecb_decryptor(key)(blocks) for name in BACKENDS)
    assert one == other


@given(BLOCK, BLOCK, BLOCKS)
def test_both_backends_encrypt_the_same_in_cbc(key, iv, blocks):
    one, other = (load_backend(name).cbc_encrypt(key, iv, blocks) for name in BACKENDS)
    assert one == other


@given(BLOCK, BLOCK, BLOCKS)
def test_both_backends_decrypt_the_same_in_cbc(key, iv, blocks):
    one, other = (load_backend(name).cbc_decrypt(key, iv, blocks) for name in BACKENDS)
    assert one == other


@pytest.mark.parametrize("length", [0, 15, 17, 24, 32])
def test_a_ready_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="16 bytes"):
        Aes128(bytes(length))


# ---- CMAC -----------------------------------------------------------------------------------


def published_macs():
    found = [vector for vector in vectors("crypto", "aes_cmac") if "tag" in vector]
    return pytest.mark.parametrize("vector", found, ids=[vector.id for vector in found])


def published_subkeys():
    found = [vector for vector in vectors("crypto", "aes_cmac") if "K1" in vector]
    return pytest.mark.parametrize("vector", found, ids=[vector.id for vector in found])


@every_backend
@published_macs()
def test_cmac_of_a_key_used_once_is_the_published_one(backend, vector):
    assert backend.cmac(vector["key"], vector["msg"]) == vector["tag"]


@every_backend
@published_macs()
def test_cmac_of_a_key_used_again_is_the_published_one(backend, vector):
    assert backend.cmac_function(vector["key"])(vector["msg"]) == vector["tag"]


@published_macs()
def test_the_public_cmac_is_the_published_one(vector):
    assert aes_cmac(vector["key"], vector["msg"]) == vector["tag"]


@every_backend
@published_subkeys()
def test_the_zero_block_encrypts_to_the_published_l(backend, vector):
    assert backend.ecb_encryptor(vector["key"])(bytes(16)) == vector["L"]


@every_backend
@published_subkeys()
def test_subkeys_are_the_published_ones(backend, vector):
    subkeys = _cmac.subkeys(backend.ecb_encryptor(vector["key"]))
    assert subkeys == tuple(int.from_bytes(vector[name], "big") for name in ("K1", "K2"))


@every_vector("sdm_session_keys")
def test_the_session_mac_key_is_the_cmac_of_its_session_vector(vector):
    assert aes_cmac(vector["sdm_file_read_key"], vector["sv2"]) == vector["k_ses_mac"]


@every_vector("sdm_session_keys")
def test_the_session_encryption_key_is_the_cmac_of_its_session_vector(vector):
    assert aes_cmac(vector["sdm_file_read_key"], vector["sv1"]) == vector["k_ses_enc"]


@every_backend
@given(key=BLOCK, message=st.binary(max_size=100))
def test_cmac_agrees_with_pycryptodomes_own(backend, key, message):
    assert backend.cmac(key, message) == CMAC.new(key, message, ciphermod=AES).digest()


@every_backend
@given(key=BLOCK, messages=st.lists(st.binary(max_size=100), min_size=2, max_size=5))
def test_a_mac_function_keeps_nothing_of_earlier_messages(backend, key, messages):
    compute = backend.cmac_function(key)
    expected = [CMAC.new(key, message, ciphermod=AES).digest() for message in messages]
    assert [compute(message) for message in messages] == expected


@every_backend
@pytest.mark.parametrize("length", range(50))
def test_cmac_is_right_on_either_side_of_every_block_boundary(backend, length):
    key, message = bytes(range(16)), bytes(range(length))
    assert backend.cmac(key, message) == CMAC.new(key, message, ciphermod=AES).digest()


# ---- HKDF -----------------------------------------------------------------------------------


@every_vector("hkdf_sha256")
def test_hkdf_gives_the_published_key_material(vector):
    okm = hkdf_sha256(
        vector["ikm"], salt=vector["salt"], info=vector["info"], length=vector["length"]
    )
    assert okm == vector["okm"]


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80), st.integers(1, 300))
def test_hkdf_agrees_with_that_of_cryptography(ikm, salt, info, length):
    expected = HKDF(SHA256(), length, salt, info).derive(ikm)
    assert hkdf_sha256(ikm, salt=salt, info=info, length=length) == expected


def test_hkdf_gives_as_much_as_the_rfc_allows():
    expected = HKDF(SHA256(), 8160, b"salt", b"info").derive(b"ikm")
    assert hkdf_sha256(b"ikm", salt=b"salt", info=b"info", length=8160) == expected


@pytest.mark.parametrize("length", [-1, 0, 8161])
def test_hkdf_refuses_lengths_the_rfc_does_not_have(length):
    with pytest.raises(ValueError, match="1 to 8160 bytes"):
        hkdf_sha256(b"ikm", salt=b"", info=b"", length=length)


# ---- AN10922 --------------------------------------------------------------------------------


@every_backend
@every_vector("an10922_aes128", "an10922_vs_cmac")
def test_an10922_gives_the_known_key(backend, vector: Vector):
    key = key_on(backend, vector["key"])
    assert key.an10922(vector["div_input"]) == vector["diversified_key"]


@every_vector("an10922_aes128", "an10922_vs_cmac")
def test_the_public_an10922_gives_the_known_key(vector):
    assert an10922(vector["key"], vector["div_input"]) == vector["diversified_key"]


@every_backend
@every_vector("an10922_vs_cmac")
def test_the_cmac_set_beside_an10922_is_what_a_library_gives(backend, vector):
    assert (
        backend.cmac(vector["key"], b"\x01" + vector["div_input"]) == vector["plain_cmac_of_01_M"]
    )


@every_backend
@every_vector("an10922_aes128")
def test_an10922_starts_from_the_published_subkeys(backend, vector):
    subkeys = _cmac.subkeys(backend.ecb_encryptor(vector["key"]))
    assert subkeys == tuple(int.from_bytes(vector[name], "big") for name in ("K1", "K2"))


@every_backend
@given(key=BLOCK, message=SHORT_AND_LONG_INPUTS)
def test_an10922_is_cbc_over_two_blocks(backend, key, message):
    assert key_on(backend, key).an10922(message) == an10922_by_hand(key, message)


@every_backend
@pytest.mark.parametrize("length", range(1, 32))
def test_an10922_is_a_cmac_from_16_bytes_on_and_only_then(backend, length):
    key, message = bytes(range(16)), bytes(length)
    cmac = CMAC.new(key, b"\x01" + message, ciphermod=AES).digest()
    assert (key_on(backend, key).an10922(message) == cmac) is (length >= 16)


@pytest.mark.parametrize("message", NOT_AN10922_INPUTS, ids=len)
def test_an10922_refuses_input_it_has_no_room_for(message):
    with pytest.raises(ValueError, match="1 to 31 bytes"):
        an10922(bytes(16), message)


# ---- threads --------------------------------------------------------------------------------

THREADS, ROUNDS = 8, 4_000


@pytest.fixture
def nervous_interpreter():
    """Change threads as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def right_answers(key):
    """Return, for each operation of a ready key, inputs and what they must give."""
    ecb = AES.new(key, AES.MODE_ECB)
    inputs = [bytes([number]) * 32 for number in range(16)]
    return {
        "encrypt": [(message, ecb.encrypt(message)) for message in inputs],
        "decrypt": [(message, ecb.decrypt(message)) for message in inputs],
        "cmac": [(message, CMAC.new(key, message, ciphermod=AES).digest()) for message in inputs],
        "an10922": [(message[:15], an10922_by_hand(key, message[:15])) for message in inputs],
    }


@every_backend
def test_threads_that_share_a_key_get_right_answers_only(backend, nervous_interpreter):
    key = bytes(range(16))
    shared, answers, start = key_on(backend, key), right_answers(key), Barrier(THREADS)

    def work(number):
        start.wait()
        return sum(
            getattr(shared, operation)(message) != expected
            for turn in range(ROUNDS)
            for operation, pairs in answers.items()
            for message, expected in [pairs[(turn + number) % len(pairs)]]
        )

    with ThreadPoolExecutor(THREADS) as pool:
        wrong = list(pool.map(work, range(THREADS)))
    assert wrong == [0] * THREADS


def test_threads_may_be_the_first_to_use_a_key_together(nervous_interpreter):
    key, message = bytes(range(16)), bytes(15)
    expected, start = an10922_by_hand(key, message), Barrier(THREADS)

    def first_use(fresh):
        start.wait()
        return [ready.an10922(message) for ready in fresh]

    fresh = [Aes128(key) for _ in range(200)]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(first_use, [fresh] * THREADS))
    assert answers == [[expected] * len(fresh)] * THREADS


# ---- what is not whole ----------------------------------------------------------------------


@every_backend
def test_part_of_a_block_is_refused(backend):
    with pytest.raises(ValueError):
        backend.ecb_encryptor(bytes(16))(b"short")


@every_backend
def test_a_refused_part_of_a_block_does_not_spoil_the_next_answer(backend):
    encrypt = backend.ecb_encryptor(bytes(16))
    expected = encrypt(bytes(16))
    with pytest.raises(ValueError):
        encrypt(b"short")
    assert encrypt(bytes(16)) == expected


@every_backend
@pytest.mark.parametrize("length", [15, 17, 24, 32])
def test_only_keys_of_16_bytes_are_taken(backend, length):
    with pytest.raises(ValueError):
        backend.cmac(bytes(length), b"")
