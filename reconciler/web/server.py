"""Listening: the address, the thread, its beginning and its end."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog

from reconciler.web.auth import TokenReader, is_loopback
from reconciler.web.status_board import StatusBoard

if TYPE_CHECKING:
    from reconciler.web.background_server import BackgroundServer


DEFAULT_LISTEN: Final = "127.0.0.1:9470"
_LISTEN_PATTERN: Final = re.compile(r"(?:(?P<host>\[[^]]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")
_START_TIMEOUT: Final = 10.0  # seconds
_STOP_TIMEOUT: Final = 0.9


class ListenError(Exception):
    """It cannot listen there; the message says why."""


def serve(
    board: StatusBoard, listen: str, request_reload: Callable[[], None], token_reader: TokenReader | None
) -> WebServer:
    """Serve in a thread until `stop`. `listen` is HOST:PORT, or a port of loopback; port 0 takes a free one.

    `post_reload` is called in a thread of the server and must only ask for a run. Raises `ListenError`.

    For the command that loops, once its log is configured (structlog is used here)::

        board = Board(interval)                              # one of the loop's observers
        token = partial(read_token, path) if path else None  # --token-file; call it once: TokenError: exit 4
        with serve(board, listen, wake.set, token):          # --listen; ListenError: exit 4
            run_once(desired, options, board.pulse, stop)    # or call board.alive() from another progress
    """
    host, port = parse_listen(listen)
    listening = _open_listening_socket(host, port)
    try:
        from reconciler.web.app import make_app
        from reconciler.web.background_server import BackgroundServer, forward_uvicorn_log

        forward_uvicorn_log()
        local = is_loopback(listening.getsockname()[0])
        server = WebServer(
            BackgroundServer(make_app(board, request_reload, token_reader, local_only=local)), listening, host
        )
    except BaseException:
        listening.close()
        raise
    _log_listening(server, local_only=local)
    return server


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[IPv6]:PORT` or `PORT`. Raises `ListenError`."""
    found = _LISTEN_PATTERN.fullmatch(text.strip())
    if not found or int(found["port"]) > 65_535:
        raise ListenError(f'"{text}" is no address to listen on; write HOST:PORT, such as {DEFAULT_LISTEN}')
    return (found["host"] or "127.0.0.1").strip("[]"), int(found["port"])


class WebServer:
    """A running server. Use it as a context manager, or call `stop`."""

    def __init__(self, background: BackgroundServer, listening_socket: socket.socket, host: str) -> None:
        self._background = background
        self._host, self.port = host, int(listening_socket.getsockname()[1])
        self._thread = threading.Thread(
            target=background.run, kwargs={"sockets": [listening_socket]}, name="http", daemon=True
        )
        self._thread.start()
        if not background.running.wait(_START_TIMEOUT):
            raise ListenError("the HTTP server has not started")

    @property
    def url(self) -> str:
        """Where it answers; for an address that means all of them, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def stop(self) -> None:
        """End within a second. Answers under way get a moment."""
        self._background.request_shutdown()
        self._thread.join(_STOP_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _open_listening_socket(host: str, port: int) -> socket.socket:
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


def _log_listening(server: WebServer, *, local_only: bool) -> None:

    log = structlog.get_logger()
    log.info("http listening", url=server.url)
    if not local_only:
        log.warning("http can be reached from other machines; whoever reaches it can read, without a token")
