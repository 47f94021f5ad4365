"""How a command ends that the chip does not carry out."""

from __future__ import annotations


class RefusedError(Exception):
    """The tag answers with *status* and no data. Never leaves the simulated tag."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status:04X}")
        self.status = status


class SettingsLengthError(ValueError):
    """File settings have not the length that their own first bytes announce."""
