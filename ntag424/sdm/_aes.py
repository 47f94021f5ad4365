"""Secure Dynamic Messaging in AES mode (NT4H2421Gx §9.3.4 to §9.3.9)."""

from __future__ import annotations

from ntag424.crypto import aes_cbc_decrypt, aes_cmac, aes_ecb_encrypt
from ntag424.model import Key

# SV1 and SV2 in front of UID and counter (§9.3.9.1, §9.3.9.2).
_ENC_LABEL = bytes.fromhex("C33C00010080")
_MAC_LABEL = bytes.fromhex("3CC300010080")


class AesSession:
    """See `SdmSession`."""

    __slots__ = ("_key", "_shown")

    def __init__(self, file_read_key: Key, shown: bytes) -> None:
        self._key, self._shown = bytes(file_read_key), shown

    @staticmethod
    def open_picc_data(meta_read_key: Key, picc_data: bytes) -> bytes:
        """See `SdmSession.open_picc_data`."""
        # One block under a zero IV: CBC is ECB.
        return meta_read_key.aes.decrypt(picc_data)

    def mac(self, mac_input: bytes) -> bytes:
        """See `SdmSession.mac`."""
        # Of the CMAC, the odd-numbered bytes travel (§9.1.3).
        return self.cmac(mac_input)[1::2]

    def cmac(self, mac_input: bytes) -> bytes:
        """See `SdmSession.cmac`."""
        session_key = aes_cmac(self._key, (_MAC_LABEL + self._shown).ljust(16, b"\0"))
        return aes_cmac(session_key, mac_input)

    def open_file_data(self, encrypted: bytes) -> bytes:
        """See `SdmSession.open_file_data`."""
        session_key = aes_cmac(self._key, _ENC_LABEL + self._shown)
        iv = aes_ecb_encrypt(session_key, self._shown[7:].ljust(16, b"\0"))
        return aes_cbc_decrypt(session_key, iv, encrypted)
