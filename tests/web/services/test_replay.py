"""The adapters on a watch with a real server: what the programs send, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeServer
from tests.support.gateway_site import API_KEY, GatewaySite, start_gateway
from tests.support.home import Home
from tests.support.inbox import Inbox
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.swarm import DEFAULT_SIZE, SESSION_SETTINGS, has_file, write_data
from tests.support.torrents import make_torrent
from tests.support.web import FixedWebServer

CLIENT_FOLDER = "/media"  # where the programs see the folder of the server


@pytest.fixture
def server(make_server: MakeServer) -> QbittorrentServer:
    """A server that shows changes at once."""
    return make_server(session=SESSION_SETTINGS)


@pytest.fixture
def home(tmp_path: Path, server: QbittorrentServer) -> Home:
    """A folder with the server as the instance `box`, whose paths the programs see elsewhere."""
    home = Home(tmp_path)
    path_map = json.dumps({str(server.downloads): CLIENT_FOLDER})
    home.add_instance(server.url, server.username, server.password, more=f"path_map: {path_map}")
    return home


def read_status(site: GatewaySite, infohash: str) -> dict[str, Any]:
    """Return the status of one download, as the core asks for it."""
    (status,) = site.send("GET", f"/downloads?hashes={infohash}").json()["statuses"]
    return dict(status)


def test_the_bodies_of_rust_bangumi(home: Home, server: QbittorrentServer) -> None:
    truth, content = RawClient(server), make_torrent(1, size=DEFAULT_SIZE)
    infohash, magnet = str(parse_metainfo(content).infohashes.v1), make_infohash(7)
    write_data(server, 1)
    with Inbox() as core, FixedWebServer({"/Download/1.torrent": content}) as web:
        core.page = b'{"services": []}'
        register = {"url": f"http://{core.address}", "name": "qbittorrent", "host": "sidecar", "port": 9470}
        services = {"downloader": {"register": register}}
        with start_gateway(home, services=services, trusted=["127.0.0.0/8"]) as site:
            site.watch.wait_until(lambda: bool(core.posts))
            assert (core.posts[0].path, core.posts[0].json["service_name"]) == ("/services/register", "qbittorrent")
            assert site.watch.has_logged("peers of these networks need no credentials")
            assert (site.send("GET", "/health").status_code, site.send("GET", "/health").text) == (200, "OK")

            items = [
                {"url": make_magnet(7), "save_path": f"{CLIENT_FOLDER}/anime"},
                {"url": "magnet:?xt=urn:btih:abc123def456&dn=Example+Torrent", "save_path": "/downloads"},
                {"url": web.url_of("/Download/1.torrent"), "save_path": CLIENT_FOLDER},
            ]
            results = site.send("POST", "/downloads", {"items": items}).json()["results"]
            assert [(result["hash"], result["status"]) for result in results] == [
                (magnet, "accepted"),
                (None, "failed"),
                (infohash, "accepted"),
            ]
            site.watch.wait_until(lambda: read_status(site, infohash)["status"] == "completed")
            assert read_status(site, infohash) == {
                "hash": infohash,
                "status": "completed",
                "progress": 1.0,
                "size": DEFAULT_SIZE,
                "content_path": f"{CLIENT_FOLDER}/torrent-1",
                "files": [f"{CLIENT_FOLDER}/torrent-1"],
            }
            assert truth.list_torrents()[magnet]["save_path"] == f"{server.downloads}/anime"

            assert site.send("POST", f"/downloads/{magnet}/pause").status_code == 200
            site.watch.wait_until(lambda: read_status(site, magnet)["status"] == "paused")
            assert site.send("POST", f"/downloads/{magnet}/resume").status_code == 200
            site.watch.wait_until(lambda: read_status(site, magnet)["status"] == "downloading")
            assert site.send("POST", "/downloads/cancel", {"hashes": [magnet]}).json() == {
                "results": [{"hash": magnet, "status": "cancelled"}]
            }
            assert site.send("DELETE", f"/downloads/{infohash}?delete_files=true").status_code == 200
            site.watch.wait_until(lambda: not truth.list_torrents() and not has_file(server, 1))
            site.watch.wait_until(lambda: read_status(site, magnet)["status"] == "not_found")

            older = site.send("POST", "/download", {"link_id": 123, "url": make_magnet(8)})
            assert older.status_code == 201
            assert older.json() == {"status": "accepted", "hash": make_infohash(8), "error": None}
            site.watch.wait_until(lambda: make_infohash(8) in truth.list_torrents())


def test_the_other_adapters(home: Home, server: QbittorrentServer) -> None:
    truth = RawClient(server)
    write_data(server, 3)
    services: dict[str, Any] = {"router": {}, "radarr": {}, "creator": {"instance": "box"}}
    with start_gateway(home, services=services) as site:
        assert site.send("GET", "/api/downloads/").status_code == 401

        def send(method: str, path: str, body: Any = None) -> Any:
            reply = site.send(method, path, body, Authorization=f"Bearer {API_KEY}")
            assert reply.ok, reply.text
            return reply.json() if reply.content[:1] in (b"{", b"[") else reply.content

        book = {"title": "A book", "author": "A", "source": "MAM", "book_id": 123, "magnet_link": make_magnet(1)}
        number = send("POST", "/api/downloads/", book)["data"]["download_id"]
        release = {"guid": make_magnet(2), "indexerId": 4, "movieId": 12}
        movie = send("POST", "/api/v3/download", release)["id"]
        site.watch.wait_until(lambda: {make_infohash(1), make_infohash(2)} == set(truth.list_torrents()))
        assert send("GET", f"/api/downloads/{number}")["data"]["book_id"] == 123
        assert [download["id"] for download in send("GET", "/api/v3/download?movieId=12")] == [movie]
        send("PUT", f"/api/downloads/{number}/pause")
        site.watch.wait_until(lambda: make_infohash(1) in truth.list_shown_stopped())
        send("DELETE", f"/api/v3/download/{movie}")
        send("DELETE", f"/api/downloads/{number}")
        site.watch.wait_until(lambda: not truth.list_torrents())

        created = send("POST", "/api/torrent/create", {"path": f"{CLIENT_FOLDER}/torrent-3", "private": True})
        site.watch.wait_until(lambda: send("GET", created["status_url"])["status"] == "Finished")
        assert parse_metainfo(send("GET", created["download_url"])).name == "torrent-3"
        assert send("GET", "/api/qbittorrent/test")["success"]
        assert send("GET", "/api/qbittorrent/info")["torrent_creator_supported"]
    assert not truth.list_torrents(), "the creation adds nothing"
