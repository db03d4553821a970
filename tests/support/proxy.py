"""A recording reverse proxy in front of a real server, with the faults of bad networks and proxies.

It sees what really goes over the wire, so promises about requests are checked at the server's side.
"""

from __future__ import annotations

import http.client
import os
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

# by endpoint and not by method: a POST may be a read. What is not listed counts as a mutation.
READ_ENDPOINTS = re.compile(
    r"auth/(login|logout)"
    r"|app/(version|webapiVersion|buildInfo|processInfo|preferences|defaultSavePath|networkInterfaceList)"
    r"|app/(getDirectoryContent|getFreeSpaceAtPath)"
    r"|torrents/(info|count|properties|trackers|webseeds|files|pieceStates|pieceHashes|export|categories|tags)"
    r"|transfer/info|sync/(maindata|torrentPeers)|log/(main|peers)|torrentcreator/(status|torrentFile)"
)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request, recorded as it arrives: the endpoint is without `/api/v2/`."""

    method: str
    endpoint: str
    body: bytes


@dataclass(slots=True)
class FaultRule:
    """A fault for requests of an endpoint ("" is any): how many times, and after how many untouched requests."""

    endpoint: str
    fault: Fault
    times: int = 1
    after: int = 0

    def take_turn(self, endpoint: str) -> bool:
        """Return True if the fault applies to this request, and count it."""
        if self.endpoint not in ("", endpoint) or self.times <= 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass(frozen=True, slots=True)
class KnownLogin:
    """A right password of a server, and the address of clients that need none."""

    username: str
    password: str
    trusted_client: str


Fault = Callable[["_Handler", bytes], None]


@dataclass
class Proxy:
    """Listens on loopback before `port`. `tls` wraps the listening side.

    `base_path` is a path prefix to strip. Requests without it are answered with 404 and do not reach the server.
    A login with exactly the `known_login` is passed on from an address that needs no password: the check of a hash
    takes the server a tenth of a second. From the first other login on, the server checks all.
    """

    port: int
    base_path: str = ""
    tls: ssl.SSLContext | None = None
    known_login: KnownLogin | None = None
    requests: list[RecordedRequest] = field(default_factory=list)
    rules: list[FaultRule] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Return the URL that it listens on."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}{self.base_path}"

    @property
    def mutations(self) -> list[RecordedRequest]:
        """Return the requests other than reads and logins."""
        return [request for request in self.requests if not READ_ENDPOINTS.fullmatch(request.endpoint)]

    @property
    def read_count(self) -> int:
        """Return the number of requests for torrents: all, some, or changed."""
        return self.count_requests("torrents/info") + self.count_requests("sync/maindata")

    def count_requests(self, endpoint: str) -> int:
        """Return the number of requests to an endpoint."""
        return sum(request.endpoint == endpoint for request in self.requests)

    def choose_source(self, endpoint: str, body: bytes) -> tuple[str, int] | None:
        """Return the address to pass a request on from; None: any."""
        login = self.known_login
        if endpoint != "auth/login" or login is None:
            return None
        if parse_qs(body.decode()) == {"username": [login.username], "password": [login.password]}:
            return (login.trusted_client, 0)
        self.known_login = None
        return None

    def describe_state(self) -> str:
        """Return the last requests, for a failed test."""
        return "\n".join(f"{request.endpoint} {request.body[:200]!r}" for request in self.requests[-20:])

    def clear(self) -> None:
        """Forget all recorded requests and every rule."""
        self.requests.clear()
        self.rules.clear()

    def add_fault(self, endpoint: str, fault: Fault, times: int = 1, after: int = 0) -> None:
        """Apply a fault to `times` requests of an endpoint ("": all), after `after` of them."""
        self.rules.append(FaultRule(endpoint, fault, times, after))

    def next_fault(self, endpoint: str) -> Fault:
        """The fault whose turn it is, or plain forwarding."""
        with self._lock:
            return next((rule.fault for rule in self.rules if rule.take_turn(endpoint)), forward_request)

    def record_request(self, request: RecordedRequest) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: in two, each answer would wait 40 ms for an acknowledgement
    proxy: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        root = f"{self.proxy.base_path}/api/v2/"
        endpoint = self.path.split("?")[0].removeprefix(root)
        self.proxy.record_request(RecordedRequest(self.command, endpoint, body))
        try:
            if self.path.startswith(root):
                self.proxy.next_fault(endpoint)(self, body)
            else:  # as a web server with several applications would
                self.send_answer(404, [("Content-Type", "text/html")], b"not here")
        except OSError:
            self.close_connection = True  # either side hung up

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def ask_server(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Pass the request on and return status, headers and body of the answer."""
        source = self.proxy.choose_source(self.path.removeprefix(f"{self.proxy.base_path}/api/v2/"), body)
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=60, source_address=source)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
        try:
            connection.request(self.command, self.path.removeprefix(self.proxy.base_path), body, headers)
            answer = connection.getresponse()
            kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("connection", "content-length")]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def send_answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, cut_after: int | None = None
    ) -> None:
        """Send an answer; with `cut_answer`, only so many bytes of it before hanging up."""
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut_after is None else body[:cut_after])
        if cut_after is not None:
            self.wfile.flush()
            self.hang_up()

    def wait_for_client(self, seconds: float) -> None:
        """Wait until the client closes the connection, or until the time is up."""
        select.select([self.connection], [], [], seconds)

    def hang_up(self, reset: bool = False) -> None:
        """Close the connection, orderly or with a reset."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # at once: the base class would end it in order first
        else:
            self.connection.shutdown(socket.SHUT_WR)


def forward_request(handler: _Handler, body: bytes) -> None:
    """No fault."""
    handler.send_answer(*handler.ask_server(body))


def cut_answer(share: float = 0.5) -> Fault:
    """The answer breaks off after a share of its bytes."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        status, headers, content = handler.ask_server(body)
        handler.send_answer(status, headers, content, cut_after=int(len(content) * share))

    return apply_fault


def answer_with_status(code: int, text: str = "", content_type: str = "text/html") -> Fault:
    """An answer of the proxy's own; the server never sees the request."""
    return lambda handler, body: handler.send_answer(code, [("Content-Type", content_type)], text.encode())


def replace_answer(code: int) -> Fault:
    """Pass the request on, and answer with a page of the proxy's own."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        handler.ask_server(body)
        handler.send_answer(code, [("Content-Type", "text/html")], b"<html>something went wrong")

    return apply_fault


def edit_answer(edit: Callable[[bytes], bytes]) -> Fault:
    """The answer of the server, edited: that of another build."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        status, headers, content = handler.ask_server(body)
        handler.send_answer(status, headers, edit(content))

    return apply_fault


def drip_answer(pause: float) -> Fault:
    """An answer that arrives byte by byte, from its status line on; the server never sees the request."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        handler.close_connection = True
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b" " * 5000:
            handler.connection.sendall(bytes([byte]))
            time.sleep(pause)

    return apply_fault


def send_endlessly(chunk: bytes, encoding: str = "identity") -> Fault:
    """An answer that repeats a chunk until the client gives up; the server never sees the request."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        handler.close_connection = True
        handler.connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n".encode())
        while True:
            handler.connection.sendall(chunk)

    return apply_fault


def hang_before(seconds: float) -> Fault:
    """Stay silent until the client gives up, for at most `seconds`; the server never sees the request."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        handler.wait_for_client(seconds)
        handler.hang_up()

    return apply_fault


def hang_after(seconds: float) -> Fault:
    """Pass the request on, and keep the answer until the client gives up, for at most `seconds`."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        handler.ask_server(body)
        handler.wait_for_client(seconds)
        handler.hang_up()

    return apply_fault


def reset_after(handler: _Handler, body: bytes) -> None:
    """The server does what was asked, then the connection is reset."""
    handler.ask_server(body)
    handler.hang_up(reset=True)


def reset_before(handler: _Handler, body: bytes) -> None:
    """The connection is reset; the server never sees the request."""
    handler.hang_up(reset=True)


def delay_request(seconds: float) -> Fault:
    """A slow link."""

    def apply_fault(handler: _Handler, body: bytes) -> None:
        time.sleep(seconds)
        forward_request(handler, body)

    return apply_fault
