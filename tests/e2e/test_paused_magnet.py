"""A magnet link that is declared paused: it fetches metadata first only if files are declared."""

from __future__ import annotations

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import STOP_CONDITION_AT_ADD
from tests.conftest import MakeServer
from tests.support.home import Home
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import introduce_peer, make_magnet_link, seed_torrent
from tests.support.server_builds import Build

STOPPED = ("pausedDL", "stoppedDL")
FILES = "files: [{match: '*', priority: high}]"


@pytest.fixture
def seeder(make_server: MakeServer) -> QbittorrentServer:
    """A server that seeds the torrents."""
    return make_server()


def test_a_paused_magnet_with_declared_files_fetches_metadata_and_no_data(
    home: Home, proxy: Proxy, truth: RawClient, server: QbittorrentServer, seeder: QbittorrentServer, build: Build
) -> None:
    hashes = seed_torrent(seeder, 1, "v1")
    key = str(hashes.v1)
    home.write(f"{{magnet: '{make_magnet_link(hashes)}', paused: true, {FILES}}}")
    assert home.run().summary == {"add": 1}
    waits = home.run()
    assert (waits.exit_code, waits.summary) == (0, {"deferred": 1})
    if not build.has(STOP_CONDITION_AT_ADD):
        assert truth.list_torrents()[key]["state"] in STOPPED
        assert "which does not arrive while it is stopped" in waits.instance()["actions"][0]["reason"]
        return
    assert truth.list_torrents()[key]["state"] not in STOPPED
    reasons = {action["reason"] for action in waits.instance()["actions"]}
    assert "it waits for its metadata; it is stopped once that has arrived" in reasons

    introduce_peer(server, key, seeder)
    truth.wait_until(lambda: truth.list_torrents()[key]["state"] in STOPPED)
    assert truth.list_torrents()[key]["progress"] == 0
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"update": 1})
    assert [change["field"] for change in done.instance()["actions"][0]["changes"]] == ["files"]
    proxy.clear()
    assert home.run().summary == {"unchanged": 1}
    assert proxy.mutations == []


def test_a_paused_magnet_without_files_is_stopped_from_the_start(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write("{magnet: 'magnet:?xt=urn:btih:%s&dn=a', paused: true, name: b}" % ("1" * 40))
    assert home.run().summary == {"add": 1}
    assert truth.list_torrents()["1" * 40]["state"] in STOPPED
    assert home.run().summary == {"unchanged": 1}


@pytest.mark.builds("5.3.0", having=STOP_CONDITION_AT_ADD)
def test_the_stop_condition_alone_is_enough(
    home: Home, proxy: Proxy, server: QbittorrentServer, seeder: QbittorrentServer, build: Build
) -> None:
    hashes, truth = seed_torrent(seeder, 1, "hybrid"), RawClient(server)
    home.write(f"{{magnet: '{make_magnet_link(hashes)}', paused: true, stop_condition: metadata-received}}")
    assert home.run().summary == {"add": 1}
    introduce_peer(server, str(hashes.v1), seeder)
    truth.wait_until(lambda: truth.list_torrents()[build.get_id(hashes)]["state"] in STOPPED)
    assert home.run().summary == {"unchanged": 1}
