"""A bare HTTP client of a server, independent of the code under test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from reconciler.demo.servers import QbittorrentServer
from tests.support.magnets import make_infohash
from tests.support.proxy import READ_ENDPOINTS
from tests.support.subjects import describe_subjects


class RawRefusal(OSError):
    """A server answered a request with an error status."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The answer to a request."""

    status_code: int
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.content)


class RawClient:
    """A client that may do everything, and reads and changes a server as a person with a browser would.

    It polls servers thousands of times, so it speaks through urllib3 alone: requests costs three times as much.
    """

    def __init__(self, server: QbittorrentServer) -> None:
        source = (server.trusted_client, 0) if server.trusted_client else None
        self._pool = urllib3.HTTPConnectionPool(
            server.host, server.port, timeout=60, maxsize=4, retries=False, source_address=source
        )
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if not server.trusted_client:
            self.post("auth/login", username=server.username, password=server.password)

    def post(self, path: str, /, **form: Any) -> RawAnswer:
        """Send a request. Raises `RawRefusal` for an error status, and `ConnectionError` if there is no answer.

        A server that was busy for seconds closes its idle connections, even if a request arrives: reads are repeated.
        """
        try:
            answer = self._send(path, form)
        except ConnectionError:
            if not READ_ENDPOINTS.fullmatch(path):
                raise
            answer = self._send(path, form)
        if answer.status_code >= 400:
            raise RawRefusal(f"{path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _send(self, path: str, form: Mapping[str, Any]) -> RawAnswer:
        fields = [(name, value) for name, value in form.items() if value is not None]
        body = urlencode(fields, doseq=True)
        try:
            response = self._pool.urlopen("POST", f"/api/v2/{path}", body, self._headers)
        except HTTPError as error:
            raise ConnectionError(f"{path}: {error}") from error
        if cookie := response.headers.get("Set-Cookie"):
            self._headers = {**self._headers, "Cookie": cookie.partition(";")[0]}
        return RawAnswer(response.status, response.data)

    def list_torrents(self) -> dict[str, dict[str, Any]]:
        """Every torrent by its id."""
        return {row["hash"]: row for row in self.post("torrents/info").json()}

    def read_torrent(self, number: int) -> dict[str, Any]:
        """The made-up torrent with that number; its tags as a set under `tags`."""
        row = self.list_torrents()[make_infohash(number)]
        return {**row, "tags": {tag.strip() for tag in row["tags"].split(",")} - {""}}

    def list_stopped(self) -> set[str]:
        """Return the ids of the torrents with a stop intent, in any state."""
        name = "stopped" if self._has_endpoint("torrents/stop") else "paused"
        return {row["hash"] for row in self.post("torrents/info", filter=name).json()}

    def list_shown_stopped(self) -> set[str]:
        """Return the ids of the torrents with a stopped state, which lags the intent by up to 1.5 s."""
        return {key for key, row in self.list_torrents().items() if row["state"].startswith(("stopped", "paused"))}

    def list_categories(self) -> dict[str, dict[str, Any]]:
        """Every category by its name."""
        return dict(self.post("torrents/categories").json())

    def add_magnets(self, magnets: Iterable[str], **options: Any) -> None:
        """Add magnets, stopped, and wait until they are listed."""
        links = list(magnets)
        before = len(self.list_torrents())
        form = {"urls": "\n".join(links), "paused": "true", "stopped": "true", "autoTMM": "false", **options}
        self.post("torrents/add", **form)
        self.wait_until(lambda: len(self.list_torrents()) >= before + len(links))

    def add_tags(self, numbers: Iterable[int], *tags: str) -> None:
        """Put tags on made-up torrents."""
        self.post("torrents/addTags", hashes="|".join(map(make_infohash, numbers)), tags=",".join(tags))

    def remove_tags(self, numbers: Iterable[int], *tags: str) -> None:
        """Take tags off made-up torrents."""
        self.post("torrents/removeTags", hashes="|".join(map(make_infohash, numbers)), tags=",".join(tags))

    def stop_torrents(self, *numbers: int) -> None:
        """Stop made-up torrents."""
        self._switch_torrents("stop", "pause", numbers)

    def start_torrents(self, *numbers: int) -> None:
        """Start made-up torrents."""
        self._switch_torrents("start", "resume", numbers)

    def _switch_torrents(self, new: str, old: str, numbers: Iterable[int]) -> None:
        call = new if self._has_endpoint("torrents/stop") else old
        self.post(f"torrents/{call}", hashes="|".join(map(make_infohash, numbers)))

    def _has_endpoint(self, path: str) -> bool:
        return self._send(path, {"hashes": "0" * 40}).status_code != 404

    def describe_state(self) -> str:
        """Return its torrents and the end of its log, for a failed test."""
        fields = ("state", "progress", "category", "tags", "save_path", "dl_limit", "up_limit")
        rows = [f"{key} {[row[field] for field in fields]}" for key, row in self.list_torrents().items()]
        messages = [message["message"] for message in self.post("log/main").json()]
        return "\n".join([*rows[:20], f"{len(rows)} torrents", *messages[-20:]])

    @staticmethod
    def wait_until(condition: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until a condition holds. Raises `AssertionError` with the last state of all that it looks at."""
        began = time.monotonic()
        while not condition():
            passed = time.monotonic() - began
            if passed > timeout:
                raise AssertionError(f"it did not happen in {timeout:g} s\n{describe_subjects(condition)}")
            time.sleep(min(0.1, max(0.02, passed / 10)))  # a poll costs both sides some milliseconds
