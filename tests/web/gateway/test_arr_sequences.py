"""Sonarr, Radarr and cross-seed: their requests, replayed against qBittorrent 5.1 itself and against the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeServer
from tests.support.arr_client import POST_IMPORT_SUFFIX, ArrClient
from tests.support.cross_seed_client import CrossSeedClient
from tests.support.gateway_site import API_KEY, PASSWORD, USERNAME, start_gateway
from tests.support.home import Home
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.swarm import DEFAULT_SIZE, SESSION_SETTINGS, is_complete, write_data
from tests.support.torrents import make_content, make_torrent

TRACKER = "&tr=http%3A%2F%2F127.0.0.1%3A9%2Fannounce"  # nobody is there


@dataclass(frozen=True)
class Target:
    """Something that speaks the Web API, and the server that does the work."""

    url: str
    username: str
    password: str
    server: QbittorrentServer

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        RawClient.wait_until(condition)


@contextmanager
def open_target(is_gateway: bool, make_server: MakeServer, folder: Path) -> Iterator[Target]:
    """Start a server, and a gateway before it if that is wanted."""
    server = make_server(session=SESSION_SETTINGS)
    if not is_gateway:
        yield Target(server.url, server.username, server.password, server)
        return
    home = Home(folder)
    home.add_instance(server.url, server.username, server.password)
    with start_gateway(home) as site:
        yield Target(site.url, USERNAME, PASSWORD, server)


def make_file(number: int, source: str = "") -> tuple[bytes, str]:
    """Return the .torrent file of a made-up torrent, and its infohash."""
    content = make_torrent(number, size=DEFAULT_SIZE, extra_info={"source": source} if source else None)
    return content, str(parse_metainfo(content).infohashes.v1)


@pytest.mark.parametrize("is_gateway", [False, True], ids=["qbittorrent", "gateway"])
def test_sonarr_and_radarr_add_import_and_remove(is_gateway: bool, make_server: MakeServer, tmp_path: Path) -> None:
    content, infohash = make_file(1)
    with open_target(is_gateway, make_server, tmp_path) as target:
        folder = target.server.downloads
        if is_gateway:  # without a path of its own, the category determines where a torrent is
            folder /= "tv-sonarr"
        folder.mkdir(exist_ok=True)
        (folder / "torrent-1").write_bytes(make_content(1, DEFAULT_SIZE))
        truth = RawClient(target.server)
        sonarr = ArrClient(
            target.url, target.username, target.password, "tv-sonarr", api_key=API_KEY if is_gateway else ""
        )
        radarr = ArrClient(target.url, target.username, target.password, "radarr")
        for client in (sonarr, radarr):
            client.test_connection()
            client.test_connection()
        radarr.add_magnet(make_magnet(7) + TRACKER, make_infohash(7))
        sonarr.add_file("Episode.torrent", content, infohash, "anime", "subs")
        target.wait_until(lambda: sonarr.has_completed(infohash))
        assert not radarr.has_completed(make_infohash(7))
        radarr.set_share_limits(make_infohash(7))
        assert sonarr.import_item(infohash) == f"{folder}/torrent-1"
        assert infohash not in sonarr.poll()
        assert infohash in sonarr.poll("tv-sonarr" + POST_IMPORT_SUFFIX)
        target.wait_until(lambda: truth.list_torrents()[infohash]["category"] == "tv-sonarr" + POST_IMPORT_SUFFIX)
        target.wait_until(lambda: truth.read_torrent(7)["ratio_limit"] == 2)
        row = truth.read_torrent(7)
        assert (row["category"], row["seq_dl"], row["f_l_piece_prio"]) == ("radarr", True, True)
        assert row["force_start"]
        assert {"anime", "subs"} <= {tag.strip() for tag in truth.list_torrents()[infohash]["tags"].split(",")}
        sonarr.remove(infohash)
        radarr.remove(make_infohash(7))
        target.wait_until(lambda: not truth.list_torrents() and not (folder / "torrent-1").exists())
        target.wait_until(lambda: not sonarr.poll() and not radarr.poll())


@pytest.mark.parametrize("is_gateway", [False, True], ids=["qbittorrent", "gateway"])
def test_cross_seed_injects_beside_existing_data(is_gateway: bool, make_server: MakeServer, tmp_path: Path) -> None:
    (first, searchee), (second, injected) = make_file(1), make_file(1, "another tracker")
    with open_target(is_gateway, make_server, tmp_path) as target:
        write_data(target.server, 1)
        truth = RawClient(target.server)
        with requests.Session() as session:
            session.trust_env = False
            login = {"username": target.username, "password": target.password}
            assert session.post(f"{target.url}/api/v2/auth/login", data=login, timeout=30).text == "Ok."
            files = {"torrents": ("first.torrent", first)}
            form = {"category": "films", "savepath": str(target.server.downloads)}
            assert session.post(f"{target.url}/api/v2/torrents/add", data=form, files=files, timeout=30).text == "Ok."
        client = CrossSeedClient(target.url, target.username, target.password)
        target.wait_until(lambda: is_complete(truth, searchee))
        target.wait_until(lambda: {row["hash"]: row["progress"] for row in client.read_all()} == {searchee: 1})
        assert "films" in client.read_categories()
        client.inject("second.cross-seed.torrent", second, injected, searchee, "films")
        client.recheck(injected)
        target.wait_until(lambda: client.resume_if_checked(injected))
        target.wait_until(lambda: is_complete(truth, injected))
        row = truth.list_torrents()[injected]
        assert (row["category"], row["save_path"]) == ("films", str(target.server.downloads))
