"""A tag made of software: NTAG 424 DNA, reads and Secure Dynamic Messaging.

It is written from the data sheet (NT4H2421Gx) and takes bytes, never this
library's own values: what it delivers is evidence about the library.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._file_system import (
    MASTER_FILE,
    NDEF_FILE,
    RefusedError,
    TagFile,
    files_at_delivery,
    select,
)
from ntag424.testing.simulated_tag._phone import read_ndef_file
from ntag424.testing.simulated_tag._read_runs import ReadRuns
from ntag424.testing.simulated_tag._reads import iso_window, native_window, require_free_read
from ntag424.testing.simulated_tag._sdm import Identity
from ntag424.testing.simulated_tag._sdm_model import FILE_SIZE, Chip
from ntag424.testing.simulated_tag._suites import AesSuite, LrpSuite
from ntag424.testing.simulated_tag._tamper import loop_with

_ISO, _NATIVE = 0x00, 0x90
_NEXT_FRAME = (_NATIVE, 0xAF)
#: GetVersion parts 1 and 2, and what follows the UID in part 3: batch, week 1 of 2024.
_HARDWARE = bytes.fromhex("04040230001105")
_HARDWARE_TAG_TAMPER = bytes.fromhex("04040830001105")
_SOFTWARE = bytes.fromhex("04040201021105")
_PRODUCTION = bytes.fromhex("00000000000124")


class SimulatedTag:
    """A `Transport` that answers like an NTAG 424 DNA nobody is authenticated to.

    Known are ISOSelectFile, ISOReadBinary, ReadData, GetVersion and
    GetFileSettings; anything else is refused as unknown. *uid* has 7 bytes,
    *keys* are AppKeys 0 to 4 with 16 bytes each, *ndef_file* (NLEN || message)
    is zero-filled to 256 bytes, *file_settings* are the ChangeFileSettings data
    of file 02 (NT4H2421Gx §10.7.1), *read_counter* is SDMReadCtr so far.
    *random_bytes* gives the padding of PICCData and then, in LRP mode, the 8 bytes
    of PICCRand, both once per run of reads. *lrp* is True once the tag was switched
    to LRP mode, which is final (§9.2). *tamper* makes it an NTAG 424 DNA TagTamper:
    TTPermStatus || TTCurrStatus as last measured, b"CC", b"OC", b"OO", or b"II" with
    the feature off.

    Raises:
        ValueError: a length is wrong, or the chip would refuse the settings.
    """

    def __init__(
        self,
        *,
        uid: bytes,
        keys: Sequence[bytes],
        ndef_file: bytes,
        file_settings: bytes,
        random_bytes: Callable[[int], bytes] = os.urandom,
        read_counter: int = 0,
        lrp: bool = False,
        tamper: bytes | None = None,
    ) -> None:
        _check_lengths(uid, keys, ndef_file)
        self._loop = loop_with(tamper)
        suite = LrpSuite() if lrp else AesSuite()
        self._identity = Identity(uid, tuple(keys), random_bytes, suite, self._loop.measure)
        chip = Chip(suite.picc_data_characters, has_tamper_loop=self._loop.present)
        ndef = TagFile.of(ndef_file.ljust(FILE_SIZE, b"\0"), file_settings, chip)
        self._files = files_at_delivery(chip) | {NDEF_FILE: ndef}
        self._runs = ReadRuns(self._identity, ndef.settings.sdm, read_counter)
        self.power_cycle()

    def __repr__(self) -> str:
        uid = self._identity.uid.hex().upper()
        return f"SimulatedTag(uid={uid}, read_counter={self._runs.read_counter})"

    @property
    def read_counter(self) -> int:
        """How many runs of reads the tag has counted (SDMReadCtr, NT4H2421Gx §9.3.2)."""
        return self._runs.read_counter

    def power_cycle(self) -> None:
        """Leave the field and come back: the MF is current and no run is open."""
        self._selection = MASTER_FILE
        self._frames: tuple[bytes, ...] = ()
        self._loop_is_measured = False
        self._runs.end()

    def open_loop(self) -> None:
        """Break the tamper loop; the chip notices when it measures next.

        It measures at the first command after `power_cycle`, and at the first of a
        run of reads that mirror its status.

        Raises:
            ValueError: the chip has no tamper loop.
        """
        self._loop.break_wire()

    def close_loop(self) -> None:
        """Mend the tamper loop: TTCurrStatus follows, an O in TTPermStatus stays.

        Raises:
            ValueError: the chip has no tamper loop.
        """
        self._loop.mend_wire()

    def tap(self) -> bytes:
        """Be held to a phone once: return NLEN (2) || message as it reads them.

        Raises:
            ValueError: the tag would not let the phone read, for example because
                its counter is used up.
        """
        self.power_cycle()
        return read_ndef_file(self)

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Answer *command* as the chip would; a refusal is a status word without data."""
        if not self._loop_is_measured:
            self._loop.measure()
            self._loop_is_measured = True
        self._runs.end_unless_continued_by(command)
        try:
            return self._answer(command)
        except RefusedError as refusal:
            self._frames = ()
            return ResponseApdu(b"", refusal.status)

    def _answer(self, command: CommandApdu) -> ResponseApdu:
        if self._frames and (command.cla, command.ins) != _NEXT_FRAME:
            if command.cla == _ISO:
                raise RefusedError(Status.ISO_CONDITIONS_NOT_SATISFIED)
            raise RefusedError(Status.COMMAND_ABORTED)
        if command.cla == _ISO:
            return ResponseApdu(self._iso(command), Status.ISO_OK)
        if command.cla == _NATIVE:
            data = self._native(command)
            return ResponseApdu(data, Status.ADDITIONAL_FRAME if self._frames else Status.OK)
        raise RefusedError(Status.ISO_UNKNOWN_CLASS)

    def _iso(self, command: CommandApdu) -> bytes:
        match command.ins:
            case 0xA4:
                self._selection = select(self._selection, command)
                return b""
            case 0xB0:
                return self._read_binary(command)
            case _:
                raise RefusedError(Status.ISO_UNKNOWN_INSTRUCTION)

    def _native(self, command: CommandApdu) -> bytes:
        if command.p1 or command.p2:
            raise RefusedError(Status.ISO_WRONG_PARAMETERS)
        match command.ins:
            case 0x60:
                _require_length(command, 0)
                hardware = _HARDWARE_TAG_TAMPER if self._loop.present else _HARDWARE
                self._frames = (hardware, _SOFTWARE, self._identity.uid + _PRODUCTION)
                return self._next_frame()
            case 0xAF if self._frames:
                _require_length(command, 0)
                return self._next_frame()
            case 0xF5:
                return self._get_file_settings(command)
            case 0xAD:
                return self._read_data(command)
            case _:
                raise RefusedError(Status.ILLEGAL_COMMAND_CODE)

    def _next_frame(self) -> bytes:
        frame, *rest = self._frames
        self._frames = tuple(rest)
        return frame

    def _get_file_settings(self, command: CommandApdu) -> bytes:
        """FileType (1) || FileOption (1) || AccessRights (2) || FileSize (3 LE) [|| SDM block]."""
        file = self._numbered_file(command, 1)
        size = len(file.content).to_bytes(3, "little")
        return b"\0" + file.raw_settings[:3] + size + file.raw_settings[3:]

    def _read_data(self, command: CommandApdu) -> bytes:
        file = self._numbered_file(command, 7)
        window = native_window(command.data, len(file.content))
        return self._content(file, command)[window]

    def _numbered_file(self, command: CommandApdu, length: int) -> TagFile:
        """Give the file whose number opens the data, which is *length* bytes long."""
        _require_length(command, length)
        if not self._selection.in_application:
            raise RefusedError(Status.PERMISSION_DENIED)
        if command.data[0] not in self._files:
            raise RefusedError(Status.FILE_NOT_FOUND)
        return self._files[command.data[0]]

    def _read_binary(self, command: CommandApdu) -> bytes:
        if self._selection.file_number is None:
            raise RefusedError(Status.ISO_CONDITIONS_NOT_SATISFIED)
        file = self._files[self._selection.file_number]
        window = iso_window(command, len(file.content))
        try:
            return self._content(file, command)[window]
        except RefusedError as refusal:
            # ISO has one word for every reason not to hand out a file.
            raise RefusedError(Status.ISO_SECURITY_NOT_SATISFIED) from refusal

    def _content(self, file: TagFile, command: CommandApdu) -> bytes:
        """Give the whole file as an unauthenticated reader gets it."""
        require_free_read(file.settings)
        if file.settings.sdm is None:
            return file.content
        return self._runs.delivered(file.content, file.settings.sdm, command)


def _require_length(command: CommandApdu, length: int) -> None:
    # Wrapped native commands always end in Le 00.
    if len(command.data) != length or command.le != 0:
        raise RefusedError(Status.LENGTH_ERROR)


def _check_lengths(uid: bytes, keys: Sequence[bytes], ndef_file: bytes) -> None:
    if len(uid) != 7:
        raise ValueError(f"a UID has 7 bytes, not {len(uid)}")
    if len(keys) != 5:
        raise ValueError(f"a tag has five AppKeys, not {len(keys)}")
    if any(len(key) != 16 for key in keys):
        raise ValueError("every AppKey has 16 bytes")
    if len(ndef_file) > FILE_SIZE:
        raise ValueError(f"the NDEF file has {FILE_SIZE} bytes, not {len(ndef_file)}")
