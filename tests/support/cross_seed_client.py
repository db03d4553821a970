"""The requests that cross-seed sends to qBittorrent, in their order and form, read from its `QBittorrent.ts`.

Every one is a POST, also where it only reads, and the cookie is sent with its attributes, as it was set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import requests

from tests.support.raw import RawClient

TAG: Final = "cross-seed"
_FORM: Final = "application/x-www-form-urlencoded"
_COMPLETE: Final = ("uploading", "stoppedUP", "queuedUP", "stalledUP", "checkingUP", "forcedUP")
_STOPPED: Final = ("stoppedDL", "stoppedUP")


class CrossSeedClient:
    """A client that has logged in."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._base = f"{url}/api/v2"
        self._session = requests.Session()
        self._session.trust_env = False
        form = {"username": username, "password": password}
        reply = self._session.post(f"{self._base}/auth/login", data=form, timeout=30)
        assert reply.ok
        self._cookie = reply.headers["Set-Cookie"]
        self._session.cookies.clear()
        assert self._post("/app/version", "").startswith("v5"), (
            "then it stops and starts, and neither pauses nor resumes"
        )
        self._post("/torrents/createTags", f"tags={TAG}")
        assert self._read("/app/preferences", "").get("resume_data_storage_type") != "SQLite"

    def read_all(self) -> list[dict[str, Any]]:
        """Read all torrents, with their trackers as an option of the list or one by one."""
        rows: list[dict[str, Any]] = self._read("/torrents/info", "includeFiles=true&includeTrackers=true")
        for row in rows:
            files = row.get("files") or self._read("/torrents/files", f"hash={row['hash']}")
            trackers = row.get("trackers") or self._read("/torrents/trackers", f"hash={row['hash']}")
            assert all(isinstance(tracker["tier"], int) and isinstance(tracker["url"], str) for tracker in trackers)
            assert all(isinstance(file["name"], str) and file["size"] >= 0 for file in files)
            assert isinstance(row["tags"], str) and row["total_size"] >= -1 and isinstance(row["auto_tmm"], bool)
        return rows

    def read_categories(self) -> list[str]:
        """Read the names of the categories, with a body of no type."""
        reply = self._session.post(
            f"{self._base}/torrents/categories", b"", headers={"Cookie": self._cookie}, timeout=30
        )
        assert reply.ok
        return [category["name"] for category in reply.json().values()]

    def inject(self, name: str, content: bytes, infohash: str, searchee: str, category: str) -> None:
        """Add a torrent beside the data of another one, stopped and to be checked."""
        assert infohash not in {row["hash"] for row in self.read_all()}
        (row,) = self._read("/torrents/info", f"hashes={searchee}")
        assert row["state"] in _COMPLETE
        form = {
            "downloadPath": row["save_path"],
            "savepath": row["save_path"],
            "autoTMM": "false",
            "category": category,
            "tags": TAG,
            "contentLayout": "Original",
            "skip_checking": "false",
            "stopped": "true",
            "foo": "bar",  # always the last one
        }
        self._request("/torrents/add", form, {"torrents": (name, content, "application/x-bittorrent")})
        RawClient.wait_until(lambda: bool(self._read("/torrents/info", f"hashes={infohash}")), 10)
        (row,) = self._read("/torrents/info", f"hashes={infohash}")
        assert row["tags"] == TAG

    def recheck(self, infohash: str) -> None:
        """Stop a torrent, and check it."""
        self._post("/torrents/stop", f"hashes={infohash}")
        self._post("/torrents/recheck", f"hashes={infohash}")

    def resume_if_checked(self, infohash: str) -> bool:
        """Start a torrent that has been checked and is complete, and return True; False while it waits."""
        (row,) = self._read("/torrents/info", f"hashes={infohash}")
        if row["state"] not in _STOPPED or row["amount_left"] > 0:
            return False
        self._post("/torrents/start", f"hashes={infohash}")
        return True

    def _read(self, path: str, body: str) -> Any:
        return self._request(path, body).json()

    def _post(self, path: str, body: str) -> str:
        return self._request(path, body).text

    def _request(
        self, path: str, body: str | Mapping[str, str], files: Mapping[str, Any] | None = None
    ) -> requests.Response:
        headers = {"Cookie": self._cookie} | ({} if files else {"Content-Type": _FORM})
        reply = self._session.post(self._base + path, data=body, files=files, headers=headers, timeout=30)
        assert reply.ok, f"{path}: {reply.status_code} {reply.text}"
        return reply
