"""Lays a simulated tag on readers of other programs' making, for as long as is wanted."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NoReturn

from ntag424.errors import ReaderServiceError, TransportError
from ntag424.testing.doors import IsoDepPicc, UdpTag, VirtualCard
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.sim._taken import TakenTag

# Frame waiting integer, 0.62 s: a machine that stalls does not make nfcpy repeat a frame.
_PATIENCE = 11


class _ServedTag:
    """A card whose loss is noticed: no answer takes it off the reader."""

    def __init__(self, taken: TakenTag) -> None:
        self._taken = taken
        self.lost = Event()

    @property
    def anticollision_uid(self) -> bytes:
        """What a reader sees as UID."""
        return self._taken.anticollision_uid

    def exchange(self, octets: bytes) -> bytes:
        """Answer one APDU; with nothing at all if the tag is torn away."""
        try:
            return self._taken.exchange(octets)
        except TransportError:
            self.lost.set()
            return b""

    def power_cycle(self) -> None:
        """Leave the field and come back."""
        self._taken.power_cycle()


def serve_to_pcscd(taken: TakenTag, port: int, announce: Callable[[str], None]) -> NoReturn:
    """Lay a tag on the reader that vpcd gives to pcscd, at its *port*.

    *announce* is told the place once the tag is there. Ctrl-C takes it away.

    Raises:
        ReaderServiceError: there is no vpcd, or not any more.

    """
    card = _ServedTag(taken)
    try:
        with VirtualCard(card, port) as door:
            announce(f"vpcd:{port}")
            _attend(card, door.insert)
    except ConnectionError as error:
        hint = "Install vsmartcard-vpcd and start pcscd, or serve with --udp."
        text = f"no virtual reader listens at port {port}"
        raise ReaderServiceError(text, hint=hint) from error


def serve_to_nfcpy(taken: TakenTag, port: int, announce: Callable[[str], None]) -> NoReturn:
    """Hold a tag to nfcpy at a UDP *port*, 0 for any; see `serve_to_pcscd`.

    Raises:
        SetupError: the port is not to be had.

    """
    card = _ServedTag(taken)
    try:
        field = UdpTag(IsoDepPicc(card, fwi=_PATIENCE), port=port)
    except OSError as error:
        hint = "Choose another port, or 0 for any that is free."
        raise SetupError(f"port {port} cannot be used: {error.strerror}", hint) from error

    def lay_down() -> None:
        # Not the same one: that may not even have left the field yet.
        field.picc = IsoDepPicc(card, fwi=_PATIENCE)

    with field:
        announce(field.path)
        _attend(card, lay_down)


def _attend(card: _ServedTag, lay_down: Callable[[], None]) -> NoReturn:
    """Lay the tag down again whenever it was torn away."""
    while True:
        card.lost.wait()
        card.lost.clear()
        lay_down()
