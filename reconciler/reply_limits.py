"""Replies over HTTP that end in time, whatever the server sends.

The timeout of a socket limits only the silence between two bytes: a server that sends one byte a second keeps its
client for ever. Here a reply as a whole has a deadline, from its first byte to its last, with the status line and the
headers.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import monotonic
from typing import Any, Final

from reconciler.model.lazy_dataclass import dataclass

MIN_BYTES_PER_SECOND: Final = 16_384  # of a reply that has begun, on average
MAX_DURATION: Final = 600.0  # seconds for a reply of any size
STOP_GRACE: Final = 5.0  # seconds that a reply under way still has when the run is asked to stop
_CHECK_INTERVAL: Final = 0.5  # seconds


class SlowReply(TimeoutError):
    """A reply began, and did not end in time."""


class ReplyCancelled(TimeoutError):
    """A reply was no longer waited for; the message says why, as a clause."""


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """The time that a reply may take, in seconds.

    `silence`: until its first byte, and between two bytes. `grace`: from the first byte to the last, besides the time
    that its size needs. `duration`: altogether. After `stop` is set it has `STOP_GRACE` to end. `check` is called while
    it is waited for, and may raise an exception to end it.
    """

    silence: float
    grace: float
    duration: float = MAX_DURATION
    stop: threading.Event | None = None
    check: Callable[[], None] | None = None

    @classmethod
    def within(cls, seconds: float) -> ReplyLimits:
        """Return the limits of a small reply that must be whole within so many seconds."""
        return cls(seconds, seconds, seconds)


class ReplyTimer:
    """Measures one reply against its limits, from the moment the request has been sent."""

    def __init__(self, limits: ReplyLimits, now: Callable[[], float] = monotonic) -> None:
        self._limits, self._now = limits, now
        self._started_at = self._last_byte_at = now()
        self._first_byte_at: float | None = None
        self._stopped_at: float | None = None
        self._received = 0

    def record_bytes(self, count: int) -> None:
        """Note that bytes have arrived."""
        self._last_byte_at = self._now()
        if self._first_byte_at is None:
            self._first_byte_at = self._last_byte_at
        self._received += count

    def compute_wait(self) -> float:
        """Return how long to wait for more bytes before this is asked again. Raises `TimeoutError` once it is over."""
        now, limits = self._now(), self._limits
        end = self._started_at + limits.duration
        waits = {min(self._last_byte_at + limits.silence, end) - now: TimeoutError("timed out")}
        if self._first_byte_at is not None:
            end = min(end, self._first_byte_at + limits.grace + self._received / MIN_BYTES_PER_SECOND)
            waits[end - now] = SlowReply("the reply is too slow")
        if limits.check:
            limits.check()
        if limits.stop and limits.stop.is_set():
            self._stopped_at = now if self._stopped_at is None else self._stopped_at
            waits[self._stopped_at + STOP_GRACE - now] = ReplyCancelled("the run was asked to stop")
        wait = min(*waits, _CHECK_INTERVAL) if limits.stop or limits.check else min(waits)
        if wait <= 0:
            raise waits[wait]
        return wait


_LIMITS: ContextVar[ReplyLimits | None] = ContextVar("reply_limits", default=None)


@contextmanager
def limit_replies(limits: ReplyLimits) -> Iterator[None]:
    """Apply the limits to every `LimitedResponse` that this thread reads the headers of in this context."""
    token = _LIMITS.set(limits)
    try:
        yield
    finally:
        _LIMITS.reset(token)


class LimitedResponse(http.client.HTTPResponse):
    """A response whose limits come from `limit_replies`: the `response_class` of a connection.

    Reading it raises `TimeoutError`, or its subclasses `SlowReply` and `ReplyCancelled`.
    """

    def __init__(self, sock: socket.socket, *args: Any, **arguments: Any) -> None:
        limits = _LIMITS.get()
        super().__init__(_LimitedSocket(sock, limits) if limits else sock, *args, **arguments)  # type: ignore[arg-type]


class _LimitedSocket:
    """Makes the file that a response reads from its socket."""

    def __init__(self, sock: socket.socket, limits: ReplyLimits) -> None:
        self._socket, self._limits = sock, limits

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the bytes that arrive, as long as the reply has time."""
        return io.BufferedReader(_LimitedReader(self._socket, self._limits))


class LimitedConnection(http.client.HTTPConnection):
    """An http connection whose replies end in time."""

    response_class = LimitedResponse


class LimitedTlsConnection(http.client.HTTPSConnection):
    """An https connection whose replies end in time."""

    response_class = LimitedResponse


class LimitedHttpHandler(urllib.request.HTTPHandler):
    """Opens http URLs for `urllib.request`."""

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Send the request."""
        return self.do_open(LimitedConnection, request)


class LimitedHttpsHandler(urllib.request.HTTPSHandler):
    """Opens https URLs for `urllib.request`."""

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Send the request."""
        return self.do_open(LimitedTlsConnection, request)


class _LimitedReader(io.RawIOBase):
    """The bytes that arrive at a socket, as long as the reply has time."""

    def __init__(self, sock: socket.socket, limits: ReplyLimits) -> None:
        self._socket, self._limits, self._timer = sock, limits, ReplyTimer(limits)
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open until the reply has been read

    def readable(self) -> bool:
        """True: it is only read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for bytes, and return their number; 0 at the end."""
        while True:
            self._socket.settimeout(self._timer.compute_wait())
            try:
                count = self._socket.recv_into(buffer)
            except TimeoutError:
                continue  # `compute_wait` raises when the time is over
            self._timer.record_bytes(count)
            return count

    def close(self) -> None:
        """Leave the socket to the next request."""
        if not self.closed:
            with suppress(OSError):  # it is closed already
                self._socket.settimeout(self._limits.silence)
            self._file.close()
        super().close()
