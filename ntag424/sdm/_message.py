"""The parts of a message, whatever URL they came in."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.arguments import require_number, require_octets, require_type
from ntag424.errors import MalformedTapError
from ntag424.model import MAX_READ_COUNTER, Mode, TamperStatus

_MAC_BYTES = 8
_UID_BYTES = 7
_BLOCK = 16
#: PICCData is one block; in LRP mode eight random bytes stand before it.
_MODES = {16: Mode.AES, 24: Mode.LRP}


@dataclass(frozen=True, slots=True, kw_only=True)
class TapMessage:
    """One SUN message, decoded from its hex characters but not yet trusted.

    Either *picc_data* (16 bytes; 24 in LRP mode), or *uid* (7 bytes), *read_counter*
    (0 to FFFFFFh) or both. *mac* is SDMMAC (8 bytes), *mac_input* the characters it
    covers, exactly as received.

    *encrypted_file_data* is SDMENCFileData (a multiple of 16 bytes); *tamper* is what
    stood at TTStatusOffset. Both must be cut out of *mac_input*: what the MAC does not
    cover is not reported. *tamper_at* says at which byte of the decrypted file data the
    tamper status stands instead.

    *mode* follows from the length of PICCData; without PICCData it is AES unless given.

    Raises:
        MalformedTapError: a part has a length or value that no chip sends.
        ValueError: the caller mixed forms that exclude each other.
        TypeError: a part is of another type, as hex digits are that were not decoded.

    """

    mac: bytes
    mac_input: bytes = b""
    picc_data: bytes | None = None
    uid: bytes | None = None
    read_counter: int | None = None
    encrypted_file_data: bytes | None = None
    tamper: TamperStatus | None = None
    tamper_at: int | None = None
    mode: Mode | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if len(self.mac) != _MAC_BYTES:
            raise MalformedTapError("SDMMAC has 8 bytes")
        if self.picc_data is None:
            self._check_plain_mirrors()
        else:
            self._check_picc_data(self.picc_data)
        if not self.is_bare:
            self._check_extras()

    @property
    def is_bare(self) -> bool:
        """Whether it shows nothing but UID and counter, as most messages do."""
        return self.encrypted_file_data is None and self.tamper is None and self.tamper_at is None

    @property
    def sdm_mode(self) -> Mode:
        """How the tag computed the message."""
        if self.picc_data is not None:
            return _MODES[len(self.picc_data)]
        return Mode.AES if self.mode is None else self.mode

    @property
    def plain_identity(self) -> bytes:
        """[UID (7)] || [SDMReadCtr (3, LSB first)] as they stood in the clear.

        Raises:
            ValueError: they did not; they are inside PICCData.

        """
        if self.picc_data is not None:
            raise ValueError("UID and counter are inside PICCData")
        counter = self.read_counter
        return (self.uid or b"") + (b"" if counter is None else counter.to_bytes(3, "little"))

    def _check_types(self) -> None:
        require_octets("mac", self.mac)
        require_octets("mac_input", self.mac_input, instead='the characters as b"..."')
        if self.picc_data is not None:
            require_octets("picc_data", self.picc_data)
        if self.uid is not None:
            require_octets("uid", self.uid)
        if self.read_counter is not None:
            require_number("read_counter", self.read_counter)
        if self.mode is not None:
            require_type("mode", self.mode, Mode, instead="Mode.AES or Mode.LRP")
        if not self.is_bare:
            self._check_types_of_extras()

    def _check_types_of_extras(self) -> None:
        if self.encrypted_file_data is not None:
            require_octets("encrypted_file_data", self.encrypted_file_data)
        if self.tamper is not None:
            instead = "TamperStatus.from_bytes(...)"
            require_type("tamper", self.tamper, TamperStatus, instead=instead)
        if self.tamper_at is not None:
            require_number("tamper_at", self.tamper_at)

    def _check_plain_mirrors(self) -> None:
        if self.uid is None and self.read_counter is None:
            raise ValueError("a message has picc_data, uid or read_counter")
        if self.uid is not None and len(self.uid) != _UID_BYTES:
            raise MalformedTapError("a UID has 7 bytes")
        counter = self.read_counter
        if counter is not None and not 0 <= counter <= MAX_READ_COUNTER:
            raise MalformedTapError("a read counter is a number of 24 bits")

    def _check_picc_data(self, picc_data: bytes) -> None:
        if self.uid is not None or self.read_counter is not None:
            raise ValueError("UID and counter are inside PICCData, not beside it")
        mode = _MODES.get(len(picc_data))
        if mode is None or self.mode not in (None, mode):
            raise MalformedTapError("PICCData has 16 bytes, in LRP mode 24")

    def _check_extras(self) -> None:
        if self.encrypted_file_data is not None:
            self._check_file_data(self.encrypted_file_data)
        if self.tamper_at is not None:
            self._check_tamper_place(self.tamper_at)

    def _check_file_data(self, file_data: bytes) -> None:
        if not file_data or len(file_data) % _BLOCK:
            raise MalformedTapError("SDMENCFileData has a multiple of 16 bytes")
        if self.picc_data is None and (self.uid is None or self.read_counter is None):
            raise ValueError("only tags that mirror UID and counter encrypt file data")

    def _check_tamper_place(self, place: int) -> None:
        if self.encrypted_file_data is None or self.tamper is not None:
            raise ValueError("tamper_at is a place in encrypted_file_data, instead of tamper")
        if not 0 <= place <= len(self.encrypted_file_data) - 2:
            raise ValueError("tamper_at leaves no room for two bytes")
