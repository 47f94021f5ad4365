"""What the tests of simulated tags lay on their readers, and ask of them."""

from __future__ import annotations

from contextlib import closing

from ntag424_provisioning.sim import SimLink

from ntag424.apdu import CommandApdu

UID, OTHER_UID = bytes.fromhex("04C767F2066180"), bytes.fromhex("04DE5F1EACC040")

GET_VERSION = CommandApdu(0x60)
_SELECT_APPLICATION = CommandApdu(
    0xA4, bytes.fromhex("D2760000850101"), cla=0x00, p1=0x04, p2=0x0C
)
_SELECT_FILE = CommandApdu(0xA4, bytes.fromhex("E104"), cla=0x00, p2=0x0C)
#: Makes the first byte of file 02 FE, which is 00 on a blank tag; then it is read.
WRITE = CommandApdu(0xD6, b"\xfe", cla=0x00, le=None)
_READ = CommandApdu(0xB0, cla=0x00, le=1)


def select(transport):
    """Make file 02 current: two commands that change nothing."""
    transport.transmit(_SELECT_APPLICATION)
    transport.transmit(_SELECT_FILE)


def is_written(transport):
    """Say whether WRITE has reached the tag."""
    select(transport)
    return transport.transmit(_READ).data == b"\xfe"


def connected(shelf, *names):
    """Open a reader with these tags, the first of them connected."""
    link = SimLink(shelf, names, None)
    link.wait_for_tag(0)
    return link


def is_written_on_disk(shelf, name):
    with closing(connected(shelf, name)) as link:
        return is_written(link)
