"""The part of a forge's API that holds the comments of a pull request, as a local server."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-job"
JOB_USER = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass
class Forge:
    """The comments of each pull request, and the requests so far as `METHOD path`.

    `user`: the user of the token, None for the token of a job. `status` answers every request, if it is set.
    `has_pages` is False on Gitea, which ignores the page.
    """

    url: str = ""
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    user: dict[str, str] | None = None
    status: int = 0
    has_pages: bool = True

    def add_comment(self, number: int, body: str, user: dict[str, str] | None = None) -> dict[str, Any]:
        """Write a comment, by default as the job."""
        comment_id = sum(map(len, self.comments.values())) + 1
        comment = {"id": comment_id, "body": body, "user": user or self.user or JOB_USER}
        self.comments.setdefault(number, []).append(comment)
        return comment

    def answer(self, method: str, target: str, authorization: str, document: Any) -> tuple[int, Any]:
        """Return the status and the document of a reply."""
        self.requests.append(f"{method} {urlsplit(target).path}")
        if self.status:
            return self.status, {"message": "<script>@team"}
        if authorization != f"Bearer {TOKEN}":
            return 401, {}
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path == "/api/user":
            return (200, self.user) if self.user else (403, {})
        if match := re.fullmatch(r"/api/repos/home/torrents/issues/(\d+)/comments", path):
            number = int(match[1])
            if method == "POST":
                return (
                    (201, self.add_comment(number, document["body"])) if len(document["body"]) <= 65_536 else (422, {})
                )
            listed = self.comments.get(number, [])
            start = (int(query["page"][0]) - 1) * 100
            return 200, listed[start : start + 100] if self.has_pages else listed
        if (match := re.fullmatch(r"/api/repos/home/torrents/issues/comments/(\d+)", path)) and method == "PATCH":
            for comment in (comment for comments in self.comments.values() for comment in comments):
                if comment["id"] == int(match[1]) and not comment.get("is_deleted"):
                    comment["body"] = document["body"]
                    return 200, comment
        return 404, {}


@contextmanager
def run_forge(**options: Any) -> Iterator[Forge]:
    """Yield a forge that answers until the end of the block."""
    forge = Forge(**options)

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            document = json.loads(self.rfile.read(size)) if size else None
            status, reply = forge.answer(self.command, self.path, self.headers["Authorization"] or "", document)
            data = json.dumps(reply).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = handle_request

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        forge.url = f"http://127.0.0.1:{server.server_port}/api"
        yield forge
        server.shutdown()
        thread.join()
