"""Mutual authentication in AES and in LRP mode (NT4H2421Gx §9.1.5, §9.2.3, §10.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424.testing.simulated_tag import _lrp
from ntag424.testing.simulated_tag._secure_messaging import Ciphers

_BLOCK = 16
_ENC_LABEL, _MAC_LABEL = bytes.fromhex("A55A00010080"), bytes.fromhex("5AA500010080")
_COMMAND_LABEL, _RESPONSE_LABEL = bytes.fromhex("A55A"), bytes.fromhex("5AA5")
_LRP_PREFIX, _LRP_LABEL = bytes.fromhex("00010080"), bytes.fromhex("9669")
#: What opens the answer to part 1 and tells the mode.
_LRP_MODE = b"\x01"


class Agreement(Protocol):
    """A part 2 that was right: the session keys, and what the tag answers with."""

    @property
    def ciphers(self) -> Ciphers:
        """The session keys at work."""
        ...

    def first(self, ti: bytes, capabilities: bytes, /) -> bytes:
        """Answer AuthenticateFirst: 32 bytes from TI (4) and PDCap2 || PCDCap2 (12)."""
        ...

    def non_first(self) -> bytes:
        """Answer AuthenticateNonFirst: 16 bytes."""
        ...


class Handshake(Protocol):
    """One of the two ways to prove that both sides know a 16-byte key."""

    def challenge(self, key: bytes, rnd_b: bytes, /) -> bytes:
        """Answer part 1."""
        ...

    def agree(self, key: bytes, rnd_b: bytes, proof: bytes, /) -> Agreement | None:
        """Check the 32 bytes of part 2; None if they are wrong."""
        ...


def _core(rnd_a: bytes, rnd_b: bytes) -> bytes:
    """Mix both randoms (16 each) to the 26 bytes in the middle of a session vector."""
    mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6], strict=True))
    return rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]


def _rotated(value: bytes) -> bytes:
    return value[1:] + value[:1]


@dataclass(frozen=True, slots=True)
class _Cbc:
    key: bytes = field(repr=False)
    iv: bytes = bytes(_BLOCK)

    def encrypt(self, plain: bytes) -> bytes:
        return AES.new(self.key, AES.MODE_CBC, iv=self.iv).encrypt(plain)

    def decrypt(self, encrypted: bytes) -> bytes:
        return AES.new(self.key, AES.MODE_CBC, iv=self.iv).decrypt(encrypted)


def _cmac(key: bytes, message: bytes) -> bytes:
    return CMAC.new(key, message, ciphermod=AES).digest()


# ---- AES ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AesCiphers:
    """KSesAuthENC and KSesAuthMAC, 16 bytes each."""

    enc_key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)

    def cmac(self, message: bytes) -> bytes:
        """Compute AES-CMAC, 16 bytes."""
        return _cmac(self.mac_key, message)

    def decrypt_command(self, ti: bytes, counter: bytes, encrypted: bytes) -> bytes:
        """CBC; the IV says that this is a command, and which."""
        return self._cbc(_COMMAND_LABEL + ti + counter).decrypt(encrypted)

    def encrypt_response(self, ti: bytes, counter: bytes, plain: bytes) -> bytes:
        """CBC; the IV says that this is a response, and to which command."""
        return self._cbc(_RESPONSE_LABEL + ti + counter).encrypt(plain)

    def _cbc(self, vector: bytes) -> _Cbc:
        iv = AES.new(self.enc_key, AES.MODE_ECB).encrypt(vector.ljust(_BLOCK, b"\0"))
        return _Cbc(self.enc_key, iv)


@dataclass(frozen=True, slots=True)
class _AesAgreement:
    key: bytes = field(repr=False)
    rnd_a: bytes
    ciphers: AesCiphers

    def first(self, ti: bytes, capabilities: bytes) -> bytes:
        return _Cbc(self.key).encrypt(ti + _rotated(self.rnd_a) + capabilities)

    def non_first(self) -> bytes:
        return _Cbc(self.key).encrypt(_rotated(self.rnd_a))


class AesHandshake:
    """AuthenticateEV2."""

    def challenge(self, key: bytes, rnd_b: bytes) -> bytes:
        """Encrypt RndB: 16 bytes."""
        return _Cbc(key).encrypt(rnd_b)

    def agree(self, key: bytes, rnd_b: bytes, proof: bytes) -> Agreement | None:
        """Decrypt RndA || RndB' as one message and derive by CMAC over SV1 and SV2."""
        plain = _Cbc(key).decrypt(proof)
        rnd_a, core = plain[:_BLOCK], _core(plain[:_BLOCK], rnd_b)
        if plain[_BLOCK:] != _rotated(rnd_b):
            return None
        ciphers = AesCiphers(_cmac(key, _ENC_LABEL + core), _cmac(key, _MAC_LABEL + core))
        return _AesAgreement(key, rnd_a, ciphers)


# ---- LRP ------------------------------------------------------------------------------------


class LrpCiphers:
    """Two LRP keys, and EncCtr: 32 bits that step with every block in either direction."""

    def __init__(self, enc_key: _lrp.LrpKey, mac_key: _lrp.LrpKey) -> None:
        self._enc_key = enc_key
        self._mac_key = mac_key
        self._encryption_counter = 0

    def cmac(self, message: bytes) -> bytes:
        """Compute CMAC_LRP, 16 bytes."""
        return _lrp.cmac(self._mac_key, message)

    def decrypt_command(self, _ti: bytes, _counter: bytes, encrypted: bytes) -> bytes:
        """LRICB from EncCtr on, whatever TI and CmdCtr are."""
        return _lrp.decrypt(self._enc_key, self._step(encrypted), encrypted)

    def encrypt_response(self, _ti: bytes, _counter: bytes, plain: bytes) -> bytes:
        """LRICB from EncCtr on, whatever TI and CmdCtr are."""
        return self.encrypt(plain)

    def encrypt(self, plain: bytes) -> bytes:
        """LRICB from EncCtr on, n * 16 bytes."""
        return _lrp.encrypt(self._enc_key, self._step(plain), plain)

    def _step(self, message: bytes) -> bytes:
        """Give EncCtr for the first block of *message* and move it behind the last."""
        first = self._encryption_counter
        self._encryption_counter = (first + len(message) // _BLOCK) % (1 << 32)
        return first.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class _LrpAgreement:
    rnd_a: bytes
    rnd_b: bytes
    ciphers: LrpCiphers

    def first(self, ti: bytes, capabilities: bytes) -> bytes:
        encrypted = self.ciphers.encrypt(ti + capabilities)
        return encrypted + self.ciphers.cmac(self.rnd_b + self.rnd_a + encrypted)

    def non_first(self) -> bytes:
        return self.ciphers.cmac(self.rnd_b + self.rnd_a)


class LrpHandshake:
    """AuthenticateLRP."""

    def challenge(self, _key: bytes, rnd_b: bytes) -> bytes:
        """Give RndB in the clear behind the mode: 17 bytes."""
        return _LRP_MODE + rnd_b

    def agree(self, key: bytes, rnd_b: bytes, proof: bytes) -> Agreement | None:
        """Check RndA || CMAC_LRP over both randoms, under keys made of both."""
        rnd_a, mac = proof[:_BLOCK], proof[_BLOCK:]
        vector = _LRP_PREFIX + _core(rnd_a, rnd_b) + _LRP_LABEL
        master = _lrp.cmac(_lrp.LrpKey.base(key), vector)
        table = _lrp.plaintexts(master)
        mac_key, enc_key = _lrp.updated_keys(master, 2)
        ciphers = LrpCiphers(_lrp.LrpKey(table, enc_key), _lrp.LrpKey(table, mac_key))
        if mac != ciphers.cmac(rnd_a + rnd_b):
            return None
        return _LrpAgreement(rnd_a, rnd_b, ciphers)
