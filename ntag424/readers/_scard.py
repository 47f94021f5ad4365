"""What is used of pyscard's `smartcard.scard`, and what its result codes mean.

The functions are PC/SC's own. pyscard's classes above them hide result codes, send
nothing but lists of ints either, and disconnect whenever they are collected.
"""
# ruff: noqa: N802 - the names are PC/SC's

from __future__ import annotations

import importlib
from enum import IntEnum, unique
from typing import Protocol, cast

from ntag424.errors import (
    NoTagError,
    Ntag424Error,
    ReaderBusyError,
    ReaderChoiceError,
    ReaderDriverMissingError,
    ReaderRefusedError,
    ReaderServiceError,
    TransportError,
)

INSTALL = (
    "apt-get install pcscd libccid libpcsclite-dev gcc python3-dev && pip install 'ntag424[pcsc]'"
)


@unique
class Code(IntEnum):
    """Result codes, from pcsclite.h."""

    SUCCESS = 0
    UNKNOWN_READER = 0x80100009
    TIMEOUT = 0x8010000A
    SHARING_VIOLATION = 0x8010000B
    NO_SMARTCARD = 0x8010000C
    COMM_ERROR = 0x80100013
    READER_UNAVAILABLE = 0x80100017
    NO_SERVICE = 0x8010001D
    SERVICE_STOPPED = 0x8010001E
    NO_ACCESS = 0x80100027
    NO_READERS_AVAILABLE = 0x8010002E
    UNRESPONSIVE_CARD = 0x80100066
    UNPOWERED_CARD = 0x80100067
    RESET_CARD = 0x80100068
    REMOVED_CARD = 0x80100069
    SECURITY_VIOLATION = 0x8010006A


#: What pcscd answers with before it hands a command to the reader, and never after.
NEVER_SENT = frozenset({Code.RESET_CARD, Code.REMOVED_CARD})

_NO_TAG = frozenset(
    {Code.NO_SMARTCARD, Code.REMOVED_CARD, Code.UNPOWERED_CARD, Code.UNRESPONSIVE_CARD}
)
_NO_READER = frozenset({Code.UNKNOWN_READER, Code.READER_UNAVAILABLE, Code.NO_READERS_AVAILABLE})
_NO_SERVICE = frozenset({Code.NO_SERVICE, Code.SERVICE_STOPPED})
# A pcscd with polkit hangs up on whom it refuses, without a word.
_REFUSED = frozenset({Code.NO_ACCESS, Code.SECURITY_VIOLATION, Code.COMM_ERROR})


class Scard(Protocol):
    """The part of `smartcard.scard` in use; handles are opaque."""

    SCARD_SCOPE_USER: int
    SCARD_SHARE_EXCLUSIVE: int
    SCARD_PROTOCOL_T1: int
    SCARD_PCI_T1: int
    SCARD_UNPOWER_CARD: int
    SCARD_STATE_UNAWARE: int
    SCARD_STATE_CHANGED: int

    def SCardEstablishContext(self, scope: int, /) -> tuple[int, object]:
        """Say hello to pcscd."""
        ...

    def SCardReleaseContext(self, context: object, /) -> int:
        """Say goodbye."""
        ...

    def SCardListReaders(self, context: object, groups: list[str], /) -> tuple[int, list[str]]:
        """Name the readers; no *groups* are all of them."""
        ...

    def SCardConnect(
        self, context: object, reader: str, mode: int, protocols: int, /
    ) -> tuple[int, object, int]:
        """Power the card up and give a handle and the protocol agreed on."""
        ...

    def SCardDisconnect(self, card: object, disposition: int, /) -> int:
        """Give the card back."""
        ...

    def SCardTransmit(
        self, card: object, protocol: int, octets: list[int], /
    ) -> tuple[int, list[int]]:
        """Exchange one APDU; there is no timeout."""
        ...

    def SCardGetStatusChange(
        self, context: object, milliseconds: int, states: list[tuple[str, int]], /
    ) -> tuple[int, list[tuple[str, int, list[int]]]]:
        """Wait until a reader's state differs; give name, state and ATR of each."""
        ...

    def SCardGetErrorMessage(self, code: int, /) -> str:
        """Say what a result code means."""
        ...


def load_scard() -> Scard:
    """Import the driver.

    Raises:
        ReaderDriverMissingError: pyscard, or the libpcsclite it needs, is not there.

    """
    try:
        return cast("Scard", importlib.import_module("smartcard.scard"))
    except ImportError as error:
        raise ReaderDriverMissingError(
            f"readers over PC/SC need pcscd and pyscard ({error}): {INSTALL}"
        ) from error


def connect_error(code: int, text: str, reader: str = "") -> Ntag424Error:
    """Give the error for result *code*, met before any command was under way."""
    message = f"PC/SC says: {text} (0x{code:08X})"
    if code in _NO_TAG:
        return NoTagError(message)
    if code in _NO_READER:
        return ReaderChoiceError(f"reader {reader!r} is not connected. {message}", candidates=())
    if code in _NO_SERVICE:
        return ReaderServiceError(message)
    if code in _REFUSED:
        return ReaderRefusedError(message)
    if code == Code.SHARING_VIOLATION:
        return ReaderBusyError(f"another program holds reader {reader!r}. {message}")
    return TransportError(message, outcome_unknown=False)


def transmit_error(code: int, text: str) -> TransportError:
    """Give the error for result *code* of a command; only pcscd's own refusals are certain."""
    message = f"PC/SC says: {text} (0x{code:08X})"
    return TransportError(message, outcome_unknown=code not in NEVER_SENT)
