"""Access to the pages and to what REST reads: who may read, and who may change something.

See docs/decisions/0166-a-session-of-the-pages-begins-with-the-token.md.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from reconciler.model.secret import Secret
from reconciler.web.auth import TokenError, TokenReader, is_authorized
from reconciler.web.pages.frame import ReaderRights
from reconciler.web.pages.sessions import SESSION_SECONDS, PageSession, PageSessions

READ_METHODS: Final = ("GET", "HEAD")
NO_TOKEN_NOTE: Final = "Read-only: no token is configured. Start reconcile with --token-file to change something here."
SIGN_IN_NOTE: Final = "Read-only: sign in with the token to change something."
READERS_TEXT: Final = "Only readers with the token may read this: send it as a bearer token."
NO_READER_TEXT: Final = (
    "Nobody may read this from another machine, because no token is configured: start reconcile with --token-file, or "
    "with --public-read to let everyone read."
)
_SAME_SITE: Final = ("same-origin", "none")
RefuseReader = Callable[[Request], Awaitable[Response]]


class PageAccess:
    """The rights of each request. `is_public`: everyone may read."""

    def __init__(
        self,
        read_token: TokenReader | None,
        *,
        is_public: bool,
        now: Callable[[], float] = time.monotonic,
        make_id: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        self.sessions = PageSessions(now, make_id)
        self.is_public, self.has_token = is_public, read_token is not None
        self._read_token = read_token

    def find_token(self) -> Secret | None:
        """Return the token as it is now; None if there is none, or it cannot be read, which is logged."""
        try:
            return self._read_token() if self._read_token else None
        except TokenError as error:
            structlog.get_logger().error("the token cannot be read", reason=str(error))
            return None

    def find_session(self, request: Request) -> PageSession | None:
        """Return the session of a request, if it lasts."""
        session_id = read_cookie(request.headers, self.sessions.cookie_name)
        token = self.find_token() if session_id else None
        return self.sessions.find(session_id, token) if token else None

    def may_read(self, request: Request) -> bool:
        """True if the pages and what REST reads are for this request."""
        return self.is_public or self._is_bearer(request) or self.find_session(request) is not None

    def get_rights(self, request: Request) -> ReaderRights:
        """Return what a page lets its reader do."""
        if session := self.find_session(request):
            return ReaderRights(may_change=True, csrf=session.csrf)
        if self._is_bearer(request, allow_password=False):
            return ReaderRights(may_change=True)
        may_read = self.is_public or self._is_bearer(request)
        if not self.has_token:
            return ReaderRights(may_read, note=NO_TOKEN_NOTE if may_read else "")
        return ReaderRights(may_read, can_sign_in=True, note=SIGN_IN_NOTE if may_read else "")

    def may_change(self, request: Request) -> bool:
        """True if a request comes with a session or the token. Its form must still prove where it comes from."""
        return self.get_rights(request).may_change

    def check_form(self, request: Request, csrf: str) -> None:
        """Raise `HTTPException` (403) unless a page of ours has sent the form of this session.

        A request with the token in its header needs no proof: no page of another site can send one.
        """
        check_origin(request.headers)
        session = self.find_session(request)
        is_proven = session is not None and hmac.compare_digest(csrf.encode(), session.csrf.encode())
        if not (is_proven or self._is_bearer(request, allow_password=False)):
            raise HTTPException(403, "This form is not of your present session: load the page again.")

    def _is_bearer(self, request: Request, *, allow_password: bool = True) -> bool:
        given = request.headers.get("authorization", "")
        token = self.find_token() if given else None
        return token is not None and is_authorized(given, token, allow_password=allow_password)


def check_origin(headers: Headers) -> None:
    """Raise `HTTPException` (403) for a form that a page of another site has sent, as far as the browser says so."""
    if site := headers.get("sec-fetch-site"):
        is_ours = site in _SAME_SITE
    else:
        origin = headers.get("origin")
        is_ours = origin is None or is_our_host(origin, headers)
    if not is_ours:
        raise HTTPException(
            403, "This form comes from another site. A proxy must pass on the host, as Host or X-Forwarded-Host."
        )


def is_our_host(url: str, headers: Headers) -> bool:
    """True if a URL is of the host and port that a browser has asked."""
    try:
        host = urlsplit(url).netloc.lower()
    except ValueError:
        return False
    return bool(host) and host in (headers.get("host", "").lower(), headers.get("x-forwarded-host", "").lower())


def read_cookie(headers: Headers, name: str) -> str:
    """Return the value of a cookie; "" if there is none."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def write_cookie(request: Request, name: str, value: str) -> str:
    """Return the `Set-Cookie` header of a session; without a value, the one that removes the cookie."""
    proto = request.headers.get("x-forwarded-proto", str(request.scope["scheme"]))
    secure = "; Secure" if proto.partition(",")[0].strip().lower() == "https" else ""
    age = int(SESSION_SECONDS) if value else 0
    return f"{name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Strict{secure}"


class ReadersOnly:
    """An ASGI endpoint that answers reads only to those who may read. Everything else has checks of its own."""

    def __init__(self, route: Route, access: PageAccess, refuse: RefuseReader) -> None:
        self._app, self._access, self._refuse = route.app, access, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)

        async def send_while_allowed(message: Message) -> None:
            """Send a part of a stream; end it where the session has ended, or the token is another one."""
            if message.get("more_body") and not self._access.may_read(request):
                await send({"type": "http.response.body", "body": b""})
                raise ClientDisconnect
            await send(message)

        if request.method not in READ_METHODS:
            await self._app(scope, receive, send)
        elif self._access.may_read(request):
            await self._app(scope, receive, send_while_allowed)
        else:
            response = await self._refuse(request)
            await response(scope, receive, send)


def guard_reads(routes: list[Route], access: PageAccess, refuse: RefuseReader) -> list[Route]:
    """Return the routes, which answer reads only to those who may read."""
    for route in routes:
        route.app = ReadersOnly(route, access, refuse)
    return routes
