"""Readers over PC/SC: pcscd on Linux, by pyscard."""

from __future__ import annotations

from typing import Self

from ntag424.apdu import CommandApdu, Status
from ntag424.arguments import require_text
from ntag424.readers._choice import choose
from ntag424.readers._link import Identify, TagLink
from ntag424.readers._scard import Code, Scard, connect_error, load_scard, transmit_error
from ntag424.transport import Transport

#: Get Data of PC/SC part 3: the reader itself answers, with the UID of the tag.
_GET_UID = CommandApdu(0xCA, cla=0xFF)
_UID_LENGTHS = frozenset({4, 7, 10})
#: Longest wait in seconds inside libpcsclite, where Ctrl-C does not reach Python.
_LONGEST_WAIT = 0.5


def pcsc_readers() -> list[str]:
    """Name the readers that PC/SC knows, with or without a tag.

    Raises:
        ReaderDriverMissingError: pyscard is not installed.
        ReaderServiceError: pcscd is not running.
        ReaderRefusedError: pcscd does not serve this user.

    """
    return _readers(load_scard())


class PcscReader(TagLink):
    """A reader over PC/SC, for this program alone while a tag is connected."""

    @classmethod
    def open(cls, name: str, *, identify: Identify | None = None) -> Self:
        """Choose the reader called *name*, or the only one whose name contains it.

        No tag needs to be there; `wait_for_tag` connects to it. *identify* takes the
        place of the UID where a reader does not tell it, or a tag has Random ID: it
        may send commands that change nothing, and its answer must be the same
        whenever the tag is.

        Raises:
            ReaderChoiceError: no reader, or more than one, fits.
            ReaderError: see `pcsc_readers`.

        """
        require_text("name", name)
        scard = load_scard()
        return cls(scard, choose(name, _readers(scard)), identify)

    def __init__(self, scard: Scard, name: str, identify: Identify | None) -> None:
        super().__init__(identify)
        #: As PC/SC spells it.
        self.name = name
        self._scard = scard
        self._context: object | None = None
        self._card: object | None = None
        self._reader_state = scard.SCARD_STATE_UNAWARE

    def __repr__(self) -> str:
        return f"PcscReader({self.name!r})"

    def _connect(self) -> None:
        # A new context each time: the old one is dead where pcscd was restarted.
        self._give_back()
        scard = self._scard
        self._context = _context(scard)
        code, card, _ = scard.SCardConnect(
            self._context, self.name, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1
        )
        if code != Code.SUCCESS:
            raise connect_error(code, scard.SCardGetErrorMessage(code), self.name)
        self._card = card

    def _disconnect(self) -> None:
        card, self._card = self._card, None
        if card is not None:
            # Without its power the tag forgets its session. Fails only where it is gone.
            self._scard.SCardDisconnect(card, self._scard.SCARD_UNPOWER_CARD)

    def _give_back(self) -> None:
        self._disconnect()
        context, self._context = self._context, None
        if context is not None:
            self._scard.SCardReleaseContext(context)

    def _exchange(self, octets: bytes) -> bytes:
        scard = self._scard
        code, answer = scard.SCardTransmit(self._card, scard.SCARD_PCI_T1, list(octets))
        if code != Code.SUCCESS:
            raise transmit_error(code, scard.SCardGetErrorMessage(code))
        return bytes(answer)

    def _uid(self, reader: Transport) -> bytes | None:
        answer = reader.transmit(_GET_UID)
        told = answer.status == Status.ISO_OK and len(answer.data) in _UID_LENGTHS
        return answer.data if told else None

    def _await_change(self, seconds: float) -> None:
        scard = self._scard
        milliseconds = int(1000 * min(seconds, _LONGEST_WAIT)) + 1
        code, states = scard.SCardGetStatusChange(
            self._context, milliseconds, [(self.name, self._reader_state)]
        )
        if code == Code.SUCCESS:
            # The first time PC/SC tells the state at once, and from then on its changes.
            self._reader_state = states[0][1] & ~scard.SCARD_STATE_CHANGED
        elif code != Code.TIMEOUT:
            raise connect_error(code, scard.SCardGetErrorMessage(code), self.name)


def _context(scard: Scard) -> object:
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if code != Code.SUCCESS:
        raise connect_error(code, scard.SCardGetErrorMessage(code))
    return context


def _readers(scard: Scard) -> list[str]:
    context = _context(scard)
    try:
        code, names = scard.SCardListReaders(context, [])
    finally:
        scard.SCardReleaseContext(context)
    if code == Code.NO_READERS_AVAILABLE:
        return []
    if code != Code.SUCCESS:
        raise connect_error(code, scard.SCardGetErrorMessage(code))
    return names
