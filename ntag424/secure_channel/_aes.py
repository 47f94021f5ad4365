"""Secure messaging in AES mode (NT4H2421Gx §9.1.4)."""

from __future__ import annotations

from typing import ClassVar

from ntag424.crypto import Aes128, aes_cbc_decrypt, aes_cbc_encrypt
from ntag424.model import Mode
from ntag424.secure_channel._channel import SecureChannel

_COMMAND, _ANSWER = bytes.fromhex("A55A"), bytes.fromhex("5AA5")


class AesChannel(SecureChannel):
    """CBC under an IV of transaction id and counter; CMAC."""

    mode: ClassVar[Mode] = Mode.AES

    def __init__(
        self,
        key_number: int,
        transaction_id: bytes,
        *,
        enc_key: bytes,
        mac_key: bytes,
        command_counter: int = 0,
    ) -> None:
        """Take the session keys, 16 bytes each."""
        super().__init__(key_number, transaction_id, command_counter)
        self._enc_key = enc_key
        self._enc, self._mac_cipher = Aes128(enc_key), Aes128(mac_key)

    def _cmac(self, message: bytes) -> bytes:
        return self._mac_cipher.cmac(message)

    def _encrypt(self, plaintext: bytes) -> bytes:
        return aes_cbc_encrypt(self._enc_key, self._iv(_COMMAND), plaintext)

    def _decrypt(self, ciphertext: bytes) -> bytes:
        return aes_cbc_decrypt(self._enc_key, self._iv(_ANSWER), ciphertext)

    def _iv(self, label: bytes) -> bytes:
        counter = self.command_counter.to_bytes(2, "little")
        return self._enc.encrypt(label + self.transaction_id + counter + bytes(8))
