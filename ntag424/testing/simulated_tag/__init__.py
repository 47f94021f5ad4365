"""A tag made of software, written from the data sheet: a witness, not a mirror.

Nothing in this package imports the library's own values, codecs or keys, so what
it delivers is evidence about them.
"""

from ntag424.testing.simulated_tag._comm_mode import CommMode
from ntag424.testing.simulated_tag._open_points import OpenPoints
from ntag424.testing.simulated_tag._tag import SimulatedTag

__all__ = ["CommMode", "OpenPoints", "SimulatedTag"]
