"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ManualClock:
    """A `Clock` to be handed to a ledger."""

    boot_id: str = "the first boot"
    uptime: int = 3_600_000
    #: UNIX time in seconds at which the machine was started, as its wall clock has it.
    started: int = 1_700_000_000

    def uptime_ms(self):
        return self.uptime

    def wall(self):
        return self.started + self.uptime // 1000

    def advance(self, *, seconds):
        """Let time pass, for every way to tell it."""
        self.uptime += round(1000 * seconds)

    def set_wall(self, *, days):
        """Let somebody set the wall clock; no time passes."""
        self.started += 86_400 * days
