"""A card for vpcd, the virtual PC/SC reader of the vsmartcard project (Linux).

Over TCP, each message is its length (2, big-endian) and as many bytes. One byte alone
is a control byte; anything longer is an APDU, answered by a message of its own.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ntag424.testing.doors._card import Card, Loss, LossyCard

#: Historical byte 80 of the tag's ATS (NT4H2421Gx), in the frame of PC/SC part 3.
_ATR = bytes.fromhex("3B8180018080")
_OFF, _RESET, _TELL_ATR = 0x00, 0x02, 0x04
# Get Data of PC/SC part 3, which a reader answers itself: the UID, or "not supported".
_GET_UID = bytes.fromhex("FFCA000000")
_DONE, _NOT_SUPPORTED = bytes.fromhex("9000"), bytes.fromhex("6A81")
# Seconds for what takes milliseconds unless the machine stands still.
_PATIENCE = 5.0


class VirtualCard:
    """A software tag that is laid on a vpcd reader, and the reader's part of the talk.

    *port* is that of the slot, 35963 in vpcd's default configuration. *tells_uid* is
    False for a reader that does not know the Get Data command for UIDs. Used in a
    `with` statement, it is inserted and removed.

    pcscd looks for the card every 400 ms: wait for its word before relying on either.
    """

    def __init__(
        self, card: Card, port: int, *, host: str = "127.0.0.1", tells_uid: bool = True
    ) -> None:
        self._card = LossyCard(card)
        self._address = (host, port)
        self._tells_uid = tells_uid
        self._aborts = True
        self._link: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.insert()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()

    def insert(self) -> None:
        """Lay the card on the reader; it is taken away first if it lies there.

        Raises:
            OSError: no vpcd listens at the port.

        """
        self.remove()
        self._card.card.power_cycle()
        self._link = socket.create_connection(self._address, timeout=_PATIENCE)
        self._link.settimeout(None)
        self._thread = threading.Thread(target=self._serve, args=(self._link,), daemon=True)
        self._thread.start()

    def remove(self) -> None:
        """Take the card away, between two commands; a second time does nothing."""
        link, self._link = self._link, None
        if link is not None:
            with suppress(OSError):  # it got lost before
                link.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def lose(self, loss: Loss, *, at: int = 1, abort: bool = True) -> None:
        """Take the card away at the *at*-th command from now, 1 being the next.

        With *abort* pcscd reports SCARD_E_NOT_TRANSACTED, as a CCID reader makes it do.
        Without, it reports success and an empty answer. Get Data is not counted.

        Raises:
            ValueError: *at* is below 1.

        """
        self._card.lose(loss, at)
        self._aborts = abort

    def _serve(self, link: socket.socket) -> None:
        with link:
            while (message := _receive(link)) is not None:
                if len(message) == 1:
                    if not self._control(link, message[0]):
                        return
                elif not self._command(link, message):
                    return

    def _control(self, link: socket.socket, control: int) -> bool:
        """Obey one control byte; False if the link is gone."""
        if control == _TELL_ATR:
            return _send(link, _ATR)
        if control in {_OFF, _RESET}:
            self._card.card.power_cycle()
        return True

    def _command(self, link: socket.socket, octets: bytes) -> bool:
        """Answer one APDU; False if card or link is gone."""
        if octets == _GET_UID:
            uid = self._card.card.anticollision_uid
            return _send(link, uid + _DONE if self._tells_uid else _NOT_SUPPORTED)
        answer = self._card.exchange(octets)
        # vpcd waits for ever where nothing comes, so no answer has to end the link.
        if answer is not None:
            return _send(link, answer)
        if self._aborts:
            _abort(link)
        return False


def _send(link: socket.socket, message: bytes) -> bool:
    try:
        link.sendall(struct.pack(">H", len(message)) + message)
    except OSError:
        return False
    return True


def _receive(link: socket.socket) -> bytes | None:
    """Return the next message, None at the end."""
    length = _exactly(link, 2)
    return length and _exactly(link, int.from_bytes(length, "big"))


def _exactly(link: socket.socket, size: int) -> bytes | None:
    received = b""
    while len(received) < size:
        try:
            # vpcd holds each write back until the one before is acknowledged. Linux
            # delays that by 40 ms unless asked not to, and forgets it was asked.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = link.recv(size - len(received))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except OSError:
            return None
        if not part:
            return None
        received += part
    return received


def _abort(link: socket.socket) -> None:
    """Reset the connection in the middle of an answer, which vpcd takes for an error.

    Only once vpcd has read that an answer comes: before, it takes the reset for an
    empty answer.
    """
    with suppress(OSError):
        link.sendall(struct.pack(">H", 2))
        _await_read(link)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _await_read(link: socket.socket) -> None:
    """Wait until the peer has read all that was sent, which only the kernel's table tells."""
    (_, ours), (_, theirs) = link.getsockname(), link.getpeername()
    deadline = time.monotonic() + _PATIENCE
    while _unread(theirs, ours) and time.monotonic() < deadline:
        pass


def _unread(port: int, from_port: int) -> bool:
    """Say whether the loopback connection from *from_port* to *port* has bytes unread."""
    for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]:
        # number, local address:port, remote address:port, state, tx_queue:rx_queue
        _, local, remote, _, queues, *_ = line.split()
        if int(local.split(":")[1], 16) == port and int(remote.split(":")[1], 16) == from_port:
            return int(queues.split(":")[1], 16) > 0
    return False
