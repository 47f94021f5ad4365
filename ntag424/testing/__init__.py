"""A simulated tag, for the tests of this library and of programs that use it."""

from ntag424.testing.simulated_tag import SimulatedTag
from ntag424.testing.tap_source import TapSource, tap_source

__all__ = ["SimulatedTag", "TapSource", "tap_source"]
