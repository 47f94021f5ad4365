"""`serve`: listen first, then open the store, then run in one process or in several."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_network

import uvicorn
from fastapi import FastAPI

from ntag424_service.app import create_app
from ntag424_service.assembly import assemble
from ntag424_service.guards.serving import connection_settings
from ntag424_service.guards.sources import proxy_settings
from ntag424_service.server.listening import announce, listening
from ntag424_service.server.workers import GRACEFUL_SECONDS, SILENT_SECONDS, Worker, run_workers
from ntag424_service.settings import Settings
from ntag424_service.storage.stores import take_up_store


def run_service(settings: Settings) -> None:
    """Serve until asked to stop.

    Raises:
        SettingsError: something is missing, wrong or unsafe, or it cannot listen there.
            With several workers also later, when one died and cannot be replaced.

    """
    with listening(settings) as listeners:
        asyncio.run(take_up_store(settings))
        parts = assemble(settings)
        if settings.workers == 1:
            _run_here(_configuration(settings, create_app(settings, parts)), listeners)
        else:  # each worker builds its own; this process has shown that they can
            asyncio.run(parts.ledger.aclose())
            run_workers(lambda worker: _configuration(settings, worker), listeners)


def _configuration(settings: Settings, app: FastAPI | Worker) -> uvicorn.Config:
    """Return all that uvicorn is told, be it for this process or for workers."""
    proxies = [ip_network(text) for text in settings.trusted_proxies]
    return uvicorn.Config(
        app,
        factory=isinstance(app, Worker),
        workers=settings.workers,
        access_log=False,  # it would write URLs with taps in their query
        server_header=False,
        **proxy_settings(settings),
        **connection_settings(proxies),
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        timeout_worker_healthcheck=SILENT_SECONDS,
    )


def _run_here(config: uvicorn.Config, listeners: list[socket.socket]) -> None:
    announce(listeners)
    with suppress(KeyboardInterrupt):  # Ctrl-C, after everything was tidied up
        uvicorn.Server(config).run(listeners)
