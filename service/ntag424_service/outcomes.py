"""What can become of a tap, and of an enrolment: closed sets for answers, logs and pages."""

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


@unique
class EnrolmentOutcome(StrEnum):
    """How the request of somebody who writes tags ended."""

    ENROLLED = "enrolled"
    #: In logs only: the same record stood there already; an answer may have been lost.
    STANDING = "standing"
    #: Not of the documented form.
    MALFORMED = "malformed_enrolment"
    #: No enrolment credential, or not this service's.
    CREDENTIAL_REFUSED = "credential_refused"
    UNKNOWN_TAG = "unknown_tag"
    #: In logs only: the tag was given up, and no tap that it made counts any more.
    RETIRED = "retired"
    #: The ledger knows the generation with another counter, or a higher one.
    STALE = "stale_generation"
    #: Its template or its key version is none that is served, so no tap of it could log in.
    NOT_SERVED = "not_served"
    #: In logs only: the store could not answer, as in `Outcome`.
    UNAVAILABLE = "unavailable"
