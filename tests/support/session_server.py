"""A server that speaks enough of the Web API for a run without torrents, and shows which sessions are open on it."""

from __future__ import annotations

import secrets
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

from tests.support.instances import QBITTORRENT_ANSWERS, StubAnswer, text_answer


class SessionServer:
    """A context manager that listens on loopback. `requests` are the endpoints, each with the session it came in."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.reset()

    def reset(self) -> None:
        """Become a new server with another password."""
        self.password = secrets.token_urlsafe(8)
        self.open_sessions: set[str] = set()
        self.requests.clear()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.block_on_close = False  # processes that were killed have not closed their connections
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, endpoint: str, session: str, form: bytes) -> StubAnswer:
        """Return the answer to a request, as qBittorrent 5.1 gives it."""
        self.requests.append((endpoint, session))
        if endpoint == "auth/login":
            if parse_qs(form.decode()).get("password") != [self.password]:
                return text_answer("Fails.")
            new = secrets.token_urlsafe(8)
            self.open_sessions.add(new)
            return 200, {"Set-Cookie": f"SID={new}; HttpOnly; SameSite=Strict; path=/"}, b"Ok."
        if session not in self.open_sessions:
            return text_answer("Forbidden", 403)
        if endpoint == "auth/logout":
            self.open_sessions.discard(session)
        return QBITTORRENT_ANSWERS.get(endpoint, text_answer("Ok."))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its header
    owner: SessionServer

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        session = cookies["SID"].value if "SID" in cookies else ""
        code, headers, body = self.owner.answer(self.path.rpartition("/api/v2/")[2], session, form)
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
