"""REST before a real qBittorrent: what is handed in is there, changed and gone when the wait is over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent
from tests.support.watch_process import start_watch
from tests.support.web import FixedWebServer

TOKEN: Final = "a-token-of-a-good-length"
HEAD: Final = "intake: {file: intake.yaml, instance: box, max_delete: 2}\n"


@pytest.mark.builds("5.3.0")
def test_torrents_come_change_and_go(server: QbittorrentServer, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.add_instance(server.url, server.username, server.password)
    home.write(make_entry(1, paused=True), head=HEAD)
    (tmp_path / "token").write_text(TOKEN)
    passkey = "0123456789abcdef"
    with start_watch(home, "--listen", "127.0.0.1:0", "--token-file", "token") as watch:
        watch.wait_until(lambda: watch.has_logged("http listening"))
        url = next(line["url"] for line in watch.log if line["event"] == "http listening") + "/api/v1"
        path = f"{url}/torrents/{make_infohash(2)}"
        magnet = f"{make_magnet(2)}&tr=http%3A%2F%2F127.0.0.9%2F{passkey}%2Fannounce"
        added = send("POST", f"{url}/torrents?wait=45s", {"magnet": magnet, "labels": {"movie_id": 12}})
        assert (added.status_code, added.json()["reached"], added.headers["Location"]) == (
            201,
            True,
            f"/api/v1/torrents/{make_infohash(2)}",
        )
        assert added.json()["torrent"]["instances"] == ["box"]
        changed = send("PATCH", f"{path}?wait=45s", {"tags": ["a"], "paused": True})
        assert (changed.json()["reached"], changed.json()["torrent"]["tags"]) == (True, ["a"])
        row = RawClient(server).list_torrents()[make_infohash(2)]
        assert "a" in row["tags"] and row["state"] == "stoppedDL"
        listed = requests.get(f"{url}/torrents?label=movie_id:12", timeout=30)
        assert [torrent["infohash"] for torrent in listed.json()["torrents"]] == [make_infohash(2)]
        assert passkey not in added.text + changed.text + listed.text
        gone = send("DELETE", f"{path}?wait=45s")
        assert (gone.status_code, gone.json()["torrent"]) == (200, None)
        assert list(RawClient(server).list_torrents()) == [make_infohash(1)]
        with FixedWebServer({"/a.torrent": make_torrent(3)}) as web:
            by_url = send("POST", f"{url}/torrents?wait=45s", {"torrent": web.url_of("/a.torrent"), "paused": True})
        assert by_url.status_code == 201, watch.err
        assert by_url.json()["torrent"]["name"] == "torrent-3"
        refused = send("PATCH", f"{url}/torrents/{make_infohash(1)}", {"tags": ["a"]})
        assert (refused.status_code, refused.json()["problems"][0]["file"]) == (409, "desired.yaml")
        for keys in ({"tags": ["reconcile:x"]}, {"save_path": "relative"}, {"nonsense": 1}):
            wrong = send("POST", f"{url}/torrents", {"magnet": make_magnet(4), **keys})
            assert (wrong.status_code, len(wrong.json()["problems"])) == (400, 1)
        assert passkey not in "".join(watch.err)


def send(method: str, url: str, body: Any = None) -> requests.Response:
    """Send a change with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body)
    return requests.request(method, url, data=data, headers=headers, timeout=60)
