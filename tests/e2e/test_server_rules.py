"""The rules of a server against ours: a run does not fight them, and reports each that it leaves alone."""

from __future__ import annotations

import json

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import PIECE_ORDER_SHOWN, SHARE_LIMIT_ACTION
from tests.support.home import Home, make_entry
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import DEFAULT_SIZE
from tests.support.torrents import make_content, make_torrent, write_multi_file_torrent

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


@pytest.mark.builds("4.2.5", "5.3.0")
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


@pytest.mark.builds("5.3.0", having=SHARE_LIMIT_ACTION)
def test_a_torrent_that_its_own_limit_removed_is_not_added_again(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    _declare_seed(home, server, ", share_limits: {ratio: 0, action: remove}")
    assert home.run().summary == {"add": 1}
    truth.wait_until(lambda: not truth.list_torrents())
    proxy.clear()
    done = home.run("--detailed-exitcode", "--dry-run")
    assert (done.exit_code, done.summary) == (0, {"spared": 1})
    assert home.run().summary == {"spared": 1}
    assert proxy.mutations == []


@pytest.mark.builds("4.2.5", lacking=PIECE_ORDER_SHOWN)
def test_an_order_of_pieces_that_the_server_does_not_show_is_not_waited_for(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    """4.2.5 shows what the priorities of the pieces show: there are none if all is there, or if a file is empty."""
    _declare_seed(home, server, ", first_last_piece_first: true")
    _, file = write_multi_file_torrent(home.folder, "empty", {"a": b"", "b": b"x" * 50_000})
    home.file.write_text(f"{home.file.read_text()}  - {{torrent: {file.name}, first_last_piece_first: true}}\n")
    added = home.run()
    assert (added.exit_code, added.summary) == (0, {"add": 2})
    again = home.run()
    assert (again.exit_code, again.summary) == (0, {"unchanged": 1, "deferred": 1})
    (action,) = again.instance()["actions"]
    assert (action["name"], action["error"][:32]) == ("empty", "sent, but this qBittorrent does ")


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
