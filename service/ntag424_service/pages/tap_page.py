"""`GET /t`: the page a tag's URL opens. It consumes nothing; its script posts the tap."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

#: No inline code, nothing from elsewhere, talks to its own origin only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {
    "/t": ("tap.html", "text/html"),
    "/t/tap.js": ("tap.js", "text/javascript"),
    "/t/tap.css": ("tap.css", "text/css"),
}


def page_routes() -> list[BaseRoute]:
    """Serve the page and its two assets; HEAD comes with GET."""
    return [_asset(path, name, media_type) for path, (name, media_type) in _ASSETS.items()]


def _asset(path: str, name: str, media_type: str) -> Route:
    body = (files("ntag424_service") / "pages" / name).read_bytes()

    async def serve(_: Request) -> Response:
        return Response(body, media_type=media_type, headers={"Content-Security-Policy": _POLICY})

    return Route(path, serve, methods=["GET"])
