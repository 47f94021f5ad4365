"""Tags for the doors, and what a reader asks of them."""

from __future__ import annotations

from ntag424.apdu import CommandApdu
from ntag424.testing import SimulatedTag

UID, OTHER_UID = bytes.fromhex("04C767F2066180"), bytes.fromhex("04DE5F1EACC040")
RANDOM_ID = bytes.fromhex("08A1B2C3")

GET_VERSION, NEXT_FRAME = CommandApdu(0x60), CommandApdu(0xAF)
SELECT_APPLICATION = CommandApdu(0xA4, bytes.fromhex("D2760000850101"), cla=0x00, p1=0x04, p2=0x0C)
#: File 02 whole: 256 bytes, the longest answer there is.
READ_ALL = CommandApdu(0xAD, bytes.fromhex("02 000000 000000"))
#: The longest command there is; the tag refuses it.
LONGEST = CommandApdu(0x8D, bytes(range(255)))


def simulated_tag(uid=UID):
    """Make a tag whose file 02 is full, and free to read."""
    return SimulatedTag(
        uid=uid,
        keys=[bytes(16)] * 5,
        ndef_file=bytes(range(256)),
        file_settings=bytes.fromhex("0000E0"),
    )


class RecordingCard:
    """A simulated tag that remembers what reached it."""

    def __init__(self, uid=UID, anticollision_uid=None, *, before_answer=None):
        self._tag = simulated_tag(uid)
        self.anticollision_uid = anticollision_uid or uid
        self.before_answer = before_answer
        self.commands = []
        self.power_cycles = 0

    def exchange(self, octets):
        self.commands.append(octets)
        if self.before_answer:
            self.before_answer()
        return self._tag.exchange(octets)

    def power_cycle(self):
        self.power_cycles += 1
        self._tag.power_cycle()


class FixedCard:
    """A card with one answer to everything."""

    anticollision_uid = UID

    def __init__(self, answer):
        self._answer = answer

    def exchange(self, octets):
        return self._answer

    def power_cycle(self):
        """Nothing to forget."""
