"""What the engine asks of a ledger, however far away it is."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from ntag424 import Generation, Uid, UrlTemplate
from ntag424_provisioning.errors import EnrolmentError, StaleEpochError


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a ledger knows of a tag."""

    generation: Generation
    #: Highest counter used up in it.
    counter: int


class Enroller(Protocol):
    """Makes a ledger expect the taps of a tag."""

    def find(self, uid: Uid) -> Enrolled | None:
        """Return what the ledger knows of the tag, None also where it cannot be asked.

        Raises:
            EnrolmentError: it could not be reached, or refused to answer.

        """
        ...

    def enrol(
        self,
        uid: Uid,
        generation: Generation,
        counter: int,
        template: UrlTemplate | None = None,
    ) -> bool:
        """Let taps of *generation* above *counter* count from now on; false if only later.

        *template* is that of the tag's URL, by which a service knows whether its taps could
        log in. The same call again does nothing: an answer may have been lost.

        Raises:
            StaleEpochError: the ledger knows this generation with another counter, or
                a higher one.
            EnrolmentError: it could not be reached, or refused; or no tap of such a tag
                would be accepted.

        """
        ...

    def retire(self, uid: Uid, generation: Generation) -> bool:
        """Let no tap count that the tag made up to *generation*; false if nobody was told.

        It is for a tag that is blank again. Only an enrolment in a higher generation brings
        it back. The same call again does nothing.

        Raises:
            EnrolmentError: the ledger could not be reached, or refused.

        """
        ...


def stale(uid: Uid, generation: Generation, counter: int) -> StaleEpochError:
    """Say what the ledger knows of the tag instead."""
    return StaleEpochError(
        f"the ledger knows tag {uid} with key version {generation.key_version}, epoch "
        f"{generation.epoch}, counter {counter}",
        known=generation,
    )


def not_served(uid: Uid, generation: Generation, served: str) -> EnrolmentError:
    """Say that no tap of the tag would be accepted, and what is *served* instead."""
    return EnrolmentError(
        f"no tap of tag {uid}, key version {generation.key_version}, could log in: {served}",
        "Provision it with a template and a key version that the service has, or bring the key "
        'version into its keyring ("ntag424 keys show --format service"); then run '
        '"ntag424 repair": it enrols the tag.',
    )


class OpenEnroller(Enroller, Protocol):
    """One that holds a file or a connection until it is closed; several threads may use it."""

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        ...

    def close(self) -> None:
        """Let go of what it holds; a second time does nothing."""
        ...


class Closing:
    """Lets `with` close whatever has a `close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """See `OpenEnroller.close`."""


class Later(Closing):
    """Enrols nobody: the tags are exported, signed, and enrolled from there."""

    def find(self, uid: Uid) -> Enrolled | None:  # noqa: ARG002 - nobody is asked
        """See `Enroller.find`."""
        return None

    def enrol(
        self,
        uid: Uid,  # noqa: ARG002
        generation: Generation,  # noqa: ARG002
        counter: int,  # noqa: ARG002
        template: UrlTemplate | None = None,  # noqa: ARG002
    ) -> bool:
        """See `Enroller.enrol`."""
        return False

    def retire(self, uid: Uid, generation: Generation) -> bool:  # noqa: ARG002
        """See `Enroller.retire`."""
        return False
