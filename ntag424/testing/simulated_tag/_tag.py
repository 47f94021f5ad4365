"""A tag made of software: the whole NTAG 424 DNA and NTAG 424 DNA TagTamper.

It is written from the data sheet (NT4H2421Gx) and takes bytes, never this
library's own values: what it delivers is evidence about the library.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._commands import answer, refusal_of_form
from ntag424.testing.simulated_tag._file_system import (
    CC,
    CC_FILE,
    CC_SETTINGS,
    NDEF_FILE,
    NDEF_SETTINGS,
    PROPRIETARY_FILE,
    PROPRIETARY_SETTINGS,
    TagFile,
)
from ntag424.testing.simulated_tag._memory import (
    HARDWARE,
    HARDWARE_WITH_LOOP,
    PRODUCTION,
    SOFTWARE,
    AppKey,
    Memory,
)
from ntag424.testing.simulated_tag._open_points import OpenPoints
from ntag424.testing.simulated_tag._phone import read_ndef_file
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._storage import read_memory, write_memory
from ntag424.testing.simulated_tag._tamper import TamperLoop

_AS_DECIDED = OpenPoints()
#: HWSubType from here on.
_STANDARD_BACK_MODULATION = b"\x80"


class SimulatedTag:
    """A `Transport` that answers like an NTAG 424 DNA, in every command it has.

    *uid* has 7 bytes, *keys* are AppKeys 0 to 4 with 16 bytes each and *key_versions* their
    version bytes. *ndef_file* (NLEN || message), *cc_file* and *proprietary_file* are
    zero-filled to 256, 32 and 128 bytes; *file_settings*, *cc_settings* and
    *proprietary_settings* are their ChangeFileSettings data (NT4H2421Gx §10.7.1).
    *read_counter* is SDMReadCtr so far. What is not given is as NXP delivers it; `blank`
    makes a tag that is so wholly.

    *random_bytes* gives RndB (16 bytes) and TI (4) of an authentication, the padding of
    PICCData (5, 8 or 12) and then, in LRP mode, PICCRand (8), both once per run of reads,
    and 3 bytes of Random ID. `{16: rnd_b, 4: ti}.__getitem__` plays a recording back.

    *lrp* is True once the tag was switched to LRP mode, which is final (§9.2). *tamper*
    makes it an NTAG 424 DNA TagTamper: TTPermStatus || TTCurrStatus as last measured,
    b"CC", b"OC", b"OO", or b"II" with the feature off. *signature* is what Read_Sig gives,
    56 bytes. GetVersion gives *hardware* and *software* (7 bytes each) and, behind the UID,
    *production*: batch and FabKey (5), week (1), year (1) and perhaps FabKeyID (1); without
    *hardware* it is that of the chip that *tamper* makes. *open_points* decides what NXP's
    documents leave open.

    Raises:
        ValueError: a length is wrong, or the chip would refuse the settings;
            `force_settings` puts such ones there.
    """

    #: Answer to select and, as a PC/SC reader shows it, answer to reset (NT4H2421Gx §8.1).
    ats: ClassVar[bytes] = bytes.fromhex("067777710280")
    atr: ClassVar[bytes] = bytes.fromhex("3B8180018080")

    def __init__(
        self,
        *,
        uid: bytes,
        keys: Sequence[bytes],
        key_versions: Sequence[int] = (0, 0, 0, 0, 0),
        ndef_file: bytes,
        file_settings: bytes,
        cc_file: bytes = CC,
        cc_settings: bytes = CC_SETTINGS,
        proprietary_file: bytes = b"",
        proprietary_settings: bytes = PROPRIETARY_SETTINGS,
        random_bytes: Callable[[int], bytes] = os.urandom,
        read_counter: int = 0,
        lrp: bool = False,
        tamper: bytes | None = None,
        signature: bytes = bytes(56),
        hardware: bytes | None = None,
        software: bytes = SOFTWARE,
        production: bytes = PRODUCTION,
        open_points: OpenPoints = _AS_DECIDED,
    ) -> None:
        if len(keys) != len(key_versions):
            raise ValueError(
                f"a tag has five AppKeys, not {len(keys)}, with a version each, "
                f"not {len(key_versions)}"
            )
        if hardware is None:
            hardware = HARDWARE if tamper is None else HARDWARE_WITH_LOOP
        memory = Memory(
            uid=uid,
            keys=tuple(map(AppKey, keys, key_versions)),
            files={},
            signature=signature,
            lrp=lrp,
            read_counter=read_counter,
            strong_back_modulation=hardware[2:3] < _STANDARD_BACK_MODULATION,
            tamper=None if tamper is None else TamperLoop.last_found(tamper),
            hardware=hardware,
            software=software,
            production=production,
        )
        for number, content, settings in (
            (CC_FILE, cc_file, cc_settings),
            (NDEF_FILE, ndef_file, file_settings),
            (PROPRIETARY_FILE, proprietary_file, proprietary_settings),
        ):
            file = TagFile.filled(number, content, settings, memory.chip)
            memory = memory.with_file(number, file)
        memory.require_counter_below_limit()
        self._card = Card(memory, random_bytes, open_points)

    @classmethod
    def blank(
        cls,
        uid: bytes,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
        tamper: bytes | None = None,
        signature: bytes = bytes(56),
        open_points: OpenPoints = _AS_DECIDED,
    ) -> Self:
        """Make a tag as NXP delivers it: keys of zeros, an empty and writable NDEF file.

        A TagTamper leaves NXP with *tamper* b"II".

        Raises:
            ValueError: a length is wrong, or *tamper* is no status of a loop.
        """
        return cls(
            uid=uid,
            keys=[bytes(16)] * 5,
            ndef_file=b"",
            file_settings=NDEF_SETTINGS,
            random_bytes=random_bytes,
            tamper=tamper,
            signature=signature,
            open_points=open_points,
        )

    def force_settings(self, file_number: int, settings: bytes) -> None:
        """Put settings on file 1 to 3 that the chip would refuse, as ChangeFileSettings data.

        GetFileSettings gives them back as they are. A reserved access condition lets nobody
        pass, reserved bits and bytes behind the last item say nothing, an item that is cut
        off is not there, mirrors are cut at the end of the file and overwrite each other in
        the order of §9.3, and only file 2 mirrors.

        Raises:
            ValueError: there is no such file, or not even FileOption (1) || AccessRights (2).
        """
        memory = self._card.memory
        if file_number not in memory.files:
            raise ValueError(f"files are numbered 1 to 3, not {file_number}")
        content = memory.files[file_number].content
        file = TagFile.found(file_number, content, settings, memory.chip)
        self._card.memory, self._card.run = memory.with_file(file_number, file), None

    # ---- on disk ----------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Put what the chip keeps without power into a JSON file; `load` is the inverse.

        The file **holds the keys in the clear**; only its owner may read it. It is replaced
        as a whole and is on disk on return. The physical state of a tamper loop goes along,
        *random_bytes* and *open_points* do not.

        Raises:
            OSError: it cannot be written; what was there before still is.
        """
        write_memory(self._card.memory, Path(path))

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
        open_points: OpenPoints = _AS_DECIDED,
    ) -> Self:
        """Make the tag that was saved, just come into the field.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not a saved tag.
        """
        memory = read_memory(Path(path))
        tag = cls.blank(memory.uid)
        tag._card = Card(memory, random_bytes, open_points)  # noqa: SLF001 - it is our own
        return tag

    # ---- from outside -----------------------------------------------------------------------

    def __repr__(self) -> str:
        uid = self._card.memory.uid.hex().upper()
        return f"SimulatedTag(uid={uid}, read_counter={self.read_counter})"

    @property
    def read_counter(self) -> int:
        """How many runs of reads the tag has counted (SDMReadCtr, NT4H2421Gx §9.3.2)."""
        return self._card.memory.read_counter

    @property
    def anticollision_uid(self) -> bytes:
        """The UID that a reader finds: 7 bytes, or 4 random ones beginning with 08.

        Random ID shows from the first `power_cycle` after it was configured on, and is
        another one at each.
        """
        return self._card.anticollision_uid

    def power_cycle(self) -> None:
        """Leave the field and come back: the MF is current and nothing is open."""
        self._card.activate()

    def open_loop(self) -> None:
        """Break the tamper loop; the chip notices when it measures next.

        It measures at the first command after `power_cycle`, at GetTTStatus, and at the
        first of a run of reads that mirror its status.

        Raises:
            ValueError: the chip has no tamper loop.
        """
        self._set_wire(is_open=True)

    def close_loop(self) -> None:
        """Mend the tamper loop: TTCurrStatus follows, an O in TTPermStatus stays.

        Raises:
            ValueError: the chip has no tamper loop.
        """
        self._set_wire(is_open=False)

    def _set_wire(self, *, is_open: bool) -> None:
        memory = self._card.memory
        if memory.tamper is None:
            raise ValueError("this chip has no tamper loop")
        tamper = replace(memory.tamper, wire_is_open=is_open)
        self._card.memory = replace(memory, tamper=tamper)

    # ---- commands ---------------------------------------------------------------------------

    def tap(self) -> bytes:
        """Be held to a phone once: return NLEN (2) || message as it reads them.

        Raises:
            ValueError: the tag would not let the phone read, for example because
                its counter is used up.
        """
        self.power_cycle()
        return read_ndef_file(self)

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Answer *command* as the chip would; a refusal is a status word without data.

        Any refusal ends the session.
        """
        card = self._card
        card.notice_contact()
        if card.run is not None and not card.run.is_continued_by(command):
            card.run = None
        try:
            return answer(card, command)
        except RefusedError as refusal:
            card.abandon()
            return ResponseApdu(b"", refusal.status)

    def exchange(self, octets: bytes) -> bytes:
        """Answer whatever comes over the air: data || SW1 || SW2, 2 to 258 bytes.

        What is no short APDU is refused with 6E00 if its class is unknown, else with
        917E or, to an ISO command, 6700. Nothing raises, unless *random_bytes* does.
        """
        try:
            command = CommandApdu.from_bytes(octets)
        except ValueError:
            return bytes(self._refuse_malformed(octets))
        return bytes(self.transmit(command))

    def _refuse_malformed(self, octets: bytes) -> ResponseApdu:
        self._card.notice_contact()
        self._card.run = None
        self._card.abandon()
        return ResponseApdu(b"", refusal_of_form(self._card, octets))
