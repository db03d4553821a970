"""A web server that takes what is posted to it, as a notification service would, and can be set to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ReceivedPost:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """Its body as JSON."""
        return dict(json.loads(self.body))


class Inbox:
    """Listen on loopback. `next_statuses`: the next status codes of posts, then 200; `is_silent`: never answer them.

    `page`: the body of every reply to a GET.
    """

    def __init__(self) -> None:
        self.page = b""
        self.posts: list[ReceivedPost] = []
        self.next_statuses: list[int] = []
        self.is_silent = False
        self.released = threading.Event()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"inbox": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Its address with a secret path."""
        return f"http://{self.address}/hooks/s3cret?token=t0ken"

    @property
    def events(self) -> list[list[str]]:
        """Return the subject of each webhook message."""
        return [post.json["events"] for post in list(self.posts)]


class _Handler(BaseHTTPRequestHandler):
    inbox: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.inbox.posts.append(ReceivedPost(self.path, dict(self.headers.items()), body))
        if self.inbox.is_silent:
            self.inbox.released.wait(60)
            return
        status = self.inbox.next_statuses.pop(0) if self.inbox.next_statuses else 200
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://{self.inbox.address}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.inbox.posts.append(ReceivedPost(self.path, dict(self.headers.items()), b""))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.inbox.page)))
        self.end_headers()
        self.wfile.write(self.inbox.page)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
