"""A bare HTTP client of a server, independent of the code under test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests

from reconciler.demo.servers import QbittorrentServer
from tests.support.magnets import make_infohash
from tests.support.proxy import READ_ENDPOINTS
from tests.support.subjects import describe_subjects


class SourceAddressAdapter(requests.adapters.HTTPAdapter):
    """Connects from one address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))


class RawClient:
    """A client that may do everything, and reads and changes a server as a person with a browser would."""

    def __init__(self, server: QbittorrentServer) -> None:
        self._base = f"{server.url}/api/v2/"
        self._session = requests.Session()
        self._session.trust_env = False
        if server.trusted_client:
            self._session.mount("http://", SourceAddressAdapter(server.trusted_client))
        else:
            self.post("auth/login", username=server.username, password=server.password)

    def post(self, path: str, /, **form: Any) -> requests.Response:
        """Send a request; raises for an error status.

        A server that was busy for seconds closes its idle connections, even if a request arrives: reads are repeated.
        """
        try:
            answer = self._send(path, form)
        except requests.ConnectionError:
            if not READ_ENDPOINTS.fullmatch(path):
                raise
            answer = self._send(path, form)
        answer.raise_for_status()
        return answer

    def _send(self, path: str, form: Mapping[str, Any]) -> requests.Response:
        return self._session.post(self._base + path, data=form, timeout=60)

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
            time.sleep(min(0.1, max(0.01, passed / 20)))  # often at first, for a poll costs a request
