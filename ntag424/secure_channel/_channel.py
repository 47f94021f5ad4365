"""What both modes of secure messaging have in common (NT4H2421Gx §9.1)."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from typing import ClassVar, TypeVar

from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.commands import AnswerMac, Command
from ntag424.errors import ProtocolError, ResponseMacError, SessionEndedError
from ntag424.model import Mode
from ntag424.model.files import CommMode
from ntag424.status_words import Authentication, refusal

T = TypeVar("T")

_BLOCK, _MAC = 16, 8
#: With this CmdCtr the chip refuses every further command (§9.1.2).
_LAST_COUNTER = 0xFFFF


class SecureChannel(ABC):
    """One authentication, as long as it lasts: transaction id, command counter and keys.

    Protects commands and checks answers; the transport is somebody else's. It is over
    after any refusal, any answer that does not hold, and any loss of contact: the chip
    ends its side too, and what was under way may or may not have happened.
    """

    mode: ClassVar[Mode]

    def __init__(self, key_number: int, transaction_id: bytes, command_counter: int = 0) -> None:
        #: The application key that was proven, 0 to 4.
        self.key_number = key_number
        #: TI, 4 bytes.
        self.transaction_id = transaction_id
        #: CmdCtr: commands of this transaction so far.
        self.command_counter = command_counter
        self._is_alive = True

    @property
    def is_alive(self) -> bool:
        """Whether another command can be sent."""
        return self._is_alive

    def close(self) -> None:
        """End this side; the chip's ends with the next authentication or power cycle."""
        self._is_alive = False

    def wrap(self, command: Command[object]) -> CommandApdu:
        """Protect *command*. Its answer must go through `unwrap` before the next one.

        Raises:
            SessionEndedError: the authentication is over.

        """
        if not self._is_alive:
            raise SessionEndedError("the authentication is over")
        if self.command_counter == _LAST_COUNTER:
            self.close()
            raise SessionEndedError("the authentication has no command left in its counter")
        payload = command.payload()
        if command.comm_mode is CommMode.FULL and payload:
            # Only where there is data: an encrypted nothing is refused by the chip.
            payload = self._encrypt(_padded(payload))
        body = command.header() + payload
        if command.comm_mode is not CommMode.PLAIN:
            body += self._mac(command.ins, body)
        # Plain commands step the counter too (§9.1.2).
        self.command_counter += 1
        return CommandApdu(command.ins, body)

    def unwrap(self, command: Command[T], answer: ResponseApdu) -> T:
        """Check the *answer* to the *command* that was wrapped last, and read it.

        Raises:
            TagRefusedError: the tag refused.
            TransportError: the reader did not reach it, and answered in its place.
            ResponseMacError: the MAC is wrong or missing.
            ProtocolError: the MAC holds, but no tag answers so.

        """
        try:
            return self._unwrapped(command, answer)
        except BaseException:
            self.close()
            raise

    def _unwrapped(self, command: Command[T], answer: ResponseApdu) -> T:
        if answer.status != command.success:
            proven = Authentication.with_key(self.key_number)
            raise refusal(command.name, answer.status, proven)
        data = answer.data
        if command.comm_mode is not CommMode.PLAIN:
            data = self._opened(command, answer)
        try:
            return command.parse(data)
        except ValueError as error:
            raise ProtocolError(f"malformed answer to {command.name}") from error

    def _opened(self, command: Command[object], answer: ResponseApdu) -> bytes:
        """Check the MAC of an answer, as far as one is due, and decrypt it."""
        data = answer.data
        if command.answer_mac is AnswerMac.ABSENT:
            self.close()
            return data
        if command.answer_mac is AnswerMac.UNSTATED and not data:
            self.close()
            return data
        body, received = data[:-_MAC], data[-_MAC:]
        if not hmac.compare_digest(received, self._mac(answer.status & 0xFF, body)):
            raise ResponseMacError(f"the MAC of the answer to {command.name} is wrong")
        if command.comm_mode is CommMode.FULL and body:
            return self._decrypted(command, body)
        return body

    def _decrypted(self, command: Command[object], body: bytes) -> bytes:
        try:
            return _unpadded(self._decrypt(body))
        except ValueError as error:
            raise ProtocolError(f"malformed answer to {command.name}") from error

    def _mac(self, first: int, body: bytes) -> bytes:
        """INS or SW2 (1) || CmdCtr (2, LSB first) || TI (4) || body; the odd bytes of its CMAC."""
        counter = self.command_counter.to_bytes(2, "little")
        return self._cmac(bytes((first,)) + counter + self.transaction_id + body)[1::2]

    @abstractmethod
    def _cmac(self, message: bytes) -> bytes:
        """Compute 16 bytes under the session's MAC key."""

    @abstractmethod
    def _encrypt(self, plaintext: bytes) -> bytes:
        """Encrypt the whole blocks of a command."""

    @abstractmethod
    def _decrypt(self, ciphertext: bytes) -> bytes:
        """Decrypt the whole blocks of an answer."""

    def __repr__(self) -> str:
        state = f"{self.command_counter} commands" if self._is_alive else "ended"
        return f"{type(self).__name__}(key {self.key_number}, {state})"


def _padded(data: bytes) -> bytes:
    """Add 80h and zeros, always (ISO/IEC 9797-1 padding method 2)."""
    return data + b"\x80" + bytes(-(len(data) + 1) % _BLOCK)


def _unpadded(data: bytes) -> bytes:
    """Undo `_padded`.

    Raises:
        ValueError: it was not padded so.

    """
    content, mark, zeros = data.rpartition(b"\x80")
    if not mark or zeros.strip(b"\0") or len(zeros) >= _BLOCK:
        raise ValueError("wrong padding")
    return content
