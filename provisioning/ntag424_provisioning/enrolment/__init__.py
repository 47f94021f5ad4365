"""Tells whoever verifies taps that a tag begins a new life."""

from ntag424_provisioning.enrolment._enroller import Enroller, Later

__all__ = ["Enroller", "Later"]
