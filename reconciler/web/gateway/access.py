"""Access to the gateway, as qBittorrent 5.1 grants it: a session by login, an API key, or an address that is trusted.

See docs/decisions/0145-the-gateway-lets-clients-in-as-qbittorrent-does.md.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from typing import Final, NoReturn
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.model.gateway import GatewaySettings
from reconciler.model.secret import Secret
from reconciler.web.gateway.parameters import read_post_form
from reconciler.web.gateway.sessions import MAX_FAILURES, ClientSession, LoginLimits, SessionStore, normalize_peer

COOKIE_NAME: Final = "SID"
BANNED_TEXT: Final = "Your IP address has been banned after too many failed authentication attempts."
LOG_INTERVAL: Final = 3600.0  # seconds between two log lines about the same kind of refusal
_SESSION_KEY: Final = "reconcile.gateway_session"
_LOGIN_PATH: Final = "/auth/login"


def session_of(request: Request) -> ClientSession:
    """Return the session of a request that was let in."""
    session = request.scope[_SESSION_KEY]
    assert isinstance(session, ClientSession)
    return session


class GatewayAccess:
    """The sessions of one server, and the checks of each request. For the thread of the event loop."""

    def __init__(
        self,
        get_settings: Callable[[], GatewaySettings | None],
        now: Callable[[], float] = time.monotonic,
        make_id: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        self._get_settings, self._now = get_settings, now
        self._sessions, self._logins = SessionStore(now, make_id), LoginLimits(now)
        self._key_session: ClientSession | None = None
        self._settings: GatewaySettings | None = None
        self._quiet_until: dict[str, float] = {}

    def refresh_settings(self) -> GatewaySettings:
        """Return the settings in force. All sessions end where the credentials change. Raises `HTTPException` (404)."""
        settings = self._get_settings()
        if settings is None or _credentials_of(settings) != _credentials_of(self._settings):
            self._sessions.end_all()
            self._key_session = None
            if settings and settings.trusted:
                networks = [str(network) for network in settings.trusted]
                structlog.get_logger().warning("peers of these networks need no credentials", networks=networks)
        self._settings = settings
        if settings is None:
            raise HTTPException(404, "Not Found")
        return settings

    def check_origin(self, scope: Scope, headers: Headers) -> None:
        """Refuse what a page of another site makes a browser send, and a wrong port in `Host`, as 5.1 does (401)."""
        host, peer = headers.get("host", ""), peer_of(scope)
        source = headers.get("origin") or headers.get("referer") or ""
        is_by_key = bool(_bearer_of(headers))
        if source and not is_by_key and _origin_of(source) != _origin_of(headers.get("x-forwarded-host") or host):
            self._refuse_origin(peer, "the Origin or Referer is not this server")
        port, local_port = _origin_of(host)[1], (scope.get("server") or ("", None))[1]
        if port is not None and local_port is not None and port != local_port:
            reason = "the port in Host is not ours; a proxy or a mapped port must keep it, or leave it out"
            self._refuse_origin(peer, reason)

    def admit(self, settings: GatewaySettings, scope: Scope, headers: Headers) -> tuple[ClientSession | None, bool]:
        """Return the session of a request, or None, and whether it has just been started."""
        if key := _bearer_of(headers):
            return self._admit_key(settings, key, scope), False
        if session := self._sessions.use(_read_session_id(headers)):
            return session, False
        if _is_trusted(settings, peer_of(scope)):
            return self._sessions.start(peer_of(scope)), True
        return None, False

    def log_in(self, peer: str, username: str, password: str) -> ClientSession | None:
        """Return a new session, or None for wrong credentials. Raises `HTTPException` for a peer that is banned."""
        if self._logins.is_banned(peer):
            raise HTTPException(403, BANNED_TEXT)
        if not self._logins.admit(peer):
            raise HTTPException(429, "Too many logins: keep the cookie of the first one.", {"Retry-After": "1"})
        settings = self.refresh_settings()
        is_right_name = settings.username is not None and _is_same(username, settings.username)
        is_right_password = _is_secret(password, settings.password)
        if is_right_name and is_right_password:
            self._logins.forget_failures(peer)
            return self._sessions.start(peer)
        count = self._logins.count_failure(peer)
        log = structlog.get_logger()
        log.warning("gateway login failed", client=peer, failures=count, banned=count >= MAX_FAILURES)
        return None

    def log_out(self, session: ClientSession) -> None:
        """End a session."""
        self._sessions.end(session)

    def _admit_key(self, settings: GatewaySettings, key: str, scope: Scope) -> ClientSession | None:
        """Return the session that all clients with the key share, as in 5.2."""
        if scope["path"].startswith(f"{scope.get('root_path', '')}/auth/"):
            return None
        if not _is_secret(key, settings.api_key):
            self._log_rarely("gateway api key is wrong", peer_of(scope))
            return None
        self._key_session = self._key_session or ClientSession("", "", self._now())
        return self._key_session

    def _refuse_origin(self, peer: str, reason: str) -> NoReturn:
        self._log_rarely("gateway request refused", peer, reason=reason)
        raise HTTPException(401, "Unauthorized")

    def _log_rarely(self, event: str, peer: str, **values: str) -> None:
        key = event + "".join(values.values())
        if self._now() >= self._quiet_until.get(key, 0.0):
            self._quiet_until[key] = self._now() + LOG_INTERVAL
            structlog.get_logger().warning(event, client=peer, **values)


class AccessMiddleware:
    """Lets in requests with a session, and the login. Everything else is 403, as is an unknown endpoint."""

    def __init__(self, app: ASGIApp, access: GatewayAccess) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            settings = self._access.refresh_settings()
            self._access.check_origin(scope, headers)
            session, is_new = self._access.admit(settings, scope, headers)
            is_login = scope["path"] == scope.get("root_path", "") + _LOGIN_PATH and not _bearer_of(headers)
            if session is None and not is_login:
                raise HTTPException(403, "Forbidden")
        except HTTPException as refusal:
            response = PlainTextResponse(refusal.detail, refusal.status_code, refusal.headers)
            await response(scope, receive, send)
            return
        scope[_SESSION_KEY] = session

        async def send_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and session and is_new:
                response_headers = MutableHeaders(raw=list(message["headers"]))
                response_headers.append("Set-Cookie", make_cookie(session))
                message = {**message, "headers": response_headers.raw}
            await send(message)

        await self._app(scope, receive, send_cookie)


def make_cookie(session: ClientSession | None) -> str:
    """Return the `Set-Cookie` header of a session, or the one that removes the cookie."""
    if session is None:
        return f"{COOKIE_NAME}=; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/"
    return f"{COOKIE_NAME}={session.id}; HttpOnly; SameSite=Strict; path=/"


def peer_of(scope: Scope) -> str:
    """Return the address of the TCP connection: no header changes it."""
    return normalize_peer((scope.get("client") or ("", 0))[0])


def make_auth_routes(access: GatewayAccess) -> list[Route]:
    """Return the routes of `auth/`, without `/api/v2`."""

    async def log_in(request: Request) -> Response:
        if request.scope[_SESSION_KEY] is not None:
            return PlainTextResponse("Ok.")
        fields = (await read_post_form(request)).fields
        session = access.log_in(peer_of(request.scope), fields.get("username", ""), fields.get("password", ""))
        if session is None:
            return PlainTextResponse("Fails.")
        return PlainTextResponse("Ok.", headers={"Set-Cookie": make_cookie(session)})

    async def log_out(request: Request) -> Response:
        access.log_out(session_of(request))
        return PlainTextResponse("", headers={"Set-Cookie": make_cookie(None)})

    return [Route("/auth/login", log_in, methods=["POST"]), Route("/auth/logout", log_out, methods=["POST"])]


def _credentials_of(settings: GatewaySettings | None) -> object:
    return settings and (settings.username, settings.password, settings.api_key, settings.trusted)


def _bearer_of(headers: Headers) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _is_secret(text: str, secret: Secret | None) -> bool:
    return secret is not None and _is_same(text, secret.reveal())


def _is_same(left: str, right: str) -> bool:
    """Compare in a time that does not depend on how much is right."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def _is_trusted(settings: GatewaySettings, peer: str) -> bool:
    if not settings.trusted:
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in settings.trusted)


def _read_session_id(headers: Headers) -> str:
    for item in ";".join(headers.getlist("cookie")).split(";"):
        name, _, value = item.strip().partition("=")
        if name == COOKIE_NAME:
            return value
    return ""


def _origin_of(text: str) -> tuple[str, int | None]:
    """Return the host and the port of a URL or a `Host` header; ("", None) for one that makes no sense."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
