"""Changes that services ask of a gateway happen on the server, with the paths and the keys of their login."""

from __future__ import annotations

from pathlib import Path

import qbittorrentapi

from reconciler.model.torrent_file import identify_torrent
from tests.conftest import MakeServer
from tests.support.gateway import start_gateway
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent

KEY = "qbt_" + "k" * 28
HEAD = (
    "intake: {file: intake.yaml}\n"
    f"gateway: {{username: arr, password: {{env: GATEWAY_PASSWORD}}, api_key: {KEY}, trusted: 127.0.0.9}}\n"
)


def test_files_trackers_and_paths_are_changed_on_the_server(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server()
    truth = RawClient(server)
    data = make_torrent(5, trackers=["http://127.0.0.9/a"])
    infohash = str(identify_torrent(data).infohashes)
    path_map = f"path_map: {{{server.downloads}: /mnt/box}}"
    with start_gateway(Home(tmp_path), server, make_entry(1, paused=True), head=HEAD, more=path_map) as world:
        client = qbittorrentapi.Client(world.url, EXTRA_HEADERS={"Authorization": f"Bearer {KEY}"})
        added = client.torrents_add(torrent_files=data, is_stopped=True, save_path="/mnt/box/films")
        assert added == "Ok."
        client.torrents_file_priority(infohash, 0, 7)  # whether or not an instance has it yet
        client.torrents_edit_tracker(infohash, "http://127.0.0.9/a", "http://127.0.0.9/b")
        world.wait_until(lambda: infohash in truth.list_torrents())
        assert truth.list_torrents()[infohash]["save_path"] == f"{server.downloads}/films"
        world.wait_until(lambda: client.torrents_info(torrent_hashes=infohash)[0]["added_on"] != -1)  # it is read
        assert client.torrents_info(torrent_hashes=infohash)[0]["save_path"] == "/mnt/box/films"
        client.torrents_set_location("/mnt/box/series", infohash)
        client.torrents_add_tags("seen", infohash)
        world.wait_until(lambda: truth.post("torrents/files", hash=infohash).json()[0]["priority"] == 7)
        world.wait_until(lambda: list_trackers(truth, infohash) == ["http://127.0.0.9/b"])
        world.wait_until(lambda: truth.list_torrents()[infohash]["save_path"] == f"{server.downloads}/series")
        world.wait_until(lambda: "seen" in truth.list_torrents()[infohash]["tags"])
        truth.post("torrents/addTags", hashes=infohash, tags="by hand")
        client.torrents_remove_tags("seen", infohash)
        world.wait_until(lambda: "seen" not in truth.list_torrents()[infohash]["tags"])
        assert "by hand" in truth.list_torrents()[infohash]["tags"], "it counts, although no row has shown it yet"
        answer = world.gateway.post("torrents/addTags", hashes=f"{infohash}|{make_infohash(1)}", tags="seen")
        assert answer.status_code == 409
        assert f"{make_infohash(1)} is declared at " in answer.text and "desired.yaml:" in answer.text
        assert world.gateway.post("torrents/add", urls=make_magnet(2), cookie="key=secret").status_code == 400
        assert not world.watch.has_logged("secret") and not world.watch.has_logged(KEY)


def list_trackers(truth: RawClient, infohash: str) -> list[str]:
    """The trackers of a torrent."""
    rows = truth.post("torrents/trackers", hash=infohash).json()
    return [row["url"] for row in rows if not row["url"].startswith("** [")]
