"""What attacks on the service share with its tests."""

from __future__ import annotations

from tests.service.conftest import anyio_backend, installation, prepared

__all__ = ["anyio_backend", "installation", "prepared"]
