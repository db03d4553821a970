"""The routes of the HTTP server, and the headers and checks of every response."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import structlog
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.report.json.common import FORMAT_VERSION
from reconciler.report.sanitize import sanitize_text
from reconciler.web.api import JSON_MEDIA_TYPE, encode_json, render_plan_json, render_snapshot_json, render_status_json
from reconciler.web.auth import SECURITY_HEADERS, STRICT_CSP, is_local_name
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.gateway.access import GatewayAccess
from reconciler.web.metrics import Metrics
from reconciler.web.pages.access import NO_READER_TEXT, READERS_TEXT, PageAccess, guard_reads
from reconciler.web.pages.routes import make_page_routes
from reconciler.web.per_run import PerRun
from reconciler.web.request_limits import RequestLimits
from reconciler.web.rest.routes import make_rest_routes
from reconciler.web.rest.torrents import RefusedChange, handle_refusal
from reconciler.web.services.routes import make_service_routes
from reconciler.web.slashes import redirect_slashes
from reconciler.web.token_check import require_token


def make_app(context: WebContext, *, local_only: bool) -> ASGIApp:
    """Return the ASGI application. `local_only`: it listens on loopback, and rejects requests for other host names."""
    endpoints, catalogue = _Endpoints(context), Catalogue(context)
    access = GatewayAccess(lambda: context.get_desired().gateway)
    page_access = PageAccess(context.token_reader, is_public=local_only or context.is_public)
    with suppress(HTTPException):
        access.refresh_settings()  # the log names trusted networks at the start
    routes = Starlette(
        routes=[
            Route("/healthz/live", endpoints.get_liveness),
            Route("/healthz/ready", endpoints.get_readiness),
            Route("/metrics", endpoints.get_metrics),
            Route("/-/reload", endpoints.post_reload, methods=["POST"]),
            *make_page_routes(context, catalogue, page_access),
            *guard_reads(
                [
                    Route("/api/v1/status", endpoints.get_status),
                    Route("/api/v1/plan", endpoints.get_plan),
                    Route("/api/v1/snapshot", endpoints.get_snapshot),
                    *make_rest_routes(context, catalogue),
                ],
                page_access,
                partial(_refuse_reader, page_access),
            ),
            *make_service_routes(context, catalogue, access),
            Mount("/api/v2", _LazyGateway(context, catalogue, access)),
        ],
        exception_handlers={
            RefusedChange: handle_refusal,
            HTTPException: _handle_http_error,
            Exception: _handle_crash,
        },
    )
    return _SecurityMiddleware(RequestLimits(redirect_slashes(routes), _make_error_response), local_only=local_only)


class _Endpoints:
    """A method per route. Slow ones are no coroutines, so that they run in threads and do not delay health checks."""

    def __init__(self, context: WebContext) -> None:
        self._context, self._board = context, context.board
        self._metrics = Metrics(context.board.get_view)
        self._plan_bodies = PerRun[bytes]()
        self._snapshot_lock = threading.Lock()

    async def get_liveness(self, _request: Request) -> Response:
        """Status 503 if the loop is stuck and should be restarted."""
        stuck = self._board.get_view().stuck_reason
        return PlainTextResponse(f"stuck: {stuck}\n" if stuck else "ok\n", 503 if stuck else 200)

    async def get_readiness(self, _request: Request) -> Response:
        """Status 503 until every instance was read once. It stays ready with invalid files, and names them."""
        view = self._board.get_view()
        if view.unready_reason:
            return PlainTextResponse(f"not ready: {view.unready_reason}\n", 503)
        problems = len(view.last_run.problems) if view.last_run else 0
        return PlainTextResponse(f"ok, but the desired state is invalid: {problems} found\n" if problems else "ok\n")

    def get_metrics(self, request: Request) -> Response:
        """The metrics for Prometheus."""
        body, media_type = self._metrics.render_exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": media_type})

    def get_status(self, _request: Request) -> Response:
        """The loop and its instances."""
        return Response(render_status_json(self._board.get_view()), media_type=JSON_MEDIA_TYPE)

    def get_plan(self, _request: Request) -> Response:
        """The JSON report of the last run."""
        last_run = self._board.get_view().last_run
        if last_run is None:
            return _make_early_response()
        body = self._plan_bodies.read(last_run, lambda: render_plan_json(last_run))
        return Response(body, media_type=JSON_MEDIA_TYPE)

    def get_snapshot(self, request: Request) -> Response:
        """The last read of the loop, as `reconcile snapshot` writes it; needs the token. One at a time."""
        require_token(request, self._context.token_reader, "Snapshots are")
        last_run = self._board.get_view().last_run
        if last_run is None or last_run.live_state is None:
            return _make_early_response()
        hash_names = request.query_params.get("hash_names", "").lower() in ("1", "true", "yes")
        with self._snapshot_lock:
            body = render_snapshot_json(last_run.live_state, hash_names=hash_names)
        return Response(body, media_type=JSON_MEDIA_TYPE)

    def post_reload(self, request: Request) -> Response:
        """Request a run; needs the token."""
        require_token(request, self._context.token_reader, "Reload is")
        self._context.request_reload()
        return PlainTextResponse("A run was requested.\n", 202)


class _LazyGateway:
    """The gateway, whose code is loaded with the first request after it was declared. 404 before."""

    def __init__(self, context: WebContext, catalogue: Catalogue, access: GatewayAccess) -> None:
        self._context, self._catalogue, self._access = context, catalogue, access
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            rows = self._context.rows
            if rows is None or self._context.get_desired().gateway is None:
                await PlainTextResponse("Not Found", 404)(scope, receive, send)
                return
            from reconciler.web.gateway.routes import make_gateway_app

            self._app = make_gateway_app(self._context, self._catalogue, self._access, rows)
        await self._app(scope, receive, send)


class _SecurityMiddleware:
    """Rejects other host names if `local_only`, adds security headers to every response, and logs errors."""

    def __init__(self, app: ASGIApp, *, local_only: bool) -> None:
        self._app, self._local_only = app, local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in {**SECURITY_HEADERS, "Content-Security-Policy": STRICT_CSP}.items():
                    headers.setdefault(name, value)
                message["headers"] = headers.raw
            await send(message)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if self._local_only and host and not is_local_name(host):
            text = "This server listens on loopback, and accepts only addresses and localhost as the host name.\n"
            await PlainTextResponse(text, 421)(scope, receive, send_safely)
            return
        try:
            await self._app(scope, receive, send_safely)
        except ClientDisconnect:
            pass  # in the middle of its request
        except Exception as error:  # the response has been sent
            structlog.get_logger().error("http request failed", path=sanitize_text(scope["path"]), exc_info=error)


def _make_early_response() -> Response:
    body = encode_json({"format_version": FORMAT_VERSION, "error": "no run has ended yet"})
    return Response(body, 503, media_type=JSON_MEDIA_TYPE)


async def _refuse_reader(access: PageAccess, request: Request) -> Response:
    challenge = {"WWW-Authenticate": "Bearer"}
    return _make_error_response(request.scope, 401, READERS_TEXT if access.has_token else NO_READER_TEXT, challenge)


async def _handle_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _make_error_response(request.scope, error.status_code, error.detail, error.headers)


async def _handle_crash(request: Request, _cause: Exception) -> Response:
    return _make_error_response(request.scope, 500, "Internal error; see the log.")


def _make_error_response(scope: Scope, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    if scope["path"].startswith("/api/"):
        return Response(
            encode_json({"format_version": FORMAT_VERSION, "error": text}), status, headers, JSON_MEDIA_TYPE
        )
    return PlainTextResponse(text + "\n", status, headers)
