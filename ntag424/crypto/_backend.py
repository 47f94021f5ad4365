"""Which library does the AES: decided once, when `ntag424.crypto` is imported."""

from __future__ import annotations

import os
from importlib.util import find_spec

from ntag424.crypto._interface import Backend

VARIABLE = "NTAG424_CRYPTO"
BACKENDS = ("cryptography", "pycryptodome")


def load_backend(name: str) -> Backend:
    """Import the backend called *name*, one of `BACKENDS`.

    Raises:
        ValueError: there is no such backend.
        ImportError: its library is not installed.

    """
    # The imports stand here because only the backend in use may be loaded.
    match name:
        case "cryptography":
            from ntag424.crypto import _cryptography  # noqa: PLC0415

            return _cryptography
        case "pycryptodome":
            from ntag424.crypto import _pycryptodome  # noqa: PLC0415

            return _pycryptodome
        case _:
            raise ValueError(f"{VARIABLE} must be one of: {', '.join(BACKENDS)}")


def _chosen() -> str:
    installed = "cryptography" if find_spec("cryptography") else "pycryptodome"
    return os.environ.get(VARIABLE) or installed


backend = load_backend(_chosen())
