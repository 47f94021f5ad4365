"""JSON as RFC 8259 has it and no more: what two readers could take differently is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json


def read_json(octets: bytes) -> object:
    """Return what *octets* say: UTF-8 without a byte order mark, one value, nothing else.

    Raises:
        ValueError: it is not JSON, names a member twice, has a number that is infinite or
            none, half of a surrogate pair, or is nested more than about 200 levels deep.

    """
    # It refuses all of that but what the hooks do.
    from_json(octets, allow_inf_nan=False, cache_strings="none")
    return json.loads(octets, object_pairs_hook=_members, parse_float=_finite)


class StrictJsonRoute(APIRoute):
    """A route whose body is read by `read_json`; what that refuses is answered with 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the request on as one that reads its body so."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            """Answer the request, its body read strictly."""
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> object:
        return read_json(await self.body())


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is named twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
