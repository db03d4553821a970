"""A program that keeps a list of its downloaders in memory, as a process of its own that can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Any, Final, Self

from reconciler.demo.servers import ReservedPort
from tests.support.raw import RawClient

_PROGRAM: Final = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

services, posts = [], []

class Core(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(200, {"services": services, "posts": posts})

    def do_POST(self):
        service = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        posts.append(self.path)
        services[:] = [known for known in services if known["service_name"] != service["service_name"]] + [service]
        self.reply(201, {"service_id": "1"})

    def reply(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Core).serve_forever()
"""


class CoreProcess:
    """The process. Its address stays the same when it is started again, and its memory does not."""

    def __enter__(self) -> Self:
        self._port = ReservedPort("127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.number}"
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._port.release()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen([sys.executable, "-S", "-c", _PROGRAM, str(self._port.number)])
        RawClient.wait_until(lambda: self._process.poll() is None and self._is_up())

    def kill(self) -> None:
        """End it at once, like a crash."""
        self._process.kill()
        self._process.wait()

    def read(self) -> dict[str, Any]:
        """Return the services that it knows, and the paths of the posts that it has got, since it was started."""
        with urllib.request.urlopen(f"{self.url}/services", timeout=20) as response:
            return dict(json.load(response))

    def _is_up(self) -> bool:
        try:
            return bool(self.read())
        except OSError:
            return False
