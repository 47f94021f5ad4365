"""One key scheme, the ordinal it is known by, and what it is still good for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from ntag424.arguments import require_number, require_type
from ntag424.keys._scheme import KeyScheme, require_scheme


@unique
class KeyState(Enum):
    """What a key version is good for."""

    #: New tags are written with it; taps are accepted.
    ACTIVE = "active"
    #: Taps are accepted.
    ACCEPTING = "accepting"
    #: Taps are refused.
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One scheme under the ordinal, 1 to 255, that stands in the URLs of its tags."""

    ordinal: int
    scheme: KeyScheme
    state: KeyState = KeyState.ACTIVE

    def __post_init__(self) -> None:
        require_number("ordinal", self.ordinal)
        require_scheme("scheme", self.scheme)
        require_type("state", self.state, KeyState)
        if self.ordinal not in range(1, 256):
            raise ValueError(f"key versions are numbered 1 to 255, not {self.ordinal}")
