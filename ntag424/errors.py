"""Every error this library raises on purpose, on one page.

Mistakes of the caller are `TypeError` and `ValueError`, raised where the value is made.
What is listed here comes from outside: a tag, a URL, a store.
"""

from __future__ import annotations

from collections.abc import Sequence


class Ntag424Error(Exception):
    """Anything that goes wrong talking to, or verifying, a tag. Never raised itself.

    A traceback shows the hint below the message.
    """

    #: What the person at the keyboard can do about it; one sentence, may be empty.
    hint: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint
        if self.hint:
            self.add_note(f"hint: {self.hint}")


class TransportError(Ntag424Error):
    """The reader could not deliver the command or its answer."""

    hint = "Lay the tag flat on the reader and run the command again."

    def __init__(self, message: str, *, outcome_unknown: bool, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        #: True if the tag may have executed the command before contact was lost.
        self.outcome_unknown = outcome_unknown


class TagRefusedError(Ntag424Error):
    """The tag answered with a status word that is no success.

    An authentication, if there was one, is over on both sides.
    """

    def __init__(self, command: str, status: int, cause: str = "", advice: str = "") -> None:
        told = f": {cause}" if cause else ""
        super().__init__(f"the tag refused {command} with {status:04X}{told}", hint=advice)
        #: Name of the command in the data sheet.
        self.command = command
        #: The status word, SW1 in the high byte.
        self.status = status


class AuthenticationDelayError(TagRefusedError):
    """The tag makes its host wait because of failed authentications before (91AD)."""


class ProtocolError(Ntag424Error):
    """An answer that no tag that keeps to the data sheet gives."""

    hint = "Take the tag off the reader, lay it back, and start over."


class ResponseMacError(ProtocolError):
    """The answer's MAC is wrong: it was changed on the way, or keys and counters differ."""


class SessionEndedError(ProtocolError):
    """The authentication is over, by an error before or by the command itself."""

    hint = "Authenticate again."


class OriginalityError(ProtocolError):
    """The originality signature is not NXP's for this UID."""

    hint = "Do not use this tag: it was not made by NXP, or not with this UID."


class ReaderError(Ntag424Error):
    """No tag can be reached through a reader. Never raised itself."""


class ReaderDriverMissingError(ReaderError):
    """The software that drives the reader is not installed; the text names the commands."""

    hint = "Install what the message names, and run the command again."


class ReaderChoiceError(ReaderError):
    """No reader, or more than one, goes by the name that was given."""

    hint = "Connect the reader, or name exactly one of those listed."

    def __init__(
        self, message: str, *, candidates: Sequence[str], hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        #: Readers that could have been meant; where none could, all there are.
        self.candidates = tuple(candidates)


class ReaderServiceError(ReaderError):
    """There is no PC/SC service, pcscd, to talk to."""

    hint = "Start pcscd, with systemd by `systemctl start pcscd.socket`."


class ReaderBusyError(ReaderError):
    """Another program holds the reader."""

    hint = "End the other program; over USB it may be pcscd, or the kernel driver pn533_usb."


class ReaderRefusedError(ReaderError):
    """The system does not let this user use the reader."""

    hint = "PC/SC over ssh or in a service takes a polkit rule, a USB reader takes udev rules."


class NoTagError(ReaderError):
    """No tag that could be talked to is on the reader."""

    hint = "Lay the tag flat on the reader."


class TagChangedError(ReaderError):
    """The tag on the reader is not known to be the one from before; nothing was sent to it."""

    hint = "Lay the first tag back; one with Random ID cannot be recognised by its UID."


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


class LedgerUnsafeError(LedgerUnavailableError):
    """The store is set up so that it could accept a tap twice; it is not used."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message, hint=advice)


class LedgerWentBackError(LedgerUnavailableError):
    """The ledger is behind what this machine knows of it: an older copy, or a part of one.

    Taps that were used since the copy was made would count as fresh again.
    """

    hint = (
        "Bring the present ledger back if there is one; if this is all there is, run "
        "`ntag424-service recover`: then it serves again, and every tag taps once more than usual."
    )

    def __init__(self) -> None:
        super().__init__("the ledger went back to an earlier state: it was restored or copied")


class LedgerMismatchError(LedgerError):
    """There is no store, or it is not the one that was initialised for this service."""

    hint = "Check the path; a new store is made by `init` and by nothing else."


class StoreUrlError(LedgerError):
    """The URL of a store is malformed or unsafe. The message never quotes it."""

    hint = "See docs/howto/scale-out.md for the URL of each kind of store."


class UnknownTagError(LedgerError):
    """The ledger has no record of the tag."""

    hint = "Enrol the tag first."


class StaleGenerationError(LedgerError):
    """The ledger knows the tag in this generation or a higher one."""

    hint = "Provision the tag again under the next epoch."
