"""Secure Dynamic Messaging in LRP mode (NT4H2421Gx §9.3.4 to §9.3.9)."""

from __future__ import annotations

from ntag424.crypto import Lrp
from ntag424.model import Key

# SV around UID, counter and zeros (§9.3.9.3).
_PREFIX, _LABEL = bytes.fromhex("00010080"), bytes.fromhex("1EE1")
_RANDOM = 8


class LrpSession:
    """See `SdmSession`."""

    __slots__ = ("_for_encryption", "_for_mac", "_shown")

    def __init__(self, file_read_key: Key, shown: bytes) -> None:
        vector = (_PREFIX + shown).ljust(14, b"\0") + _LABEL
        self._for_mac, self._for_encryption = Lrp.pair(file_read_key.lrp.cmac(vector))
        self._shown = shown

    @staticmethod
    def open_picc_data(meta_read_key: Key, picc_data: bytes) -> bytes:
        """See `SdmSession.open_picc_data`."""
        # PICCRand (8), in the clear, is the counter of the one block behind it.
        return meta_read_key.lrp.decrypt(picc_data[:_RANDOM], picc_data[_RANDOM:])

    def mac(self, mac_input: bytes) -> bytes:
        """See `SdmSession.mac`."""
        return self.cmac(mac_input)[1::2]

    def cmac(self, mac_input: bytes) -> bytes:
        """See `SdmSession.cmac`."""
        return self._for_mac.cmac(mac_input)

    def open_file_data(self, encrypted: bytes) -> bytes:
        """See `SdmSession.open_file_data`."""
        return self._for_encryption.decrypt(self._shown[7:] + bytes(3), encrypted)
