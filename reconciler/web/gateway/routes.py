"""The routes of the gateway, below `/api/v2`."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from reconciler.model.rows import LiveRows
from reconciler.report.sanitize import sanitize_text
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.gateway.access import AccessMiddleware, GatewayAccess, make_auth_routes
from reconciler.web.gateway.read_endpoints import ReadEndpoints
from reconciler.web.gateway.write_endpoints import WriteEndpoints
from reconciler.web.slashes import redirect_slashes

_METHODS: Final = ("GET", "POST", "HEAD")  # that 5.1 knows


def make_gateway_app(context: WebContext, catalogue: Catalogue, access: GatewayAccess, rows: LiveRows) -> ASGIApp:
    """Return the application below `/api/v2`. Each request looks up what is declared, because an edit may change it."""
    endpoints = Starlette(
        routes=[
            *make_auth_routes(access),
            *ReadEndpoints(context, catalogue, rows).make_routes(),
            *WriteEndpoints(context, catalogue).make_routes(),
        ],
        exception_handlers={HTTPException: _answer_refusal, Exception: _answer_crash},
    )
    return AccessMiddleware(redirect_slashes(endpoints), access)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405 and request.method not in _METHODS:
        return Response(status_code=501)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


async def _answer_crash(request: Request, error: Exception) -> Response:
    path = sanitize_text(request.url.path)
    structlog.get_logger().error("gateway request failed", path=path, error=type(error).__name__)
    return PlainTextResponse("Internal Server Error", 500)
