"""The application: everything it needs is passed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from ntag424 import Verifier
from ntag424.replay import TagLedger
from ntag424_service.api.failures import add_failure_handlers
from ntag424_service.api.health import health_router
from ntag424_service.api.openapi import describe
from ntag424_service.api.problems import problems_router
from ntag424_service.guards.failure_limits import FailureLimits
from ntag424_service.guards.requests import BodyLimit, LoopbackOnly, PrivateAnswers
from ntag424_service.guards.sources import ForwardingNotice
from ntag424_service.pages.tap_page import page_routes
from ntag424_service.sentry.exchange import SentryExchange
from ntag424_service.sentry.routes import sentry_router
from ntag424_service.sessions.routes import sessions_router
from ntag424_service.sessions.tokens import SessionTokens
from ntag424_service.settings import Settings
from ntag424_service.tags.enrolment import EnrolmentCredential, EnrolmentService
from ntag424_service.tags.routes import tags_router
from ntag424_service.tags.served import Served
from ntag424_service.taps.exchange import TapExchange
from ntag424_service.taps.routes import taps_router


@dataclass(frozen=True, slots=True)
class Parts:
    """What `create_app` puts together. The application closes *ledger* when it stops."""

    verifier: Verifier
    ledger: TagLedger
    tokens: SessionTokens
    #: None: no SENTRY routes.
    sentry: SentryExchange | None = None
    #: None: no routes for enrolling tags.
    enrolment: EnrolmentCredential | None = None
    #: Every path on which something could be guessed goes through it.
    limits: FailureLimits = field(default_factory=FailureLimits)


def create_app(settings: Settings, parts: Parts) -> FastAPI:
    """Build the service from *settings* and the *parts* that `assemble` made of them."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        """Close the ledger when the service stops."""
        yield
        parts.limits.close()
        await parts.ledger.aclose()

    # No interactive documentation: it loads scripts from elsewhere.
    # No redirects: a path is right or it is not there.
    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=page_routes(),
    )
    exchange = TapExchange(
        parts.ledger, parts.tokens, parts.limits, lifetime=settings.session_seconds
    )
    app.include_router(taps_router(parts.verifier, exchange))
    app.include_router(sessions_router(parts.ledger, parts.tokens, parts.limits))
    if parts.sentry is not None:
        app.include_router(sentry_router(parts.sentry, exchange))
    if parts.enrolment is not None:
        served = Served(parts.verifier, None if parts.sentry is None else parts.sentry.keyring)
        enrolments = EnrolmentService(
            parts.ledger, parts.tokens, parts.limits, parts.enrolment, served
        )
        app.include_router(tags_router(enrolments))
    app.include_router(problems_router())
    app.include_router(health_router(parts.ledger))
    add_failure_handlers(app, parts.limits)
    _add_guards(app, settings)
    describe(app)
    return app


def _add_guards(app: FastAPI, settings: Settings) -> None:
    """Wrap the routes; what is added last sees a request first."""
    app.add_middleware(BodyLimit)
    app.add_middleware(ForwardingNotice)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    if settings.dev:
        app.add_middleware(LoopbackOnly)
    app.add_middleware(PrivateAnswers)
