"""The rules of a server against ours: what one run applies is not undone by the server, or it is said."""

from __future__ import annotations

import json

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home, make_entry
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import DEFAULT_SIZE
from tests.support.torrents import make_content, make_torrent

MANUAL_ON_CHANGES = {
    "torrent_changed_tmm_enabled": False,
    "category_changed_tmm_enabled": False,
    "save_path_changed_tmm_enabled": False,
}


def _set_preferences(truth: RawClient, **values: object) -> None:
    truth.post("app/setPreferences", json=json.dumps(values))


def _declare_seed(home: Home, server: QbittorrentServer, keys: str) -> None:
    (server.downloads / "torrent-1").write_bytes(make_content(1, DEFAULT_SIZE))
    (home.folder / "1.torrent").write_bytes(make_torrent(1, size=DEFAULT_SIZE))
    home.write(f"{{torrent: 1.torrent, save_path: '{server.downloads}', skip_checking: true, paused: false{keys}}}")


def _is_stopped(truth: RawClient) -> bool:
    return [row["state"] in ("stoppedUP", "pausedUP") for row in truth.list_torrents().values()] == [True]


def test_what_a_declared_share_limit_did_is_as_declared(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    _declare_seed(home, server, ", share_limits: {ratio: 0}")
    assert home.run().exit_code == 0
    truth.wait_until(lambda: _is_stopped(truth))
    proxy.clear()
    done = home.run()
    assert (done.exit_code, done.summary, proxy.mutations) == (0, {"unchanged": 1}, [])
    _declare_seed(home, server, ", share_limits: {ratio: 5}")
    raised = home.run()
    assert (raised.exit_code, raised.actions()) == (0, ["update torrent-1 share_limits.ratio,paused applied"])
    assert home.run().summary == {"unchanged": 1}


@pytest.mark.parametrize("version", ["4.2.5", "5.3.0"])
def test_a_limit_of_the_server_contests_a_torrent_that_is_declared_running(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    _set_preferences(truth, max_ratio_enabled=True, max_ratio=0)
    _declare_seed(home, server, "")
    assert home.run().exit_code == 0
    truth.wait_until(lambda: _is_stopped(truth))
    proxy.clear()
    done = home.run()
    assert (done.exit_code, done.summary, proxy.mutations) == (0, {"deferred": 1}, [])
    assert "contested: it has reached a share limit of the server" in done.instance()["actions"][0]["reason"]


def test_declared_automatic_management_outlasts_changes_of_categories(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    _set_preferences(truth, **MANUAL_ON_CHANGES)

    def run(category: str, path: str) -> None:
        """Run until the end, and see that the next run changes nothing."""
        paths = {"one": f"{server.downloads}/one", "two": f"{server.downloads}/{path}"}
        head = "categories: " + json.dumps({name: {"save_path": paths[name]} for name in paths})
        home.write(make_entry(1, category=category, auto_tmm=True, paused=True), head=head)
        assert home.run().exit_code == 0
        row = truth.read_torrent(1)
        assert (row["auto_tmm"], row["save_path"].rstrip("/")) == (True, paths[category])
        proxy.clear()
        assert (home.run().summary, proxy.mutations) == ({"unchanged": 1}, [])

    run("one", "two")
    run("two", "two")
    run("two", "three")
