"""FlexGet's plugin `qbittorrent`: adds with category, tags, path and limits, by magnet link and by .torrent file."""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeServer
from tests.support.clients.programs import run_program
from tests.support.gateway_site import API_KEY, PASSWORD, USERNAME, start_gateway
from tests.support.home import Home
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent
from tests.support.web import FixedWebServer


def test_flexget_adds_and_finds_what_it_added(tmp_path: Path, make_server: MakeServer) -> None:
    server, home, content = make_server(), Home(tmp_path), make_torrent(1)
    home.add_instance(server.url, server.username, server.password)
    truth, infohash = RawClient(server), str(parse_metainfo(content).infohashes.v1)
    with FixedWebServer({"/1.torrent": content}) as web, start_gateway(home) as site:
        address = {"host": "127.0.0.1", "port": int(site.url.rpartition(":")[2])}
        output = {
            **address,
            "username": USERNAME,
            "password": PASSWORD,
            "path": f"{server.downloads}/linux",
            "label": "linux",
            "tags": ["one", "two"],
            "maxupspeed": 100,
            "ratio_limit": 1.5,
            "seeding_time_limit": "2 hours",
            "add_paused": True,
        }
        entries = [
            {"title": "by link", "url": make_magnet(7)},
            {"title": "by file", "url": web.url_of("/1.torrent")},
        ]
        tasks = {
            "add": {"disable": ["seen", "seen_info_hash"], "mock": entries, "accept_all": True, "qbittorrent": output},
            "read": {"from_qbittorrent": {**address, "api_key": API_KEY}, "accept_all": True, "dump": True},
        }
        (tmp_path / "config.yml").write_text(json.dumps({"tasks": tasks}))
        run_program("flexget", "-c", "config.yml", "execute", "--now", "--tasks", "add", folder=tmp_path)
        site.watch.wait_until(lambda: {make_infohash(7), infohash} == set(truth.list_torrents()))
        site.watch.wait_until(lambda: all(row["up_limit"] == 102_400 for row in truth.list_torrents().values()))
        for row in truth.list_torrents().values():
            assert (row["category"], row["save_path"]) == ("linux", f"{server.downloads}/linux")
            assert {"one", "two"} < set(row["tags"].split(", ")), "and our own"
            assert (row["ratio_limit"], row["seeding_time_limit"]) == (1.5, 120)
            assert row["state"].startswith("stopped")
        again = run_program("flexget", "-c", "config.yml", "execute", "--now", "--tasks", "add", folder=tmp_path)
        assert again.count("already in qbittorrent") == 2
        read = run_program("flexget", "-c", "config.yml", "execute", "--now", "--tasks", "read", folder=tmp_path)
        assert "torrent-7" in read and "torrent-1" in read
