"""What the service refuses, before it serves and while it does."""

from __future__ import annotations

from ntag424 import Uid
from ntag424_service.outcomes import Outcome


class OperatingError(Exception):
    """What the operator can mend. Never raised itself; a traceback shows the hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        #: One sentence on what to do.
        self.hint = hint
        self.add_note(f"hint: {hint}")


class SettingsError(OperatingError):
    """A setting is missing, wrong or unsafe. Names the setting, never its value."""

    def __init__(self, setting: str, message: str, hint: str) -> None:
        super().__init__(f"{setting}: {message}", hint)
        self.setting = setting
        self.message = message


class CredentialRefusedError(Exception):
    """Nobody may enrol tags without this service's enrolment credential."""

    def __init__(self, challenge: str) -> None:
        super().__init__("no enrolment credential of this service")
        #: What `WWW-Authenticate` says (RFC 6750 §3).
        self.challenge = challenge


class ListRefusedError(OperatingError):
    """A list of tags to enrol is not one that may be trusted; nothing was enrolled."""


class MoveError(OperatingError):
    """A ledger did not move, or not to the end; no tap is accepted twice for it."""


class NotServedError(OperatingError):
    """No tap of this tag could be accepted here; it was not enrolled."""

    def __init__(self, uid: Uid, template: str, key_versions: tuple[int, ...]) -> None:
        listed = ", ".join(str(ordinal) for ordinal in key_versions)
        super().__init__(
            f"no tap of tag {uid} could log in here: this service serves {template} with key "
            f"version {listed}",
            "Write the tag so, or bring the key version into the keyring of the service first.",
        )
        self.uid = uid
        #: What `POST /v1/taps` serves.
        self.template = template
        #: What is accepted on any route.
        self.key_versions = key_versions


class RateLimitedError(Exception):
    """Whoever asks has failed too often of late, so a further failure is not explained."""

    def __init__(self, *, hang_up: bool) -> None:
        super().__init__("too many failures")
        #: Whether even the waiting were too many, so that the connection is closed.
        self.hang_up = hang_up


class CopyError(OperatingError):
    """A ledger was not copied, or not recovered."""


class TapRefusedError(Exception):
    """A tap gets no session, for the reason its outcome names."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome
