"""Every error that provisioning raises on purpose, beside those of the library.

Each is one line that says what happened and one `hint` that says what to do.
"""

from __future__ import annotations

from ntag424 import Generation
from ntag424.errors import Ntag424Error


class ProvisioningError(Ntag424Error):
    """Anything that stops the work on a tag, or before it. Never raised itself."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint=hint or None)


class SetupError(ProvisioningError):
    """A file, a setting or an argument is missing or wrong; no tag was touched."""


class VaultError(SetupError):
    """The vault is missing, locked, damaged, or cannot be written; no tag was touched."""


class RefusedError(ProvisioningError):
    """A rule of this program forbids it; the tag is as it was."""


class WorkingTagError(RefusedError):
    """The tag works with another URL, and nobody said that it shall change."""

    hint = "If that is meant, add --change-url."


class NotOurChipError(ProvisioningError):
    """The tag is no NTAG 424 DNA that this program may write."""

    hint = "Lay an NTAG 424 DNA, or an NTAG 424 DNA TagTamper, on the reader."


class WrongKeyError(ProvisioningError):
    """The tag has other keys than are known, or no attempts are left to find out."""


class InDoubtError(ProvisioningError):
    """A tag was begun and is not finished; everything to finish it is in the vault."""

    hint = 'Lay the same tag back and run "ntag424 repair".'


class EnrolmentError(InDoubtError):
    """The tag is written and proven, but no ledger knows it: its taps are refused."""

    hint = 'Mend what the message names and run "ntag424 repair": it enrols the tag.'


class StaleEpochError(EnrolmentError):
    """The ledger knows the tag in this generation, or in a higher one."""

    def __init__(self, message: str, *, known: Generation) -> None:
        super().__init__(message)
        #: What the ledger knows.
        self.known = known
