"""A tag made of software, written from the data sheet: a witness, not a mirror.

Nothing in this package imports the library's own values, codecs or keys, so what
it delivers is evidence about them.
"""

from ntag424.testing.simulated_tag._tag import SimulatedTag

__all__ = ["SimulatedTag"]
