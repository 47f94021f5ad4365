"""What the command line reports to its caller; the table in `ntag424 --help`."""

from __future__ import annotations

from enum import IntEnum, unique

from ntag424.errors import (
    AuthenticationDelayError,
    LedgerError,
    Ntag424Error,
    OriginalityError,
    ProtocolError,
    ReaderError,
    TagChangedError,
    TagRefusedError,
    TransportError,
    VerificationError,
)
from ntag424_provisioning.errors import (
    InDoubtError,
    NotOurChipError,
    RefusedError,
    SetupError,
    WrongKeyError,
)


@unique
class Exit(IntEnum):
    """Exit codes. What the caller can do next is different for each."""

    DONE = 0
    #: A mistake of this program: please report it.
    BUG = 1
    #: The command line, a file or a setting is wrong. No tag was changed.
    USAGE = 2
    #: There is no reader, or no tag on it.
    NO_TAG = 3
    #: The tag has other keys than expected.
    WRONG_KEY = 4
    #: The tag, or a rule of this program, refused.
    REFUSED = 5
    #: A tag was left half done, or not enrolled: `ntag424 repair`.
    IN_DOUBT = 6
    #: No genuine chip, or no genuine tap.
    NOT_GENUINE = 7
    INTERRUPTED = 130


# The first that fits counts: the particular before the general.
_EXITS: tuple[tuple[type[Ntag424Error], Exit], ...] = (
    (InDoubtError, Exit.IN_DOUBT),
    (WrongKeyError, Exit.WRONG_KEY),
    (AuthenticationDelayError, Exit.WRONG_KEY),
    (NotOurChipError, Exit.NOT_GENUINE),
    (OriginalityError, Exit.NOT_GENUINE),
    (VerificationError, Exit.NOT_GENUINE),
    (TagChangedError, Exit.REFUSED),
    (ReaderError, Exit.NO_TAG),
    (TransportError, Exit.NO_TAG),
    (TagRefusedError, Exit.REFUSED),
    (ProtocolError, Exit.REFUSED),
    (RefusedError, Exit.REFUSED),
    (SetupError, Exit.USAGE),
    (LedgerError, Exit.USAGE),
)


def exit_of(error: Ntag424Error) -> Exit:
    """Return the exit code for an expected failure."""
    for kind, code in _EXITS:
        if isinstance(error, kind):
            return code
    return Exit.BUG
