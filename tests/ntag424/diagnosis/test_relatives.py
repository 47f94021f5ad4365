"""The plain CMAC that is taken for AN10922 is a key scheme like the others."""

from __future__ import annotations

import pytest

from ntag424.crypto import aes_cmac
from ntag424.diagnosis.tap.keys import PlainCmacKeys
from tests.ntag424.diagnosis.planting import AN10922, MASTER, UID

PLAIN_CMAC = PlainCmacKeys(MASTER)


def test_a_plain_cmac_is_over_the_input_of_an10922_without_its_padding():
    message = b"\x01" + UID + bytes.fromhex("D276000085010102")
    assert bytes(PLAIN_CMAC.tag_key(UID, 2)) == aes_cmac(bytes(MASTER), message)


def test_a_plain_cmac_is_not_an10922():
    assert PLAIN_CMAC.tag_key(UID, 2) != AN10922.tag_key(UID, 2)


def test_a_plain_cmac_without_the_application_is_over_the_uid():
    key = PlainCmacKeys(MASTER, with_application=False).tag_key(UID, 2)
    assert bytes(key) == aes_cmac(bytes(MASTER), UID)


def test_a_plain_cmac_has_no_epochs():
    with pytest.raises(ValueError, match="no keys for epoch 1"):
        PLAIN_CMAC.tag_key(UID, 2, 1)


def test_a_plain_cmac_has_no_meta_read_key():
    with pytest.raises(ValueError, match="no meta-read key"):
        PLAIN_CMAC.meta_read_key()
