"""A web server on loopback with fixed answers that counts its requests."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class WebHandler(BaseHTTPRequestHandler):
    """A request, with methods to answer it."""

    protocol_version = "HTTP/1.1"
    web: FixedWebServer

    def do_GET(self) -> None:
        self.web.requests.append((self.path, dict(self.headers.items())))
        try:
            answer = self.web.answers.get(self.path.split("?")[0], 404)
            if callable(answer):
                answer(self)
            elif isinstance(answer, int):
                self.send_answer(answer, b"")
            elif isinstance(answer, str):
                self.send_answer(302, b"", Location=answer)
            else:
                self.send_answer(200, answer)
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def send_answer(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


Answer = bytes | int | str | Callable[[WebHandler], None]  # a body, a status, where to redirect, or anything else


@dataclass
class FixedWebServer:
    """`answers` by path, 404 for all others. `requests`: path and headers of every request."""

    answers: dict[str, Answer] = field(default_factory=dict)
    address: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer((self.address, 0), type("_Handler", (WebHandler,), {"web": self}))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self._server.server_address[1])

    def url_of(self, path: str = "/", host: str | None = None) -> str:
        """The URL of a path, by the address or by another name."""
        return f"{'https' if self.tls else 'http'}://{host or self.address}:{self.port}{path}"

    def count_requests(self, path: str) -> int:
        """Return the number of requests for a path."""
        return sum(asked.split("?")[0] == path for asked, _ in self.requests)
