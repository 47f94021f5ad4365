"""Commands about the chip itself (NT4H2421Gx §10.5, §10.10; NT4H2421Tx for GetTTStatus).

GetVersion, GetCardUID, Read_Sig, GetTTStatus.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from ntag424.apdu import CommandApdu, ResponseApdu, Status
from ntag424.testing.simulated_tag._access_rights import granted_by_key
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._memory import Memory
from ntag424.testing.simulated_tag._native import (
    NativeCommand,
    Reply,
    Request,
    always,
    respond,
    with_any_key,
)
from ntag424.testing.simulated_tag._refusal import RefusedError

_STANDARD_BACK_MODULATION = 0x80

# ---- GetVersion -----------------------------------------------------------------------------


def _hardware(memory: Memory) -> bytes:
    subtype = memory.hardware[2] & ~_STANDARD_BACK_MODULATION
    if not memory.strong_back_modulation:
        subtype |= _STANDARD_BACK_MODULATION
    return memory.hardware[:2] + bytes([subtype]) + memory.hardware[3:]


def _get_version(card: Card, _request: Request) -> Reply:
    # Random ID hides the UID here too, at once; GetCardUID alone gives it then.
    uid = bytes(len(card.memory.uid)) if card.memory.random_id else card.memory.uid
    parts = (_hardware(card.memory), card.memory.software, uid + card.memory.production)
    card.open_command = _Version(parts, sent=1)
    return Reply(parts[0], Status.ADDITIONAL_FRAME)


@dataclass(frozen=True, slots=True)
class _Version:
    """GetVersion with *sent* of its three *parts* delivered."""

    parts: tuple[bytes, ...]
    sent: int

    def resume(self, card: Card, frame: CommandApdu) -> ResponseApdu:
        """Answer with the next part; a session's one MAC covers all and follows the last."""
        if frame.data:
            raise RefusedError(Status.LENGTH_ERROR)
        if self.sent + 1 < len(self.parts):
            card.open_command = _Version(self.parts, self.sent + 1)
            return ResponseApdu(self.parts[self.sent], Status.ADDITIONAL_FRAME)
        card.open_command = None
        whole = respond(card, Reply(b"".join(self.parts)), always(CommMode.MAC)(card, b""))
        return ResponseApdu(whole.data[len(b"".join(self.parts[:-1])) :], Status.OK)


GET_VERSION = NativeCommand(
    0, always(CommMode.MAC), _get_version, at_master_file=True, secured_as=CommMode.MAC
)

# ---- GetCardUID -----------------------------------------------------------------------------


def _get_card_uid(card: Card, _request: Request) -> Reply:
    return Reply(card.memory.uid)


# At the MF it lacks an authentication, as it does before one: table 62 has no other refusal.
GET_CARD_UID = NativeCommand(
    0, with_any_key, _get_card_uid, at_master_file=True, secured_as=CommMode.FULL
)

# ---- Read_Sig -------------------------------------------------------------------------------


def _reading_signature(card: Card, header: bytes) -> CommMode:
    if header != b"\0":
        raise RefusedError(Status.COMMAND_FORMAT)
    if card.memory.random_id:
        return with_any_key(card, header)
    return always(CommMode.FULL)(card, header)


def _read_signature(card: Card, _request: Request) -> Reply:
    return Reply(card.memory.signature, Status.SIGNATURE_OK)


READ_SIGNATURE = NativeCommand(
    1,
    _reading_signature,
    _read_signature,
    at_master_file=True,
    # This command has words of its own for what others call 7E, 1E and AE.
    refusals=MappingProxyType(
        {
            Status.LENGTH_ERROR: Status.COMMAND_FORMAT,
            Status.INTEGRITY_ERROR: Status.COMMAND_NOT_FOUND,
            Status.AUTHENTICATION_ERROR: Status.COMMAND_NOT_FOUND,
        }
    ),
    secured_as=CommMode.FULL,
)

# ---- GetTTStatus ----------------------------------------------------------------------------


def _asking_the_loop(card: Card, header: bytes) -> CommMode:
    if card.memory.tamper is not None:
        granted_by_key((card.memory.tamper.status_key,), card.key_number)
    return always(CommMode.FULL)(card, header)


def _get_tamper_status(card: Card, _request: Request) -> Reply:
    """TTPermStatus (1) || TTCurrStatus (1)."""
    return Reply(card.measure_loop())


GET_TAMPER_STATUS = NativeCommand(
    0, _asking_the_loop, _get_tamper_status, secured_as=CommMode.FULL
)
