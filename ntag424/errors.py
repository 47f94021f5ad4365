"""Every error this library raises on purpose, on one page.

Mistakes of the caller are `ValueError`, raised where the value is made. What is
listed here comes from outside: a tag, a URL, a store.
"""

from __future__ import annotations

from typing import ClassVar


class Ntag424Error(Exception):
    """Anything that goes wrong talking to, or verifying, a tag. Never raised itself."""

    #: What the person at the keyboard can do about it; one sentence, may be empty.
    hint: ClassVar[str] = ""


class TransportError(Ntag424Error):
    """The reader could not deliver the command or its answer."""

    hint = "Lay the tag flat on the reader and run the command again."

    def __init__(self, message: str, *, outcome_unknown: bool) -> None:
        super().__init__(message)
        #: True if the tag may have executed the command before contact was lost.
        self.outcome_unknown = outcome_unknown


class VerificationError(Ntag424Error):
    """A tap that must not be trusted. Never raised itself."""


class MalformedTapError(VerificationError):
    """The message has not the form that the template, or the chip, gives it."""

    hint = "Send the tag's URL exactly as the phone received it."


class TapMacError(VerificationError):
    """No accepted key confirms the message.

    Wrong MAC, unknown key version, wrong epoch, implausible PICCData: one error
    with one text, so that nobody learns which.
    """

    hint = "Tap the tag again; if that fails too, it was written with other keys."

    def __init__(self) -> None:
        super().__init__("the tap does not verify")


class UncountedTapError(VerificationError):
    """The message is genuine, but carries no counter that could be used up."""

    hint = "Only taps that mirror the UID and a read counter above 0 can be redeemed."


class LedgerError(Ntag424Error):
    """The ledger did not do what was asked. Never raised itself."""


class LedgerUnavailableError(LedgerError):
    """The store could not answer; whatever was asked must be refused."""

    hint = "See the service's log for the cause; nothing was granted."


class LedgerMismatchError(LedgerError):
    """There is no store, or it is not the one that was initialised for this service."""

    hint = "Check the path; a new store is made by `init` and by nothing else."


class UnknownTagError(LedgerError):
    """The ledger has no record of the tag."""

    hint = "Enrol the tag first."


class StaleGenerationError(LedgerError):
    """The ledger knows the tag in this generation or a higher one."""

    hint = "Provision the tag again under the next epoch."
