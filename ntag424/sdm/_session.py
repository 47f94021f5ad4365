"""What Secure Dynamic Messaging computes, whichever primitive the tag uses."""

from __future__ import annotations

from typing import Protocol

from ntag424.model import Key


class SdmSession(Protocol):
    """The keys of one tap. *shown* is [UID (7)] || [SDMReadCtr (3, LSB first)]."""

    def __init__(self, file_read_key: Key, shown: bytes) -> None: ...

    @staticmethod
    def open_picc_data(meta_read_key: Key, picc_data: bytes) -> bytes:
        """Decrypt PICCData to tag || shown || random: 16 bytes."""
        ...

    def mac(self, mac_input: bytes) -> bytes:
        """Compute SDMMAC, 8 bytes."""
        ...

    def cmac(self, mac_input: bytes) -> bytes:
        """Compute what SDMMAC is taken from: 16 bytes, of which the odd-numbered travel."""
        ...

    def open_file_data(self, encrypted: bytes) -> bytes:
        """Decrypt SDMENCFileData; UID and counter must both be shown."""
        ...
