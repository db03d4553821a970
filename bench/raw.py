"""The baselines: what the bare Web API costs, with nothing but a socket and a JSON parser."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from reconciler.demo.servers import QbittorrentServer

# what `bench.world` declares, so that both sides ask the server for the same
ADD_OPTIONS = {
    **dict.fromkeys(("stopped", "paused"), "true"),
    "autoTMM": "false",
    "category": "linux",
    "savepath": "/tmp/bench/linux",
    "tags": "iso,reconcile:bench",
}


class RawConnection:
    """A logged-in connection without any library in between. Times are seconds."""

    def __init__(self, server: QbittorrentServer) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        answer = self._send("auth/login", username=server.username, password=server.password)
        self._cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
        answer.read()

    def _send(self, path: str, **form: str) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": getattr(self, "_cookie", "")}
        self._http.request("POST", f"/api/v2/{path}", urlencode(form), headers)
        return self._http.getresponse()

    def count_torrents(self) -> int:
        """Read and parse the whole list; returns its length."""
        return len(json.loads(self._send("torrents/info").read()))

    def time_list(self) -> float:
        """How long one whole list with its JSON parse takes."""
        began = time.perf_counter()
        self.count_torrents()
        return time.perf_counter() - began

    def time_add(self, magnets: Sequence[str]) -> float:
        """How long it takes to add magnets, a thousand a call, until all are listed."""
        began = time.perf_counter()
        for start in range(0, len(magnets), 1000):
            self._send("torrents/add", urls="\n".join(magnets[start : start + 1000]), **ADD_OPTIONS).read()
        while self.count_torrents() < len(magnets):
            time.sleep(0.05)
        return time.perf_counter() - began

    def read_tags(self, infohash: str) -> str:
        """The tags of one torrent, as the server lists them."""
        return str(json.loads(self._send("torrents/info", hashes=infohash).read())[0]["tags"])

    def close(self) -> None:
        """Hang up."""
        self._http.close()
