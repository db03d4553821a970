"""Limits for the connections of clients: their number, and the time in which each must send its request.

Anyone who can reach the address may connect. Connections that ask nothing must not take the files that the loop needs
for its own connections, nor keep out a health check.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Callable
from typing import Any, Final

import h11
import structlog
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

MAX_CONNECTIONS: Final = 100  # less where the process may open few files
REQUEST_TIMEOUT: Final = 10.0  # seconds for the headers of a request, from the connection or the last response on
EXCHANGE_TIMEOUT: Final = 60.0  # seconds more for its body and the response
LOG_INTERVAL: Final = 3600.0  # seconds between two log lines about too many connections
_STREAM_KEY: Final = "reconcile.is_stream"


def mark_stream(scope: Scope) -> None:
    """Let the response to a request go on without end, as long as its client reads it."""
    scope[_STREAM_KEY] = True


class ConnectionLimits:
    """The limits of one server, and its log of them."""

    def __init__(self) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.max_connections = MAX_CONNECTIONS if files < 0 else max(4, min(MAX_CONNECTIONS, files // 4))
        self.request_timeout = REQUEST_TIMEOUT
        self.exchange_timeout = EXCHANGE_TIMEOUT
        self._quiet_until = 0.0

    def log_overload(self, now: float) -> None:
        """Log that there are too many connections, once an hour."""
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_INTERVAL
            structlog.get_logger().warning(
                "too many http connections; the longest waiting are closed",
                limit=self.max_connections,
            )

    def make_protocol(self, **arguments: Any) -> LimitedProtocol:
        """Return the protocol of a new connection: the `http` of a uvicorn configuration."""
        return LimitedProtocol(self, **arguments)

    def handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error of the event loop; one line an hour where no more files can be opened."""
        if isinstance(context.get("exception"), OSError):  # of `accept`, which the event loop tries again
            self.log_overload(loop.time())
        else:
            structlog.get_logger().error("http server", message=str(context.get("message")))


class LimitedProtocol(H11Protocol):
    """A connection that is closed when it takes too long, or makes room for a new one."""

    def __init__(self, limits: ConnectionLimits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since = 0.0

    @property
    def is_waiting(self) -> bool:
        """True if no request has arrived whole since the connection was made, or since the last response."""
        return not self._has_request or self.cycle.more_body

    @property
    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_open(self) -> bool:
        """False for a connection that is being closed."""
        return not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, and close another if there are too many."""
        super().connection_made(transport)
        self._wait_for_request()
        connections = [c for c in self.connections if isinstance(c, LimitedProtocol) and c.is_open]
        if len(connections) > self._limits.max_connections:
            self._limits.log_overload(self.loop.time())
            waiting = [c for c in connections if c.is_waiting]
            min(waiting, key=lambda c: c._waiting_since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End a stream, which would not end by itself; responses under way have some more time."""
        if self._has_request and self.cycle.scope.get(_STREAM_KEY):
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.close()
        else:
            super().shutdown()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait_for_request()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is none, or whose headers are too large (431). Called while h11's error is handled."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if self._has_request and self.cycle.response_started:  # nothing can be answered any more
            self.transport.abort()
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        events = (
            h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status]),
            h11.Data(data=STATUS_PHRASES[status] + b"\n"),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        if self._has_request:  # its body makes no sense; nobody waits for another answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _wait_for_request(self) -> None:
        self._waiting_since = self.loop.time()
        self._start_timer(self._limits.request_timeout, self._check_request)

    def _check_request(self) -> None:
        if self._has_request:
            self._start_timer(self._limits.exchange_timeout, self._check_exchange)
        else:
            self.transport.abort()

    def _check_exchange(self) -> None:
        """End an exchange that takes too long; a stream goes on if its client has read all that was sent."""
        if self._has_request and self.cycle.scope.get(_STREAM_KEY) and not self.flow.write_paused:
            self._start_timer(self._limits.exchange_timeout, self._check_exchange)
        else:
            self.transport.abort()

    def _start_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, callback)
