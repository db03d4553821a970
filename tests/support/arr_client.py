"""The requests that Sonarr and Radarr send to qBittorrent, in their order and form.

Read from `QBittorrent.cs` and `QBittorrentProxyV2.cs` of both, which differ in the category's name, tags and the API
key, all of which only Sonarr has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import requests

from tests.support.raw import RawClient

POST_IMPORT_SUFFIX: Final = "-imported"
_FAILED: Final = "Fails."


class ArrClient:
    """One of the programs. `api_key`: sent instead of a login."""

    def __init__(self, url: str, username: str, password: str, category: str, api_key: str = "") -> None:
        self._base, self._username, self._password = f"{url}/api/v2/", username, password
        self.category = category
        self._session = requests.Session()
        self._session.trust_env = False
        self._api_key = api_key
        if api_key:
            self._session.headers["Authorization"] = f"Bearer {api_key}"

    def test_connection(self) -> None:
        """Send the requests of the button "Test", and raise where it would show an error."""
        supported = self._session.get(self._base + "app/webapiVersion", timeout=30)
        assert supported.status_code in (200, 403), "403 without a session means: supported"
        version = tuple(int(part) for part in self._get("app/webapiVersion").text.split("."))
        assert version >= (2, 8, 1), "share limits are sent with an add"
        preferences = self.read_preferences()
        removes = preferences["max_ratio_act"] in (1, 3)
        limits = preferences["max_ratio_enabled"] or preferences["max_seeding_time_enabled"]
        assert not (limits and removes), "it would complain that torrents are removed at their ratio"
        assert isinstance(preferences["queueing_enabled"], bool) and isinstance(preferences["dht"], bool)
        for name in (self.category, self.category + POST_IMPORT_SUFFIX):
            if name not in self.read_categories():
                self._post("torrents/createCategory", {"category": name})
                assert name in self.read_categories(), "it would say that the category cannot be added"
        self.poll()

    def read_preferences(self) -> dict[str, Any]:
        """Read the keys that are used."""
        preferences: dict[str, Any] = self._get("app/preferences").json()
        assert preferences["save_path"].startswith("/")
        return preferences

    def read_categories(self) -> dict[str, Any]:
        """Read the categories; `savePath` of one is where its torrents go."""
        categories: dict[str, Any] = self._get("torrents/categories").json()
        assert all(isinstance(category["savePath"], str) for category in categories.values())
        return categories

    def add_magnet(self, magnet: str, infohash: str, *, is_recent: bool = True) -> None:
        """Add a magnet link with limits, wait for it as long as they do, and give it priority."""
        assert self.read_preferences()["dht"] or "&tr=" in magnet
        form = {"urls": magnet, **self._make_add_form(), "ratioLimit": "1.5", "seedingTimeLimit": "4320"}
        assert self._post("torrents/add", form).text != _FAILED
        RawClient.wait_until(lambda: self.is_loaded(infohash), 10)  # they wait for one second
        if is_recent:
            reply = self._send("POST", "torrents/topPrio", data={"hashes": infohash})
            assert reply.status_code in (200, 409), "409: queueing is off"
            self._post("torrents/setForceStart", {"hashes": infohash, "value": "true"})

    def add_file(self, name: str, content: bytes, infohash: str, *tags: str) -> None:
        """Add a .torrent file, wait for it, and tag it."""
        files: dict[str, Any] = {"torrents": (name, content, "application/octet-stream")}
        assert self._send("POST", "torrents/add", data=self._make_add_form(), files=files).text != _FAILED
        RawClient.wait_until(lambda: self.is_loaded(infohash), 10)
        if tags:
            self._post("torrents/addTags", {"hashes": infohash, "tags": ",".join(tags)})

    def is_loaded(self, infohash: str) -> bool:
        """True if the torrent has properties at once."""
        return self._send("GET", "torrents/properties", params={"hash": infohash}).status_code == 200

    def poll(self, category: str = "") -> dict[str, dict[str, Any]]:
        """Read the torrents of a category, with the keys that are used."""
        rows = self._get("torrents/info", {"category": category or self.category}).json()
        for row in rows:
            assert isinstance(row["size"], int) and 0 <= row["progress"] <= 1 and row["eta"] >= 0
            assert (
                isinstance(row["ratio"], int | float) and row["ratio_limit"] >= -2 and row["seeding_time_limit"] >= -2
            )
            assert isinstance(row["last_activity"], int) and row["inactive_seeding_time_limit"] >= -2
            assert row["category"] == (category or self.category) and isinstance(row["save_path"], str)
        return {row["hash"]: row for row in rows}

    def has_completed(self, infohash: str) -> bool:
        """True if the torrent would be imported: it has finished, and its path is its own."""
        row = self.poll().get(infohash)
        finished = ("stoppedUP", "uploading", "stalledUP", "queuedUP", "forcedUP")
        return row is not None and row["state"] in finished and row["content_path"] != row["save_path"]

    def import_item(self, infohash: str) -> str:
        """Find the data of a torrent, and give the torrent its category after the import. Return the path."""
        properties = self._get("torrents/properties", {"hash": infohash}).json()
        files = self._get("torrents/files", {"hash": infohash}).json()
        assert properties["seeding_time"] >= 0
        self._post("torrents/setCategory", {"hashes": infohash, "category": self.category + POST_IMPORT_SUFFIX})
        return f"{properties['save_path']}/{files[0]['name'].partition('/')[0]}"

    def set_share_limits(self, infohash: str) -> None:
        """Set limits as the programs do where an add does not take them, with the limit that 5.1 wants besides."""
        form = {"ratioLimit": "2.0", "seedingTimeLimit": "-2", "inactiveSeedingTimeLimit": "-2"}
        self._post("torrents/setShareLimits", {"hashes": infohash, **form})

    def remove(self, infohash: str) -> None:
        """Remove a torrent with its data. Without, they leave `deleteFiles` out, which 5.1 answers with 400."""
        self._post("torrents/delete", {"hashes": infohash, "deleteFiles": "true"})

    def _make_add_form(self) -> dict[str, str]:
        """Return the options of an add. Their booleans are written as C# writes them."""
        return {
            "category": self.category,
            "stopped": "False",
            "sequentialDownload": "True",
            "firstLastPiecePrio": "True",
            "contentLayout": "Original",
        }

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> requests.Response:
        return self._send("GET", path, params=query, must_succeed=True)

    def _post(self, path: str, form: Mapping[str, str]) -> requests.Response:
        return self._send("POST", path, data=form, must_succeed=True)

    def _send(self, method: str, path: str, *, must_succeed: bool = False, **arguments: Any) -> requests.Response:
        """Send a request, and log in before it is sent again where there is no session."""
        reply = self._session.request(method, self._base + path, timeout=30, **arguments)
        if reply.status_code == 403 and not self._api_key:
            form = {"username": self._username, "password": self._password}
            login = self._session.post(self._base + "auth/login", data=form, timeout=30)
            assert login.ok and login.text in ("", "Ok.")
            reply = self._session.request(method, self._base + path, timeout=30, **arguments)
        if must_succeed:
            assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply
