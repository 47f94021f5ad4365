"""The tag's side of ISO/IEC 14443-3 and -4, type A: a frame in, a frame out."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor

from ntag424.testing.doors._card import Card, Loss, LossyCard

#: FSD by its index, in bytes (ISO/IEC 14443-4 table 1).
_FRAME_SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
_REQA, _WUPA = b"\x26", b"\x52"
_HLTA, _RATS = b"\x50\x00", 0xE0
_ATQA_7, _ATQA_4 = b"\x44\x03", b"\x04\x03"
_UID_GOES_ON, _ISO_DEP = b"\x24", b"\x20"
_CASCADE_TAG = b"\x88"
_CHAINED = 0x10
_DESELECT, _WTX = 0xC2, 0xF2


class IsoDepPicc:
    """A software tag as the antenna sees it; frames are without their CRC.

    *fwi* is the frame waiting integer it asks for. The chip says 7, 38.7 ms; 11 is
    0.62 s, enough for a machine that stalls. *wtx* is asked for each command, and may
    give a multiplier (1..59): then the tag asks for that much more time first.
    """

    def __init__(
        self, card: Card, *, fwi: int = 7, wtx: Callable[[bytes], int | None] | None = None
    ) -> None:
        self._card = LossyCard(card)
        # TL, T0 (FSC 128, TA to TC follow), TA, TB (FWI, SFGI 1), TC, historical byte
        self._ats = bytes([0x06, 0x77, 0x77, fwi << 4 | 0x01, 0x02, 0x80])
        self._wtx = wtx
        self._present = True
        self._reset()

    def insert(self) -> None:
        """Bring the tag into the field, where it is to begin with; no reader knows it yet."""
        self._reset()
        self._present = True

    def remove(self) -> None:
        """Take the tag out of the field: what it has to say is not heard."""
        self._present = False

    def lose(self, loss: Loss, *, at: int = 1) -> None:
        """Take the tag out of the field at the *at*-th command from now, 1 being the next.

        Raises:
            ValueError: *at* is below 1.

        """
        self._card.lose(loss, at)

    def field_off(self) -> None:
        """Take the tag its power."""
        self._card.card.power_cycle()
        self._reset()

    def frame(self, octets: bytes) -> bytes | None:
        """Answer one frame; None is silence."""
        if not self._present or not octets:
            return None
        if octets in {_REQA, _WUPA}:
            # A reader that looks for tags anew has switched its field off before.
            self.field_off()
            return _ATQA_7 if len(self._card.card.anticollision_uid) == 7 else _ATQA_4
        if octets == _HLTA:
            self._reset()
            return None
        if octets[0] in {0x93, 0x95}:
            return self._anticollision(octets)
        if octets[0] == _RATS and len(octets) == 2 and self._selected:
            self._active = True
            self._room = _FRAME_SIZES[min(octets[1] >> 4, 8)] - 3
            return self._ats
        return self._block(octets) if self._active else None

    def _reset(self) -> None:
        self._selected, self._active = False, False
        self._block_number = 1
        self._room = _FRAME_SIZES[0] - 3
        self._received, self._to_send = b"", b""
        self._waiting: bytes | None = None
        self._last: bytes | None = None

    def _anticollision(self, octets: bytes) -> bytes | None:
        """Answer SDD and SEL of the cascade levels that the UID has."""
        uid = self._card.card.anticollision_uid
        levels = {0x93: _CASCADE_TAG + uid[:3], 0x95: uid[3:]} if len(uid) == 7 else {0x93: uid}
        part = levels.get(octets[0])
        if part is None:
            return None
        checked = part + bytes([reduce(xor, part)])
        if octets[1:] == b"\x20":
            return checked
        if octets[1:] == b"\x70" + checked:
            self._selected = part[:1] != _CASCADE_TAG
            return _ISO_DEP if self._selected else _UID_GOES_ON
        return None

    def _block(self, octets: bytes) -> bytes | None:
        control = octets[0]
        if control & 0xE2 == 0x02:
            return self._information(control, octets[1:])
        if control & 0xE6 == 0xA2:
            return self._acknowledgement(control)
        if control == _WTX and self._waiting is not None:
            command, self._waiting = self._waiting, None
            return self._answer(command)
        if control == _DESELECT:
            self._reset()
            return bytes([_DESELECT])
        return None

    def _information(self, control: int, part: bytes) -> bytes | None:
        self._block_number ^= 1
        self._received += part
        if control & _CHAINED:
            return self._keep(bytes([0xA2 | self._block_number]))
        command, self._received = self._received, b""
        more_time = self._wtx(command) if self._wtx else None
        if more_time is None:
            return self._answer(command)
        self._waiting = command
        return self._keep(bytes([_WTX, more_time]))

    def _acknowledgement(self, control: int) -> bytes | None:
        """Repeat the last block, say that the one asked about never came, or go on."""
        if control & 1 == self._block_number:
            return self._last
        if control & 0x10:
            return bytes([0xA2 | self._block_number])
        self._block_number ^= 1
        return self._next()

    def _answer(self, command: bytes) -> bytes | None:
        answer = self._card.exchange(command)
        if answer is None:
            self.remove()
            return None
        self._to_send = answer
        return self._next()

    def _next(self) -> bytes:
        part, self._to_send = self._to_send[: self._room], self._to_send[self._room :]
        more = _CHAINED if self._to_send else 0
        return self._keep(bytes([0x02 | more | self._block_number]) + part)

    def _keep(self, block: bytes) -> bytes:
        self._last = block
        return block
