"""The check of the bearer token of a request.

See docs/decisions/0156-rest-takes-the-token-only-from-a-header.md.
"""

from __future__ import annotations

from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reconciler.web.auth import TokenError, TokenReader, is_authorized

DISABLED_TEXT: Final = "{subject} disabled: no token is configured (--token-file)."


def require_token(
    request: Request, read_token: TokenReader | None, subject: str, *, allow_password: bool = True
) -> None:
    """Raise `HTTPException` unless a request has the token: 401, 403 without a token file, 503 if it is unreadable.

    `subject` is what needs the token, with its verb: "Reload is". `allow_password`: the token may also be the password
    of an URL. Browsers send a password that they know to every page's forms, so what changes something allows none.
    """
    if read_token is None:
        raise HTTPException(403, DISABLED_TEXT.format(subject=subject))
    try:
        token = read_token()
    except TokenError as error:
        structlog.get_logger().error("the token cannot be read", reason=str(error))
        raise HTTPException(503, "The token cannot be read; see the log.") from error
    if not is_authorized(request.headers.get("authorization", ""), token, allow_password=allow_password):
        raise HTTPException(401, "The bearer token is missing or wrong.", {"WWW-Authenticate": "Bearer"})
