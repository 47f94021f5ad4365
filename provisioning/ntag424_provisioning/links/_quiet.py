"""Keeps nfcpy from logging: it has errors to tell on stderr, and shows whole APDUs."""

from __future__ import annotations

import importlib
import logging
from contextlib import suppress

_NFCPY = "nfc"
_NOTHING = logging.CRITICAL + 1


def silence_nfcpy() -> None:
    """Let nothing of what nfcpy logs from now on go anywhere, if nfcpy is there at all."""
    with suppress(ImportError):
        # It sets its own level when it is imported, so that has to come first.
        importlib.import_module(_NFCPY)
    logger = logging.getLogger(_NFCPY)
    logger.setLevel(_NOTHING)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
