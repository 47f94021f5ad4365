"""What each worker process of uvicorn calls: environment in, application out."""

from __future__ import annotations

from fastapi import FastAPI

from ntag424_service.app import create_app
from ntag424_service.assembly import assemble
from ntag424_service.operations.log import configure_logging
from ntag424_service.settings import load_settings


def build() -> FastAPI:
    """Build the service from the environment.

    Raises:
        SettingsError: see `assemble`.

    """
    configure_logging()
    settings = load_settings()
    return create_app(settings, assemble(settings))
