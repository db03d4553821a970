"""The truth about a server, seen and changed with nothing of ours in between: a bare HTTP client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import requests

from reconciler.demo.servers import Server
from tests.support.magnets import infohash


class Raw:
    """A logged-in admin on a server; what a person with a browser would see and do."""

    def __init__(self, server: Server) -> None:
        self._base = f"{server.url}/api/v2/"
        self._session = requests.Session()
        self._session.trust_env = False
        self.post("auth/login", username=server.username, password=server.password)

    def post(self, path: str, /, **form: Any) -> requests.Response:
        """Any call; raises for an error status."""
        answer = self._session.post(self._base + path, data=form, timeout=30)
        answer.raise_for_status()
        return answer

    def torrents(self) -> dict[str, dict[str, Any]]:
        """Every torrent by its id."""
        return {row["hash"]: row for row in self.post("torrents/info").json()}

    def torrent(self, number: int) -> dict[str, Any]:
        """The made-up torrent with that number; its tags as a set under `tags`."""
        row = self.torrents()[infohash(number)]
        return {**row, "tags": {tag.strip() for tag in row["tags"].split(",")} - {""}}

    def stopped(self) -> set[str]:
        """Ids of the torrents that are meant to be stopped, whatever their state says."""
        name = "stopped" if self._has("torrents/stop") else "paused"
        return {row["hash"] for row in self.post("torrents/info", filter=name).json()}

    def shown_stopped(self) -> set[str]:
        """Ids of the torrents whose state says so, which lags the intent by up to 1.5 s."""
        return {key for key, row in self.torrents().items() if row["state"].startswith(("stopped", "paused"))}

    def categories(self) -> dict[str, dict[str, Any]]:
        """Every category by its name."""
        return dict(self.post("torrents/categories").json())

    def add(self, magnets: Iterable[str], **options: Any) -> None:
        """Add magnets, stopped, and wait until they are listed."""
        links = list(magnets)
        before = len(self.torrents())
        form = {"urls": "\n".join(links), "paused": "true", "stopped": "true", "autoTMM": "false", **options}
        self.post("torrents/add", **form)
        self.eventually(lambda: len(self.torrents()) >= before + len(links))

    def tag(self, numbers: Iterable[int], *tags: str) -> None:
        """Put tags on made-up torrents."""
        self.post("torrents/addTags", hashes="|".join(map(infohash, numbers)), tags=",".join(tags))

    def untag(self, numbers: Iterable[int], *tags: str) -> None:
        """Take tags off made-up torrents."""
        self.post("torrents/removeTags", hashes="|".join(map(infohash, numbers)), tags=",".join(tags))

    def stop(self, *numbers: int) -> None:
        """Stop made-up torrents."""
        self._switch("stop", "pause", numbers)

    def start(self, *numbers: int) -> None:
        """Start made-up torrents."""
        self._switch("start", "resume", numbers)

    def _switch(self, new: str, old: str, numbers: Iterable[int]) -> None:
        call = new if self._has("torrents/stop") else old
        self.post(f"torrents/{call}", hashes="|".join(map(infohash, numbers)))

    def _has(self, path: str) -> bool:
        return self._session.post(self._base + path, data={"hashes": "0" * 40}, timeout=30).status_code != 404

    @staticmethod
    def eventually(condition: Callable[[], bool], within: float = 20.0) -> None:
        """Wait for something that the server does in its own time."""
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.05)
