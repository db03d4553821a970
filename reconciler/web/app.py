"""The routes, and what holds for every answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.engine.events import Finished
from reconciler.report.sanitize import clean
from reconciler.web.api import encoded, plan_json, status_json
from reconciler.web.auth import HEADERS, NOTHING_ALIVE, Token, TokenError, is_local_name, permitted
from reconciler.web.metrics import Metrics
from reconciler.web.page import Page, refresh_of
from reconciler.web.status_board import Board

JSON: Final = "application/json"
OFF: Final = "This is off: no token is configured (--token-file)."


def make_app(board: Board, reload: Callable[[], None], token: Token | None, *, local: bool) -> ASGIApp:
    """The whole HTTP side. `local`: it listens on loopback alone, so only local names lead here."""
    answers = _Answers(board, reload, token)
    routes = Starlette(
        routes=[
            Route("/", answers.page),
            Route("/healthz/live", answers.live),
            Route("/healthz/ready", answers.ready),
            Route("/metrics", answers.metrics),
            Route("/api/v1/status", answers.status),
            Route("/api/v1/plan", answers.plan),
            Route("/-/reload", answers.reload, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _refusal, Exception: _crash},
    )
    return _Everywhere(routes, local=local)


class _Answers:
    """One method for each route. What takes time is no coroutine, so that it runs beside the health checks."""

    def __init__(self, board: Board, reload: Callable[[], None], token: Token | None) -> None:
        self._board, self._reload, self._token = board, reload, token
        self._metrics, self._page = Metrics(board.view), Page()
        self._plans = _Plans()

    async def live(self, _request: Request) -> Response:
        """Is the loop stuck? Then it should be restarted."""
        stuck = self._board.view().stuck
        return PlainTextResponse(f"stuck: {stuck}\n" if stuck else "ok\n", 503 if stuck else 200)

    async def ready(self, _request: Request) -> Response:
        """Has everything been read once? An invalid file is said, but the last good one is in force: still ready."""
        view = self._board.view()
        if view.unready:
            return PlainTextResponse(f"not ready: {view.unready}\n", 503)
        problems = len(view.last.problems) if view.last else 0
        return PlainTextResponse(f"ok, but the desired state is invalid: {problems} found\n" if problems else "ok\n")

    def page(self, request: Request) -> Response:
        """The status page."""
        body = self._page.html(self._board.view(), refresh_of(request.query_params.get("refresh", "")))
        return Response(body, media_type="text/html", headers=self._page.headers)

    def metrics(self, request: Request) -> Response:
        """The metrics for Prometheus."""
        body, media_type = self._metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": media_type})

    def status(self, _request: Request) -> Response:
        """The loop and its instances."""
        return Response(status_json(self._board.view()), media_type=JSON)

    def plan(self, _request: Request) -> Response:
        """The JSON report of the last run."""
        last = self._board.view().last
        if last is None:
            return Response(encoded({"format_version": 1, "error": "no run has ended yet"}), 503, media_type=JSON)
        return Response(self._plans.written(last), media_type=JSON)

    def reload(self, request: Request) -> Response:
        """Ask the loop for a run, now."""
        if self._token is None:
            raise HTTPException(403, OFF)
        try:
            token = self._token()
        except TokenError as error:
            structlog.get_logger().error("the token cannot be read", why=str(error))
            raise HTTPException(503, "The token cannot be read now; the log says why.") from error
        if not permitted(request.headers.get("authorization", ""), token):
            raise HTTPException(401, "The bearer token is missing or wrong.", {"WWW-Authenticate": "Bearer"})
        self._reload()
        return PlainTextResponse("A run was asked for.\n", 202)


class _Plans:
    """The report of the last run, written once however often it is asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Finished | None = None
        self._body = b""

    def written(self, finished: Finished) -> bytes:
        with self._lock:
            if self._of is not finished:
                self._of, self._body = finished, plan_json(finished)
            return self._body


class _Everywhere:
    """Refuses foreign names where only local ones lead here, puts the safe headers on every answer, logs errors."""

    def __init__(self, app: ASGIApp, *, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in {**HEADERS, "Content-Security-Policy": NOTHING_ALIVE}.items():
                    headers.setdefault(name, value)
                message["headers"] = headers.raw
            await send(message)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if self._local and host and not is_local_name(host):
            why = "It listens on loopback alone, and answers to addresses and localhost, to no other name.\n"
            await PlainTextResponse(why, 421)(scope, receive, send_safely)
            return
        try:
            await self._app(scope, receive, send_safely)
        except Exception as error:  # it has been answered by now
            structlog.get_logger().error("http request failed", path=clean(scope["path"]), exc_info=error)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(request, error.status_code, error.detail, error.headers)


async def _crash(request: Request, _cause: Exception) -> Response:
    return _error(request, 500, "Internal error; the log says more.")


def _error(request: Request, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    if request.url.path.startswith("/api/"):
        return Response(encoded({"format_version": 1, "error": text}), status, headers, JSON)
    return PlainTextResponse(text + "\n", status, headers)
