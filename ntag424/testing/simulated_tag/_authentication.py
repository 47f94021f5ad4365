"""AuthenticateEV2First and NonFirst, AuthenticateLRPFirst and NonFirst (NT4H2421Gx §10.4).

The OriginalityKeys of the MF are not simulated: NXP alone has them. Nobody authenticates at
the MF.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._failure_counting import admit, forgive
from ntag424.testing.simulated_tag._handshakes import (
    AesHandshake,
    Agreement,
    Handshake,
    LrpHandshake,
)
from ntag424.testing.simulated_tag._refusal import RefusedError
from ntag424.testing.simulated_tag._secure_messaging import Session

_RANDOM, _TI, _CAPABILITIES = 16, 4, 6
_LRP_WANTED = 0x02


def authenticate_first(card: Card, command: CommandApdu) -> ResponseApdu:
    """Answer part 1: KeyNo (1) || LenCap (1) || PCDcap2 (LenCap).

    Raises:
        RefusedError: there is no such key, it is locked or must wait, or the reader asks
            a chip in LRP mode for AES.
    """
    data = command.data
    if len(data) < 2 or len(data) != 2 + data[1]:
        raise RefusedError(Status.LENGTH_ERROR)
    capabilities = data[2:].ljust(_CAPABILITIES, b"\0")
    if len(capabilities) > _CAPABILITIES:
        raise RefusedError(Status.PARAMETER_ERROR)
    # Who asks for LRP on an AES chip is answered in AES, and may go on so.
    if card.memory.lrp and not capabilities[0] & _LRP_WANTED:
        raise RefusedError(Status.PERMISSION_DENIED)
    return _challenge(card, data[0], _First(capabilities))


def authenticate_non_first(card: Card, command: CommandApdu) -> ResponseApdu:
    """Answer part 1: KeyNo (1).

    Raises:
        RefusedError: nobody is authenticated, there is no such key, it is locked or must wait.
    """
    if len(command.data) != 1:
        raise RefusedError(Status.LENGTH_ERROR)
    card.require_application()
    if card.session is None:
        raise RefusedError(Status.PERMISSION_DENIED)
    following = _NonFirst(card.session.ti, card.session.counter)
    return _challenge(card, command.data[0], following)


@dataclass(frozen=True, slots=True)
class _First:
    """A new transaction: *capabilities* are PCDcap2 (6)."""

    capabilities: bytes

    def complete(self, card: Card, key_number: int, agreement: Agreement) -> bytes:
        ti = card.draw(_TI)
        card.session = Session(key_number, ti, agreement.ciphers)
        return agreement.first(ti, card.memory.capabilities + self.capabilities)


@dataclass(frozen=True, slots=True)
class _NonFirst:
    """The same transaction with other keys: TI (4) and CmdCtr go on."""

    ti: bytes
    counter: int

    def complete(self, card: Card, key_number: int, agreement: Agreement) -> bytes:
        card.session = Session(key_number, self.ti, agreement.ciphers, self.counter)
        return agreement.non_first()


def _challenge(card: Card, key_number: int, following: _First | _NonFirst) -> ResponseApdu:
    key = card.key(key_number).value
    admit(card, key_number)
    rnd_b = card.draw(_RANDOM)
    handshake: Handshake = LrpHandshake() if card.memory.lrp else AesHandshake()
    card.open_command = _Authentication(key_number, rnd_b, handshake, following)
    return ResponseApdu(handshake.challenge(key, rnd_b), Status.ADDITIONAL_FRAME)


@dataclass(frozen=True, slots=True)
class _Authentication:
    """An authentication between its two parts."""

    key_number: int
    rnd_b: bytes = field(repr=False)
    handshake: Handshake
    following: _First | _NonFirst

    def resume(self, card: Card, frame: CommandApdu) -> ResponseApdu:
        """Answer part 2, 32 bytes.

        Raises:
            RefusedError: it does not prove that the reader knows the key.
        """
        card.open_command = None
        if len(frame.data) != 2 * _RANDOM:
            raise RefusedError(Status.LENGTH_ERROR)
        key = card.key(self.key_number).value
        agreement = self.handshake.agree(key, self.rnd_b, frame.data)
        if agreement is None:
            raise RefusedError(Status.AUTHENTICATION_ERROR)
        forgive(card, self.key_number)
        answer = self.following.complete(card, self.key_number, agreement)
        return ResponseApdu(answer, Status.OK)
