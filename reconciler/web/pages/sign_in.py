"""Signing in with the token, and out."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from reconciler.web.context import WebContext
from reconciler.web.forms import read_form
from reconciler.web.gateway.access import peer_of
from reconciler.web.pages.access import PageAccess, check_origin, is_our_host, write_cookie
from reconciler.web.pages.frame import PageFrame, redirect
from reconciler.web.pages.sessions import PageSession, Refused

SIGN_IN_PATH: Final = "/sign-in"
_STATUS: Final = {Refused.WRONG: 401, Refused.BANNED: 403, Refused.TOO_MANY: 429}


class SignInPage:
    """The page with the form, which is also the answer to those who may not read."""

    def __init__(self, frame: PageFrame, context: WebContext, access: PageAccess) -> None:
        self._frame, self._board, self._access = frame, context.board, access

    async def get(self, request: Request) -> Response:
        """Return the form."""
        target = check_target(request.query_params.get("next", ""))
        if self._access.may_change(request):
            return redirect(request, target)
        return self._respond(request, target)

    async def refuse(self, request: Request) -> Response:
        """Answer a reader who may not read: with the form, which leads back to what was asked for."""
        query = f"?{request.url.query}" if request.url.query else ""
        response = self._respond(request, check_target(request.scope["path"].lstrip("/") + query), status=401)
        if request.method == "GET" and is_led_by_another_site(request.headers):
            response.headers["Refresh"] = "0"  # a browser sends no strict cookie along a link of another site
        return response

    async def post(self, request: Request) -> Response:
        """Begin a session."""
        check_origin(request.headers)
        fields = (await read_form(request)).fields
        target, token = check_target(fields.get("next", "")), await run_in_threadpool(self._access.find_token)
        if token is None:
            return self._respond(request, target, status=403)
        peer = peer_of(request.scope)
        result = self._access.sessions.sign_in(peer, fields.get("token", "").strip(), token)
        if isinstance(result, PageSession):
            structlog.get_logger().info("somebody has signed in to the pages", client=peer)
            response = redirect(request, target)
            response.headers["Set-Cookie"] = write_cookie(request, self._access.sessions.cookie_name, result.id)
            return response
        structlog.get_logger().warning("a sign-in to the pages was refused", client=peer, reason=str(result))
        return self._respond(request, target, status=_STATUS[result], error=str(result))

    async def post_sign_out(self, request: Request) -> Response:
        """End the session."""
        self._access.check_form(request, (await read_form(request)).fields.get("csrf", ""))
        if session := self._access.find_session(request):
            self._access.sessions.end(session.id)
        response = redirect(request, "")
        response.headers["Set-Cookie"] = write_cookie(request, self._access.sessions.cookie_name, "")
        return response

    def _respond(self, request: Request, target: str, *, status: int = 200, error: str = "") -> Response:
        return self._frame.respond(
            request,
            self._board.get_view(),
            "sign_in.html",
            "Sign in",
            status=status,
            target=target,
            error=error,
            has_token=self._access.has_token,
            is_public=self._access.is_public,
        )


def is_led_by_another_site(headers: Headers) -> bool:
    """True if a link on a page of another site has led here, as far as the browser says so."""
    if site := headers.get("sec-fetch-site"):
        return site in ("cross-site", "same-site")
    return "referer" in headers and not is_our_host(headers["referer"], headers)


def check_target(text: str) -> str:
    """Return an address of ours, relative to the root, to go on to; "" for any other."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    is_plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    is_ours = not (parts.scheme or parts.netloc or text.startswith("/") or ".." in parts.path.split("/"))
    return text if is_plain and is_ours else ""
