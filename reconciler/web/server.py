"""Listening: the address, the thread, its beginning and its end."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import structlog
import uvicorn
from starlette.types import ASGIApp

from reconciler.report.sanitize import clean
from reconciler.web.auth import Token, is_loopback
from reconciler.web.status_board import Board

GRACE: Final = 0.3  # seconds for answers under way when it is told to go
_LOGGER: Final = "uvicorn.error"


class Background(uvicorn.Server):
    """A server on a socket that listens already."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
            )
        )
        self.running = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Sleep until the end; the one of uvicorn wakes up ten times a second for what we do not use."""
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self.running.set()
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way, but do not wait for a client that reads slowly."""
        asyncio.get_running_loop().call_later(GRACE, self._abort)
        await super().shutdown(sockets)

    def end(self) -> None:
        """Tell it to go. From any thread, any number of times."""
        if self._loop and self._end and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)

    def _abort(self) -> None:
        self.force_exit = True
        for connection in list(self.server_state.connections):
            if connection.transport:
                connection.transport.abort()


class _Forward(logging.Handler):
    """What uvicorn says goes where our own log goes. What clients do wrong is not worth a line."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            structlog.get_logger().error("http server", message=clean(record.getMessage()), exc_info=record.exc_info)


def forward_log() -> None:
    """Take over the log of uvicorn, once."""
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(handler, _Forward) for handler in logger.handlers):
        logger.addHandler(_Forward())
        logger.propagate = False


DEFAULT_LISTEN: Final = "127.0.0.1:9470"
_ADDRESS: Final = re.compile(r"(?:(?P<host>\[[^]]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")
_STARTS_WITHIN: Final = 10.0  # seconds
_ENDS_WITHIN: Final = 0.9


class ListenError(Exception):
    """It cannot listen there; the message says why."""


def serve(board: Board, listen: str, reload: Callable[[], None], token: Token | None) -> Server:
    """Serve in a thread until `stop`. `listen` is HOST:PORT, or a port of loopback; port 0 takes a free one.

    `reload` is called in a thread of the server and must only ask for a run. Raises `ListenError`.

    For the command that loops, once its log is configured (structlog is used here)::

        board = Board(interval)                              # one of the loop's observers
        token = partial(read_token, path) if path else None  # --token-file; call it once: TokenError: exit 4
        with serve(board, listen, wake.set, token):          # --listen; ListenError: exit 4
            run_once(desired, options, board.pulse, stop)    # or call board.alive() from another progress
    """
    host, port = parse_listen(listen)
    listening = _listening(host, port)
    try:
        from reconciler.web.app import make_app

        forward_log()
        local = is_loopback(listening.getsockname()[0])
        server = Server(Background(make_app(board, reload, token, local=local)), listening, host)
    except BaseException:
        listening.close()
        raise
    _say(server, local=local)
    return server


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[IPv6]:PORT` or `PORT`. Raises `ListenError`."""
    found = _ADDRESS.fullmatch(text.strip())
    if not found or int(found["port"]) > 65_535:
        raise ListenError(f'"{text}" is no address to listen on; write HOST:PORT, such as {DEFAULT_LISTEN}')
    return (found["host"] or "127.0.0.1").strip("[]"), int(found["port"])


class Server:
    """A running server. Use it as a context manager, or call `stop`."""

    def __init__(self, background: Background, listening: socket.socket, host: str) -> None:
        self._background = background
        self._host, self.port = host, int(listening.getsockname()[1])
        self._thread = threading.Thread(
            target=background.run, kwargs={"sockets": [listening]}, name="http", daemon=True
        )
        self._thread.start()
        if not background.running.wait(_STARTS_WITHIN):
            raise ListenError("the HTTP server has not started")

    @property
    def url(self) -> str:
        """Where it answers; for an address that means all of them, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def stop(self) -> None:
        """End within a second. Answers under way get a moment."""
        self._background.end()
        self._thread.join(_ENDS_WITHIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a port in use is an error here and not in a thread."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ListenError(f"cannot listen on {where}: {error.strerror or error}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # inherited: clients that vanished are noticed
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ListenError(f"cannot listen on {where}: {error.strerror or error}") from error
    return listening


def _say(server: Server, *, local: bool) -> None:
    import structlog

    log = structlog.get_logger()
    log.info("http listening", url=server.url)
    if not local:
        log.warning("http can be reached from other machines; whoever reaches it can read, without a token")
