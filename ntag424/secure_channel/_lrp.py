"""Secure messaging in LRP mode (NT4H2421Gx §9.2.4)."""

from __future__ import annotations

from typing import ClassVar

from ntag424.crypto import Lrp
from ntag424.model import Mode
from ntag424.secure_channel._channel import SecureChannel

_BLOCK = 16


class LrpChannel(SecureChannel):
    """LRICB under one counter that both sides step with every block; CMAC_LRP.

    No IV brings the two together again: a lost answer ends the authentication.
    """

    mode: ClassVar[Mode] = Mode.LRP

    def __init__(
        self,
        key_number: int,
        transaction_id: bytes,
        *,
        session_keys: tuple[Lrp, Lrp],
        command_counter: int = 0,
        encryption_counter: int = 0,
    ) -> None:
        """Take the session keys for MAC and encryption, and EncCtr."""
        super().__init__(key_number, transaction_id, command_counter)
        self._for_mac, self._for_encryption = session_keys
        self._encryption_counter = encryption_counter

    def _cmac(self, message: bytes) -> bytes:
        return self._for_mac.cmac(message)

    def _encrypt(self, plaintext: bytes) -> bytes:
        return self._for_encryption.encrypt(self._stepped(plaintext), plaintext)

    def _decrypt(self, ciphertext: bytes) -> bytes:
        return self._for_encryption.decrypt(self._stepped(ciphertext), ciphertext)

    def _stepped(self, blocks: bytes) -> bytes:
        """Return EncCtr for the first of *blocks*, and step it past the last."""
        counter = self._encryption_counter.to_bytes(4, "big")
        self._encryption_counter += len(blocks) // _BLOCK
        return counter
