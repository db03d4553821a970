"""Requests to an ASGI application in this process, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.types import ASGIApp, Message

PORT = 9470


@dataclass(frozen=True)
class AsgiAnswer:
    """The whole answer to a request."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def get_header(self, name: str) -> str | None:
        """Return a header; None if it is missing."""
        return next((value for key, value in self.headers if key == name.lower()), None)


def call_app(
    app: ASGIApp,
    method: str,
    path: str,
    form: Mapping[str, str] | bytes = b"",
    headers: Mapping[str, str] | None = None,
    peer: str = "192.0.2.7",
) -> AsgiAnswer:
    """Send one request, and return its answer. Whatever the application raises is raised here."""
    given = {"host": f"localhost:{PORT}", **{name.lower(): value for name, value in (headers or {}).items()}}
    if isinstance(form, bytes):
        body = form
    else:
        body = urlencode(form).encode()
        given.setdefault("content-type", "application/x-www-form-urlencoded")
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
        "client": (peer, 40_000),
        "server": ("127.0.0.1", PORT),
    }
    sent: list[Message] = []
    is_read = False

    async def receive() -> Message:
        nonlocal is_read
        if is_read:
            return {"type": "http.disconnect"}
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_call(app, scope, receive, send))
    start = next(message for message in sent if message["type"] == "http.response.start")
    answer_headers = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"])
    content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return AsgiAnswer(start["status"], answer_headers, content)


async def _call(app: ASGIApp, *arguments: object) -> None:
    await app(*arguments)  # type: ignore[arg-type]
