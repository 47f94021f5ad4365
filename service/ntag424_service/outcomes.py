"""What can become of a tap: one closed set for answers, logs and pages."""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class Outcome(StrEnum):
    """How an exchange ended."""

    ACCEPTED = "accepted"
    #: In logs only: to the client the answer is that of `ACCEPTED` again.
    REPEATED = "repeated"
    #: Not of the template's form.
    MALFORMED = "malformed"
    #: Wrong MAC, unknown or suspended tag, former generation: nobody learns which.
    NOT_VERIFIED = "not_verified"
    #: The MAC holds, but the counter was used.
    REPLAYED = "replayed"
    RATE_LIMITED = "rate_limited"
    #: The store could not answer; nothing was granted.
    UNAVAILABLE = "unavailable"
