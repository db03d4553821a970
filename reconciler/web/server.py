"""The HTTP server: its address, and the start and stop of its thread."""

from __future__ import annotations

import re
import socket
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog

from reconciler.web.auth import is_loopback
from reconciler.web.context import WebContext

if TYPE_CHECKING:
    from reconciler.web.background_server import BackgroundServer


DEFAULT_LISTEN: Final = "127.0.0.1:9470"
_LISTEN_PATTERN: Final = re.compile(r"(?:(?P<host>\[[^]]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")
_START_TIMEOUT: Final = 10.0  # seconds
_STOP_TIMEOUT: Final = 0.9
_SWITCH_INTERVAL: Final = 0.0005  # seconds after which a busy thread lets another run


class ListenError(Exception):
    """The server cannot listen on an address; the message says why."""


def serve(context: WebContext, listen: str) -> WebServer:
    """Start a server in a thread. `listen` is HOST:PORT, or a port of loopback; port 0 takes a free one.

    Raises `ListenError`.
    """
    host, port = parse_listen(listen)
    listening = _open_listening_socket(host, port)
    try:
        from reconciler.web.app import make_app
        from reconciler.web.background_server import BackgroundServer, forward_uvicorn_log

        forward_uvicorn_log()
        sys.setswitchinterval(_SWITCH_INTERVAL)  # health checks take turns with a run: by default after 5 ms each time
        local = is_loopback(listening.getsockname()[0])
        server = WebServer(BackgroundServer(make_app(context, local_only=local)), listening, host)
    except BaseException:
        listening.close()
        raise
    _log_listening(server, context, local_only=local)
    return server


def parse_listen(text: str) -> tuple[str, int]:
    """Parse `HOST:PORT`, `[IPv6]:PORT` or `PORT`. Raises `ListenError`."""
    match = _LISTEN_PATTERN.fullmatch(text.strip())
    if not match or int(match["port"]) > 65_535:
        raise ListenError(f'"{text}" is not an address to listen on; write HOST:PORT, such as {DEFAULT_LISTEN}')
    return (match["host"] or "127.0.0.1").strip("[]"), int(match["port"])


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
        """The server's URL as seen from this machine, also where it listens on all addresses."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def stop(self) -> None:
        """Stop within a second. Responses under way have 0.3 s to finish."""
        self._background.request_shutdown()
        self._thread.join(_STOP_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _open_listening_socket(host: str, port: int) -> socket.socket:
    """Open the socket in this thread, so that a port in use is an error of the caller."""
    address_text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ListenError(f"cannot listen on {address_text}: {error.strerror or error}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Both are inherited by connections: notice clients that are gone, and send the body of a response at once. Else
        # it would wait for the client to acknowledge the headers, which takes 40 ms on a connection that is kept.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ListenError(f"cannot listen on {address_text}: {error.strerror or error}") from error
    return listening


def _log_listening(server: WebServer, context: WebContext, *, local_only: bool) -> None:
    log = structlog.get_logger()
    log.info("http listening", url=server.url)
    if local_only:
        return
    if context.is_public:
        log.warning("other machines can reach this server, and read everything without a token")
    elif context.token_reader is None:
        log.warning("nobody can read the pages and REST: give a --token-file, or let everyone read with --public-read")
