"""The two ciphers a tag mirrors with: AES from delivery on, or LRP (NT4H2421Gx §9.3.4 to §9.3.8).

AES and CMAC come straight from pycryptodome, LRP from its own module here, so
that the tag vouches for the library's own ciphers instead of sharing them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424.testing.simulated_tag import _lrp

_BLOCK = 16
_PICC_RANDOM = 8
_ENC_LABEL = bytes.fromhex("C33C00010080")
_MAC_LABEL = bytes.fromhex("3CC300010080")
_LRP_PREFIX, _LRP_LABEL = bytes.fromhex("00010080"), bytes.fromhex("1EE1")


@dataclass(frozen=True, slots=True)
class SessionInput:
    """What a read's session keys are made for.

    *uid* (7) and *counter* (3 LE) are the tag's, *shown* is UID || counter as far
    as a reader learns them, 0 to 10 bytes.
    """

    uid: bytes
    counter: bytes
    shown: bytes


class Session(Protocol):
    """The two SDMFileRead session keys of one run of reads."""

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt SDMENCFileData, n * 16 bytes to as many."""
        ...

    def cmac(self, message: bytes) -> bytes:
        """Compute the 16 bytes that SDMMAC is truncated from (NT4H2421Gx §9.3.8)."""
        ...


class Suite(Protocol):
    """How a tag encrypts and authenticates what it mirrors."""

    @property
    def picc_data_characters(self) -> int:
        """Tell how many characters of the file PICCData takes."""
        ...

    def picc_data(self, key: bytes, plain: bytes, draw: Callable[[int], bytes], /) -> bytes:
        """Encrypt 16 bytes under the SDMMetaRead *key*; *draw* gives random bytes.

        16 bytes or, with what was drawn, 24 (NT4H2421Gx §9.3.4).
        """
        ...

    def session(self, key: bytes, made_for: SessionInput) -> Session:
        """Derive the session keys from the 16-byte SDMFileRead *key* (NT4H2421Gx §9.3.9)."""
        ...


class AesSuite:
    """AES-128: CBC and CMAC."""

    picc_data_characters = 32

    def picc_data(self, key: bytes, plain: bytes, _draw: Callable[[int], bytes]) -> bytes:
        """Encrypt one block with CBC, zero IV: 16 bytes, nothing random."""
        return AES.new(key, AES.MODE_CBC, iv=bytes(_BLOCK)).encrypt(plain)

    def session(self, key: bytes, made_for: SessionInput) -> Session:
        """Derive by CMAC over SV1 and SV2; ENC is only ever configured with UID and counter."""
        sv1 = _ENC_LABEL + made_for.uid + made_for.counter
        sv2 = (_MAC_LABEL + made_for.shown).ljust(_BLOCK, b"\0")
        return _AesSession(_cmac(key, sv1), _cmac(key, sv2), made_for.counter)


@dataclass(frozen=True, slots=True)
class _AesSession:
    enc_key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)
    counter: bytes

    def encrypt(self, plain: bytes) -> bytes:
        """CBC without padding; the IV is the counter (3 LE), zero-filled, encrypted."""
        iv = AES.new(self.enc_key, AES.MODE_ECB).encrypt(self.counter.ljust(_BLOCK, b"\0"))
        return AES.new(self.enc_key, AES.MODE_CBC, iv=iv).encrypt(plain)

    def cmac(self, message: bytes) -> bytes:
        return _cmac(self.mac_key, message)


class LrpSuite:
    """LRP: LRICB and CMAC_LRP."""

    picc_data_characters = 48

    def picc_data(self, key: bytes, plain: bytes, draw: Callable[[int], bytes]) -> bytes:
        """Draw PICCRand (8) and encrypt under it as counter: PICCRand || 16 bytes."""
        picc_random = draw(_PICC_RANDOM)
        return picc_random + _lrp.encrypt(_lrp.LrpKey.base(key), picc_random, plain)

    def session(self, key: bytes, made_for: SessionInput) -> Session:
        """Derive a master by CMAC_LRP; MAC and ENC share its plaintexts, not its updated keys."""
        # The label closes the vector here, so the zeros go between.
        vector = (_LRP_PREFIX + made_for.shown).ljust(_BLOCK - len(_LRP_LABEL), b"\0") + _LRP_LABEL
        master = _lrp.cmac(_lrp.LrpKey.base(key), vector)
        table = _lrp.plaintexts(master)
        mac, enc = _lrp.updated_keys(master, 2)
        return _LrpSession(_lrp.LrpKey(table, enc), _lrp.LrpKey(table, mac), made_for.counter)


@dataclass(frozen=True, slots=True)
class _LrpSession:
    enc_key: _lrp.LrpKey
    mac_key: _lrp.LrpKey
    counter: bytes

    def encrypt(self, plain: bytes) -> bytes:
        """LRICB; its 6-byte counter begins as the read counter (3 LE) || 000000."""
        return _lrp.encrypt(self.enc_key, self.counter + bytes(3), plain)

    def cmac(self, message: bytes) -> bytes:
        return _lrp.cmac(self.mac_key, message)


def _cmac(key: bytes, message: bytes) -> bytes:
    return CMAC.new(key, message, ciphermod=AES).digest()
