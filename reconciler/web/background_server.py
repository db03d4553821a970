"""uvicorn in its own thread, which sleeps until a request arrives and stops soon after a request to stop.

uvicorn and starlette are slow to import, so `server` imports this module only when it starts to listen.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from reconciler.report.sanitize import sanitize_text
from reconciler.web.connection_limits import ConnectionLimits
from reconciler.web.request_limits import MAX_HEADER_BYTES

SHUTDOWN_GRACE: Final = 0.3  # seconds for responses under way
BACKLOG: Final = 64  # connections that may wait; as many are accepted at once, each with a file
_UVICORN_LOGGER: Final = "uvicorn.error"


class BackgroundServer(uvicorn.Server):
    """A uvicorn server on a socket that is already listening."""

    def __init__(self, app: ASGIApp) -> None:
        self._limits = ConnectionLimits()
        super().__init__(
            uvicorn.Config(
                app,
                http=self._limits.make_protocol,  # type: ignore[arg-type]  # called as the class would be
                backlog=BACKLOG,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
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
        self._end_event: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Sleep until the end. The loop of uvicorn wakes up ten times a second, for features that are not used here."""
        self._loop, self._end_event = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(self._limits.handle_loop_error)
        self.running.set()
        await self._end_event.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the responses under way, but do not wait for a client that reads slowly."""
        asyncio.get_running_loop().call_later(SHUTDOWN_GRACE, self._abort_connections)
        await super().shutdown(sockets)

    def request_shutdown(self) -> None:
        """Ask the server to stop. Safe to call from any thread, and repeatedly."""
        if self._loop and self._end_event and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_event.set)

    def _abort_connections(self) -> None:
        self.force_exit = True
        for connection in list(self.server_state.connections):
            if connection.transport:
                connection.transport.abort()


class _ForwardHandler(logging.Handler):
    """Forwards errors of uvicorn to our log, and drops its warnings about invalid requests."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            structlog.get_logger().error(
                "http server", message=sanitize_text(record.getMessage()), exc_info=record.exc_info
            )


def forward_uvicorn_log() -> None:
    """Install the handler for the log of uvicorn, once."""
    logger = logging.getLogger(_UVICORN_LOGGER)
    if not any(isinstance(handler, _ForwardHandler) for handler in logger.handlers):
        logger.addHandler(_ForwardHandler())
        logger.propagate = False
