"""Secure messaging: one authenticated session (NT4H2421Gx §9.1.3 to §9.1.10, §9.2.4 to §9.2.7)."""

from __future__ import annotations

from typing import Protocol

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._refusal import RefusedError

_BLOCK, _MAC = 16, 8
_LAST_COUNT = 0xFFFF


class Ciphers(Protocol):
    """The session keys at work; *ti* has 4 bytes, *counter* is CmdCtr (2 LE)."""

    def cmac(self, message: bytes, /) -> bytes:
        """Compute the 16 bytes that a MAC is truncated from."""
        ...

    def decrypt_command(self, ti: bytes, counter: bytes, encrypted: bytes, /) -> bytes:
        """Decrypt CmdData, n * 16 bytes, padding included."""
        ...

    def encrypt_response(self, ti: bytes, counter: bytes, plain: bytes, /) -> bytes:
        """Encrypt padded RespData, n * 16 bytes."""
        ...


class Session:
    """What an authentication with key *key_number* left behind: TI (4), CmdCtr, ciphers."""

    def __init__(self, key_number: int, ti: bytes, ciphers: Ciphers, counter: int = 0) -> None:
        self.key_number = key_number
        self.ti = ti
        self.counter = counter
        self._ciphers = ciphers

    def unwrap(self, ins: int, header: bytes, body: bytes, mode: CommMode) -> bytes:
        """Check and take apart what follows CmdHeader, of a length due; give CmdData in plain.

        Raises:
            RefusedError: CmdCtr is used up, a MAC is missing or wrong, or the padding is.
        """
        if self.counter == _LAST_COUNT:
            raise RefusedError(Status.INTEGRITY_ERROR)
        if mode is CommMode.PLAIN:
            return body
        sent, mac = body[:-_MAC], body[-_MAC:]
        counter = self.counter.to_bytes(2, "little")
        if mac != self._mac(bytes([ins]) + counter + self.ti + header + sent):
            raise RefusedError(Status.INTEGRITY_ERROR)
        if mode is CommMode.MAC or not sent:
            return sent
        return _unpadded(self._ciphers.decrypt_command(self.ti, counter, sent))

    def wrap(self, data: bytes, mode: CommMode, status: int) -> bytes:
        """Count the command, and give RespData as it is sent, with its MAC if any."""
        self.counter += 1
        if mode is CommMode.PLAIN:
            return data
        counter = self.counter.to_bytes(2, "little")
        if mode is CommMode.FULL and data:
            data = self._ciphers.encrypt_response(self.ti, counter, _padded(data))
        return data + self._mac(bytes([status & 0xFF]) + counter + self.ti + data)

    def _mac(self, message: bytes) -> bytes:
        return self._ciphers.cmac(message)[1::2]


def _padded(data: bytes) -> bytes:
    """ISO 9797-1 method 2: always at least one byte."""
    return data + b"\x80" + bytes(-(len(data) + 1) % _BLOCK)


def _unpadded(data: bytes) -> bytes:
    stripped = data.rstrip(b"\0")
    if not stripped.endswith(b"\x80") or len(data) - len(stripped) >= _BLOCK:
        raise RefusedError(Status.INTEGRITY_ERROR)
    return stripped[:-1]
