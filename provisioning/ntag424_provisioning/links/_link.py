"""What the engine asks of a reader; every `ntag424.readers` class is one."""

from __future__ import annotations

from typing import Protocol

from ntag424.transport import Transport


class Link(Transport, Protocol):
    """A reader that holds on to one tag, see `ntag424.readers`."""

    def uid(self) -> bytes | None:
        """Return the UID that the tag was recognised by; None where it is not told."""
        ...

    def wait_for_tag(self, timeout: float) -> bytes | None:
        """Connect to the tag that is there within *timeout* seconds; see `TagLink`."""
        ...

    def reconnect(self) -> None:
        """Power the tag down and up, if it is still the one from before; see `TagLink`."""
        ...

    def release_tag(self) -> None:
        """Power the tag down and forget it: the next one may be any other."""
        ...

    def close(self) -> None:
        """Give the reader back; a second time does nothing."""
        ...
