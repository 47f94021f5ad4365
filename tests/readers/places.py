"""Where a tag is laid down: in front of pcscd, or in front of nfcpy."""

from __future__ import annotations

from ntag424.readers import NfcpyReader, PcscReader
from ntag424.readers._scard import Code, load_scard
from ntag424.testing.doors import IsoDepPicc, UdpTag, VirtualCard
from tests.readers.private_pcscd import READERS

#: 0.62 s: a machine that stalls does not make nfcpy repeat a frame.
PATIENT_FWI = 11
#: What the chip asks for, 38.7 ms: losses are over soon.
TRUE_FWI = 7

_SECONDS = 10


class PcscPlace:
    """The reader of pcscd's in one slot of vpcd."""

    def __init__(self, pcscd, slot):
        self.pcscd = pcscd
        self.name = READERS[slot]
        self._port = pcscd.port + slot
        self._door = None
        # pcscd may still have to notice that the card of an earlier test is gone.
        self._wait(present=False)

    def open(self, **options):
        return PcscReader.open(self.name, **options)

    def insert(self, card, **options):
        """Lay *card* down, and wait until pcscd has noticed."""
        self.lay_down(card, **options)
        self._wait(present=True)

    def lay_down(self, card, **options):
        self._door = VirtualCard(card, self._port, **options)
        self._door.insert()

    def remove(self):
        """Take the card away, and wait until pcscd has noticed."""
        self.take_away()
        self._wait(present=False)

    def take_away(self):
        if self._door is not None:
            self._door.remove()
        self._door = None

    def swap(self, card):
        """Put *card* in the place of the one there, faster than pcscd looks."""
        self.take_away()
        self.lay_down(card)

    def lose(self, loss, **options):
        self._door.lose(loss, **options)

    def close(self):
        self.take_away()

    def _wait(self, *, present):
        self.pcscd.wait_for_card(self.name, present=present)
        # It logs that a card went just before it remembers it: only then its state is so.
        assert _await_state(self.name, present=present), self.pcscd.log.text


class NfcpyPlace:
    """The field of a reader that nfcpy drives."""

    def __init__(self, fwi=TRUE_FWI):
        self._fwi = fwi
        self.air = None

    def open(self, **options):
        return NfcpyReader.open(self._field().path, **options)

    def insert(self, card, **options):
        field = self._field()
        field.picc = IsoDepPicc(card, fwi=self._fwi, **options)

    swap = insert

    def remove(self):
        self._field().picc.remove()

    def lose(self, loss, **options):
        self.air.picc.lose(loss, **options)

    def close(self):
        if self.air is not None:
            self.air.close()

    def _field(self):
        if self.air is None:
            picc = IsoDepPicc(None, fwi=self._fwi)
            picc.remove()
            self.air = UdpTag(picc)
        return self.air


def _await_state(reader, *, present):
    """Wait until pcscd tells its clients so; False if it does not come to that."""
    scard = load_scard()
    wanted = scard.SCARD_STATE_PRESENT if present else scard.SCARD_STATE_EMPTY
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    try:
        known, code = scard.SCARD_STATE_UNAWARE, Code.SUCCESS
        while code == Code.SUCCESS and not known & wanted:
            code, states = scard.SCardGetStatusChange(context, 1000 * _SECONDS, [(reader, known)])
            known = states[0][1] & ~scard.SCARD_STATE_CHANGED
        return code == Code.SUCCESS
    finally:
        scard.SCardReleaseContext(context)
