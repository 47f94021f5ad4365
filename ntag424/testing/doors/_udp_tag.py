"""The field that nfcpy's UDP driver looks into for a tag.

A datagram is `106A` and a frame in hex; the answer goes back to its sender, and
silence is silence. `RFOFF` says that the reader has switched its field off.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

from ntag424.testing.doors._iso_dep import IsoDepPicc

_TYPE_A = b"106A"
_FIELD_OFF = b"RFOFF"
_LONGEST = 1024


class _Losses:
    """How many frames are still to be lost."""

    def __init__(self) -> None:
        self.left = 0

    def take(self) -> bool:
        """Take one, if there is one left."""
        if not self.left:
            return False
        self.left -= 1
        return True


class UdpTag:
    """A tag in front of nfcpy: open its reader with `path`.

    Another one in the place of *picc* is a swap of tags. The field is open until
    `close`, or the end of a `with` statement.
    """

    def __init__(self, picc: IsoDepPicc, *, host: str = "127.0.0.1", port: int = 0) -> None:
        #: The tag in the field.
        self.picc = picc
        self._lost_commands = _Losses()
        self._lost_answers = _Losses()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._address: tuple[str, int] = self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> str:
        """What nfcpy, and `NfcpyReader.open`, call this place: `udp:HOST:PORT`."""
        host, port = self._address
        return f"udp:{host}:{port}"

    def drop_commands(self, count: int) -> None:
        """Lose the next *count* frames on their way to the tag, which stays where it is."""
        self._lost_commands.left = count

    def drop_answers(self, count: int) -> None:
        """Lose the next *count* frames of the tag, which has acted on what it was sent."""
        self._lost_answers.left = count

    def close(self) -> None:
        """Close the field; a second time does nothing."""
        if self._thread.is_alive():
            # An empty datagram from ourselves is what ends the thread.
            self._socket.sendto(b"", self._address)
            self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            datagram, sender = self._socket.recvfrom(_LONGEST)
            if not datagram and sender == self._address:
                return
            answer = self._answer(datagram)
            if answer is not None:
                self._socket.sendto(_TYPE_A + b" " + answer.hex().encode("ascii"), sender)

    def _answer(self, datagram: bytes) -> bytes | None:
        if datagram.startswith(_FIELD_OFF):
            self.picc.field_off()
            return None
        kind, _, frame = datagram.partition(b" ")
        if kind != _TYPE_A or self._lost_commands.take():
            return None
        answer = self.picc.frame(bytes.fromhex(frame.decode("ascii")))
        if answer is None or self._lost_answers.take():
            return None
        return answer
