"""What is known of a tap once its MAC held."""

from __future__ import annotations

from dataclasses import dataclass, field

from ntag424.arguments import require_number, require_type
from ntag424.errors import UncountedTapError
from ntag424.model import MAX_READ_COUNTER, Generation, Mode, TamperStatus, Uid

_UNSTATED = Generation()


@dataclass(frozen=True, slots=True)
class CountedTap:
    """A genuine tap that can be used up: what a ledger takes.

    Made by `VerifiedTap.counted()`. Counter 0 has no constructor: a chip counts
    before it answers, so no chip ever sent it.
    """

    uid: Uid
    generation: Generation
    #: 1 to FFFFFFh.
    counter: int

    def __post_init__(self) -> None:
        require_type("uid", self.uid, Uid, instead="Uid(...) or Uid.from_hex(...)")
        require_type("generation", self.generation, Generation, instead="Generation(...)")
        require_number("counter", self.counter)
        if not 1 <= self.counter <= MAX_READ_COUNTER:
            raise ValueError("a counted tap has a read counter of 1 to FFFFFFh")


@dataclass(frozen=True, slots=True)
class VerifiedTap:
    """A tap whose MAC held. It is genuine; whether it is fresh, only a ledger knows."""

    #: None where the tag mirrors the counter only.
    uid: Uid | None
    #: SDMReadCtr, 0 to FFFFFFh; None where the tag mirrors the UID only.
    read_counter: int | None
    generation: Generation = _UNSTATED
    mode: Mode = Mode.AES
    #: SDMENCFileData decrypted; None where there is none, or none that the MAC covers.
    file_data: bytes | None = field(default=None, repr=False)
    #: None where the tag does not mirror it, or not where the MAC covers it.
    tamper: TamperStatus | None = None

    @property
    def key_version(self) -> int:
        """Ordinal of the key version that confirmed the tap; 0 without a keyring."""
        return self.generation.key_version

    @property
    def epoch(self) -> int:
        """How often the tag had been provisioned; 0 where its URL does not say."""
        return self.generation.epoch

    def counted(self) -> CountedTap:
        """Return what a ledger needs to use this tap up.

        Raises:
            UncountedTapError: it has no UID or no counter, or the counter is 0.

        """
        if self.uid is None or self.read_counter is None:
            raise UncountedTapError("the tag does not mirror both UID and read counter")
        if self.read_counter == 0:
            raise UncountedTapError("the read counter is 0, which no chip sends")
        return CountedTap(self.uid, self.generation, self.read_counter)
