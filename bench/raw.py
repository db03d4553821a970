"""The baselines: the cost of the bare Web API, with only a socket and a JSON parser, and of the bare YAML parser."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from ruamel.yaml import YAML

# the same as in `bench.world`, so that both sides send the same
ADD_OPTIONS = {
    **dict.fromkeys(("stopped", "paused"), "true"),
    "autoTMM": "false",
    "category": "linux",
    "savepath": "/tmp/bench/linux",
    "tags": "iso,reconcile:bench",
}

T = TypeVar("T")


class Server(Protocol):
    """A server on this machine that speaks the Web API."""

    @property
    def port(self) -> int:
        """The port that it listens on."""

    @property
    def username(self) -> str:
        """The name to log in with."""

    @property
    def password(self) -> str:
        """The password of that name."""


class RawConnection:
    """A logged-in connection without a client library. Times are in seconds."""

    def __init__(self, server: Server) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        response = self._send("auth/login", username=server.username, password=server.password)
        self._cookie = (response.getheader("Set-Cookie") or "").split(";")[0]
        response.read()

    def _send(self, path: str, **form: str) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": getattr(self, "_cookie", "")}
        self._http.request("POST", f"/api/v2/{path}", urlencode(form), headers)
        return self._http.getresponse()

    def count_torrents(self) -> int:
        """Read and parse the whole list. Return its length."""
        return len(json.loads(self._send("torrents/info").read()))

    def time_list(self) -> float:
        """Return the time of one whole list with its JSON parse."""
        started_at = time.perf_counter()
        self.count_torrents()
        return time.perf_counter() - started_at

    def time_page(self, limit: int) -> float:
        """Return the time of a sorted list of a few torrents, with its JSON parse."""
        started_at = time.perf_counter()
        assert len(json.loads(self._send("torrents/info", sort="name", limit=str(limit)).read())) == limit
        return time.perf_counter() - started_at

    def time_reply(self, path: str, **form: str) -> tuple[float, bytes]:
        """Return the time of one request on a new TCP connection, with its whole reply, and the reply."""
        self._http.close()  # the server may have done so, after some idle seconds
        started_at = time.perf_counter()
        body = self._send(path, **form).read()
        return time.perf_counter() - started_at, body

    def time_add(self, magnets: Sequence[str]) -> float:
        """Return the time to add magnets, a thousand per call, until all are listed."""
        started_at = time.perf_counter()
        for start in range(0, len(magnets), 1000):
            self._send("torrents/add", urls="\n".join(magnets[start : start + 1000]), **ADD_OPTIONS).read()
        while self.count_torrents() < len(magnets):
            time.sleep(0.05)
        return time.perf_counter() - started_at

    def read_tags(self, infohash: str) -> str:
        """Return the tags of one torrent, as the server lists them."""
        return str(json.loads(self._send("torrents/info", hashes=infohash).read())[0]["tags"])

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def time_yaml(paths: Sequence[Path]) -> float:
    """Return the time to load files one after the other with the C parser of ruamel.yaml, as plain data."""
    started_at = time.perf_counter()
    for path in paths:
        YAML(typ="safe").load(path)
    return time.perf_counter() - started_at


def measure_raw(server: Server, measure: Callable[[RawConnection], T]) -> T:
    """Measure on a fresh raw connection."""
    raw = RawConnection(server)
    try:
        return measure(raw)
    finally:
        raw.close()
