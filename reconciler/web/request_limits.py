"""Limits for requests: the size of their headers and bodies, and the number that one peer may send in a second.

Whoever can reach the address may send requests, also without credentials. A body is counted while it is read, whatever
its headers say, and the connection ends with the answer to one that is too large.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES

MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 1 << 16  # with the path and the query: a list of 1,500 infohashes
MAX_BODY_BYTES: Final = 1 << 20  # of a form or of JSON: a list of 25,000 infohashes
MAX_UPLOAD_BYTES: Final = MAX_TORRENT_FILE_BYTES + MAX_BODY_BYTES
# The only ones that take files.
UPLOAD_PATHS: Final = frozenset({"/api/v1/torrents", "/api/v2/torrents/add", "/actions/add"})
REQUESTS_PER_SECOND: Final = 250.0  # from one peer, in the long run
MAX_BURST: Final = 500.0  # requests of one peer at once
MAX_PEERS: Final = 1024  # that are remembered
FREE_PATHS: Final = ("/healthz/",)  # not counted: a check that fails restarts us
LINGER_SECONDS: Final = 1.0  # in which a client that still sends can receive its refusal
LINGER_BYTES: Final = 4 << 20
LOG_INTERVAL: Final = 3600.0  # seconds between two log lines about too many requests

MakeRefusal = Callable[[Scope, int, str], Response]


class RequestLimits:
    """ASGI middleware that refuses requests beyond the limits. `make_refusal` makes the response for a status."""

    def __init__(self, app: ASGIApp, make_refusal: MakeRefusal, now: Callable[[], float] = time.monotonic) -> None:
        self._app, self._make_refusal = app, make_refusal
        self._rate = PeerRate(now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _LimitedBody(receive, send, find_body_limit(scope))
        status, text = self._find_refusal(scope, body)
        if not status:
            await self._app(scope, body.receive, body.send)
            return
        response = self._make_refusal(scope, status, text)
        if status == 429:
            response.headers["Retry-After"] = "1"
        await response(scope, body.receive, body.send)

    def _find_refusal(self, scope: Scope, body: _LimitedBody) -> tuple[int, str]:
        headers = scope["headers"]
        size = len(scope["raw_path"]) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in headers)
        if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
            return 431, f"A request can have {MAX_HEADERS} headers and {MAX_HEADER_BYTES >> 10} KiB of them."
        if not scope["path"].startswith(FREE_PATHS) and not self._rate.admit(scope["client"]):
            return 429, f"Too many requests: one client can send {REQUESTS_PER_SECOND:.0f} in a second."
        if body.is_declared_too_large(headers):
            body.is_refused = True
            return 413, body.refusal_text
        return 0, ""


class PeerRate:
    """The number of requests of each peer, in a bucket that fills again with time. For one thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests that are left, and since when
        self._quiet_until = 0.0

    def admit(self, client: tuple[str, int] | None) -> bool:
        """Count a request of the client at an address and a port; False if it is one too many."""
        peer, now = _network_of(client[0] if client else ""), self._now()
        left, since = self._buckets.pop(peer, (MAX_BURST, now))
        left = min(MAX_BURST, left + (now - since) * REQUESTS_PER_SECOND)
        is_admitted = left >= 1
        self._buckets[peer] = (left - is_admitted, now)
        if len(self._buckets) > MAX_PEERS:
            self._buckets.popitem(last=False)
        if not is_admitted and now >= self._quiet_until:
            self._quiet_until = now + LOG_INTERVAL
            structlog.get_logger().warning(
                "too many http requests of one client are refused", client=peer, limit=REQUESTS_PER_SECOND
            )
        return is_admitted


def find_body_limit(scope: Scope) -> int:
    """Return how many bytes the body of a request can have."""
    kinds = (value for name, value in scope["headers"] if name == b"content-type")
    is_upload = scope["path"] in UPLOAD_PATHS and any(kind.lower().startswith(b"multipart/") for kind in kinds)
    return MAX_UPLOAD_BYTES if is_upload else MAX_BODY_BYTES


class _LimitedBody:
    """The body of one request, counted. Its `receive` and `send` replace those of the server."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._count = 0
        self.is_refused = False
        self.refusal_text = f"The body of this request can have {limit >> 20} MiB."

    def is_declared_too_large(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """True if the headers announce more than the limit."""
        return any(name == b"content-length" and int(value) > self._limit for name, value in headers)

    async def receive(self) -> Message:
        """Return the next message. Raises `HTTPException` (413) at the first byte beyond the limit."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            if self._count > self._limit and not self.is_refused:
                self.is_refused = True
                raise HTTPException(413, self.refusal_text)
        return message

    async def send(self, message: Message) -> None:
        """Send a message. A refusal ends the connection, after a moment in which the client can read it."""
        if not self.is_refused:
            await self._send(message)
        elif message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["Connection"] = "close"
            await self._send({**message, "headers": headers.raw})
        else:
            await self._send({**message, "more_body": True})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._discard_rest(), LINGER_SECONDS)
            await self._send({"type": "http.response.body", "body": b""})

    async def _discard_rest(self) -> None:
        """Read what the client still sends: closing a connection with unread data would take back the response."""
        discarded = 0
        while discarded < LINGER_BYTES:
            message = await self._receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                return
            discarded += len(message.get("body", b""))


def _network_of(host: str) -> str:
    """Return what counts as one peer: an IPv4 address, or the network of 64 bits that an IPv6 address is in."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((int(address), 64), strict=False))
    return host
