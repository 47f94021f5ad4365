"""A simulated tag, for the tests of this library and of programs that use it.

`ntag424.testing.doors` leads it into real reader stacks.
"""

from ntag424.testing.faulty_transport import FaultyTransport
from ntag424.testing.scripted_transport import Either, InAnyOrder, ScriptedTransport
from ntag424.testing.simulated_tag import OpenPoints, SimulatedTag
from ntag424.testing.tap_source import TapSource, tap_source

__all__ = [
    "Either",
    "FaultyTransport",
    "InAnyOrder",
    "OpenPoints",
    "ScriptedTransport",
    "SimulatedTag",
    "TapSource",
    "tap_source",
]
