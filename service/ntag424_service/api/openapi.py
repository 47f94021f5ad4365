"""The OpenAPI document: what FastAPI finds, with problems in place of its own errors."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ntag424_service.api.problems import MEDIA_TYPE
from ntag424_service.api.schemas import ProblemDocument

_DESCRIPTION = (
    "A tag writes a fresh, MACed URL at every tap. Post it once and get a session; every "
    "repeat is refused."
)


def describe(app: FastAPI) -> None:
    """Let *app* publish its document at `/openapi.json`."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="ntag424 service",
        version=version("ntag424"),
        description=_DESCRIPTION,
        routes=app.routes,
    )
    for path in document["paths"].values():
        for operation in path.values():
            # FastAPI's own answer to malformed input; ours is a 400, and a problem.
            if MEDIA_TYPE not in operation["responses"].get("422", {}).get("content", {}):
                operation["responses"].pop("422", None)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["ProblemDocument"] = ProblemDocument.model_json_schema(
        ref_template="#/components/schemas/{model}"
    )
    schemas |= schemas["ProblemDocument"].pop("$defs", {})
    return document
