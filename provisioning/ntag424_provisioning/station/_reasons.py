"""Why a run ends."""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class StopReason(StrEnum):
    """Why a run ends, or is about to."""

    #: As many tags are done as were asked for.
    COMPLETE = "complete"
    #: The operator said so.
    QUIT = "quit"
    #: Ctrl-C, or the system wants the program to end.
    INTERRUPTED = "interrupted"
    #: The same went wrong with several tags in a row.
    FAILURES = "failures"
    #: Every label is given to a tag.
    LABELS = "labels"
    #: Results can no longer be written down.
    REPORT = "report"
    #: The vault can no longer be used.
    VAULT = "vault"
    #: No reader is left.
    READERS = "readers"
    #: Nobody confirmed the first tag with a phone.
    FIRST_ARTICLE = "first-article"
