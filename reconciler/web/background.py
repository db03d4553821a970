"""uvicorn in a thread of its own: asleep while nobody asks, and gone soon after it is told to go."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from reconciler.report.safe import clean

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
