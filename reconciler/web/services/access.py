"""Access to the adapters: the token of the server, the gateway's credentials, or a peer that needs none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reconciler.web.auth import TokenError, TokenReader, is_authorized
from reconciler.web.gateway.access import GatewayAccess

AdmitCaller = Callable[[Request], None]
"""Raises `HTTPException` for a request that is not let in. For the thread of the event loop."""

CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def make_admission(access: GatewayAccess, token_reader: TokenReader | None) -> AdmitCaller:
    """Return the check of each request."""

    def admit_caller(request: Request) -> None:
        if token_reader and _has_token(token_reader, request):
            return
        settings = access.refresh_settings()
        access.check_origin(request.scope, request.headers)
        session, _ = access.admit(settings, request.scope, request.headers)
        if session is None:
            raise HTTPException(401, "The token or the API key is missing or wrong.", CHALLENGE)

    return admit_caller


def _has_token(token_reader: TokenReader, request: Request) -> bool:
    try:
        return is_authorized(request.headers.get("authorization", ""), token_reader())
    except TokenError as error:
        structlog.get_logger().error("the token cannot be read", reason=str(error))
        return False
