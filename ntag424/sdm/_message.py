"""The parts of a message, whatever URL they came in."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.errors import MalformedTapError
from ntag424.model import MAX_READ_COUNTER

_MAC_BYTES = 8
_PICC_DATA_BYTES = 16
_UID_BYTES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TapMessage:
    """One SUN message, decoded from its hex characters but not yet trusted.

    Either *picc_data* (16 bytes) or both *uid* (7 bytes) and *read_counter* (0 to
    FFFFFFh). *mac* is SDMMAC (8 bytes), *mac_input* the characters it covers, exactly
    as received.

    Raises:
        MalformedTapError: a part has a length or value that no chip sends.
        ValueError: the caller mixed the two forms, or gave neither.

    """

    mac: bytes
    mac_input: bytes = b""
    picc_data: bytes | None = None
    uid: bytes | None = None
    read_counter: int | None = None

    def __post_init__(self) -> None:
        if len(self.mac) != _MAC_BYTES:
            raise MalformedTapError("SDMMAC has 8 bytes")
        if self.picc_data is None:
            self._check_plain_mirrors()
        elif self.uid is not None or self.read_counter is not None:
            raise ValueError("UID and counter are inside PICCData, not beside it")
        elif len(self.picc_data) != _PICC_DATA_BYTES:
            raise MalformedTapError("PICCData has 16 bytes")

    @property
    def plain_identity(self) -> bytes:
        """UID (7) || SDMReadCtr (3, LSB first) as they stood in the clear.

        Raises:
            ValueError: they did not; they are inside PICCData.

        """
        if self.uid is None or self.read_counter is None:
            raise ValueError("UID and counter are inside PICCData")
        return self.uid + self.read_counter.to_bytes(3, "little")

    def _check_plain_mirrors(self) -> None:
        if self.uid is None or self.read_counter is None:
            raise ValueError("a message has picc_data, or both uid and read_counter")
        if len(self.uid) != _UID_BYTES:
            raise MalformedTapError("a UID has 7 bytes")
        # `type`, because True is an int too.
        if type(self.read_counter) is not int or not 0 <= self.read_counter <= MAX_READ_COUNTER:
            raise MalformedTapError("a read counter is a number of 24 bits")
