"""The two ways a chip can be set to do its cryptography."""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class Mode(StrEnum):
    """Secure messaging and SDM by AES, or by the leakage-resilient primitive.

    Tags leave the factory in AES mode; the change to LRP is final (NT4H2421Gx §9.2).
    """

    AES = "aes"
    LRP = "lrp"
