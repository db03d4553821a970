"""A hybrid torrent by its v1 hash, served by a second real server: its id changes, and it stays owned and single."""

from __future__ import annotations

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeServer
from tests.support.home import Home
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import introduce_peer, introduce_peer_in_background, make_magnet_link, seed_torrent
from tests.support.server_builds import Build
from tests.support.watch_process import start_watch

KEYS = "category: c, tags: [x], name: Mine"


@pytest.fixture
def seeder(make_server: MakeServer) -> QbittorrentServer:
    """A server that seeds the torrents."""
    return make_server()


def list_torrent_fields(truth: RawClient) -> list[tuple[str, str, str, set[str]]]:
    """Return id, name, category and tags of every torrent."""
    rows = truth.list_torrents().values()
    return [(r["hash"], r["name"], r["category"], {tag.strip() for tag in r["tags"].split(",")}) for r in rows]


def test_a_hybrid_changes_its_id_between_two_runs(
    home: Home, proxy: Proxy, truth: RawClient, server: QbittorrentServer, seeder: QbittorrentServer, build: Build
) -> None:
    hashes = seed_torrent(seeder, 1, "hybrid")
    home.write(f"{{magnet: '{make_magnet_link(hashes)}', {KEYS}}}")
    assert home.run().summary == {"add": 1, "settings": 1}
    introduce_peer(server, str(hashes.v1), seeder)
    key = build.get_id(hashes)
    assert list_torrent_fields(truth) == [(key, "Mine", "c", {"x", "reconcile:home"})]

    proxy.clear()
    assert home.run().summary == {"unchanged": 1}
    assert proxy.mutations == []
    truth.post("torrents/removeTags", hashes=key, tags="x")
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"update": 1})
    assert list_torrent_fields(truth) == [(key, "Mine", "c", {"x", "reconcile:home"})]
    home.write(
        f"{{magnet: '{make_magnet_link(seed_torrent(seeder, 2, 'v1'))}'}}", head="guard: {max_delete_percent: 100}"
    )
    assert home.run().summary == {"add": 1, "delete": 1}
    assert key not in truth.list_torrents()


def test_a_hybrid_changes_its_id_within_a_run(
    home: Home, proxy: Proxy, truth: RawClient, server: QbittorrentServer, seeder: QbittorrentServer, build: Build
) -> None:
    hashes = seed_torrent(seeder, 1, "hybrid")
    home.write(f"{{magnet: '{make_magnet_link(hashes)}', {KEYS}}}")
    with introduce_peer_in_background(server, str(hashes.v1), seeder):
        done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1, "settings": 1}), done.out
    assert list_torrent_fields(truth) == [(build.get_id(hashes), "Mine", "c", {"x", "reconcile:home"})]
    assert home.run().summary == {"unchanged": 1}


def test_a_hybrid_changes_its_id_under_a_watch(
    home: Home, proxy: Proxy, truth: RawClient, server: QbittorrentServer, seeder: QbittorrentServer, build: Build
) -> None:
    first, second = seed_torrent(seeder, 1, "hybrid"), seed_torrent(seeder, 2, "hybrid")
    home.write(f"{{magnet: '{make_magnet_link(first)}', {KEYS}}}")
    with start_watch(home) as watch:
        watch.wait_until(lambda: str(first.v1) in truth.list_torrents())
        introduce_peer(server, str(first.v1), seeder)
        key = build.get_id(first)
        watch.wait_until(lambda: key in truth.list_torrents())
        reads = proxy.read_count
        watch.wait_until(lambda: proxy.read_count >= reads + 3)
        truth.post("torrents/removeTags", hashes=key, tags="x")
        watch.wait_until(lambda: list_torrent_fields(truth) == [(key, "Mine", "c", {"x", "reconcile:home"})])
        home.write(f"{{magnet: '{make_magnet_link(first)}', {KEYS}}}", f"{{magnet: '{make_magnet_link(second)}'}}")
        introduce_peer(server, str(second.v1), seeder)
        watch.wait_until(lambda: set(truth.list_torrents()) == {key, build.get_id(second)})
        adds = proxy.count_requests("torrents/add")
        watch.wait_until(lambda: proxy.read_count >= reads + 8, within=40)
        assert proxy.count_requests("torrents/add") == adds == 2
        assert watch.stop() < 20
    assert watch.process.exit_code == 0
    server_alive = set(truth.list_torrents())
    assert server_alive == {key, build.get_id(second)}
    assert not [r for r in watch.reports if r["summary"]["failed"] or r["summary"]["delete"]]
