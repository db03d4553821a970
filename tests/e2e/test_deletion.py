"""Deletions with data on real servers: what is reported about the data is what has become of it."""

from __future__ import annotations

import json

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import CONTENT_REMOVAL
from tests.support.home import Home
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import make_magnet_link, seed_torrent


def declare_absent(home: Home, *magnets: str) -> None:
    """Declare torrents absent, with their data."""
    home.write(*(json.dumps({"magnet": magnet, "state": "absent", "delete_files": True}) for magnet in magnets))


def test_data_is_reported_as_the_server_left_it(
    home: Home, proxy: Proxy, truth: RawClient, server: QbittorrentServer
) -> None:
    hashes = [seed_torrent(server, number, "v1") for number in (1, 2)]
    gone, kept = (server.downloads / f"torrent-{number}" for number in (1, 2))
    kept.unlink()
    kept.mkdir()
    (kept / "foreign").write_bytes(b"x")  # what is not empty cannot be deleted
    declare_absent(home, *map(make_magnet_link, hashes))
    planned = home.run("--dry-run")
    assert [action["blast"]["to_trash"] for action in planned.instance()["actions"]] == [False, False]
    done = home.run()
    assert done.exit_code == 1
    assert done.actions() == ["delete torrent-1 - applied", "delete torrent-2 - failed"]
    assert [action["removed"] for action in done.instance()["actions"]] == [True, True]
    assert (gone.exists(), kept.exists(), truth.list_torrents()) == (False, True, {})
    failed = done.instance()["actions"][1]
    assert failed["error"].startswith("removed, but its data is still there; its log says: ")
    assert done.instance()["deletions"]["with_data"] == 1
    assert (home.run().exit_code, home.run().summary) == (0, {"unchanged": 2})


@pytest.mark.builds("5.3.0", having=CONTENT_REMOVAL)
def test_a_trash_that_the_server_does_not_have_is_a_failure(
    home: Home, proxy: Proxy, truth: RawClient, server: QbittorrentServer
) -> None:
    truth.post("app/setPreferences", json=json.dumps({"torrent_content_remove_option": "MoveToTrash"}))
    (server.profile / ".local").write_text("no folder, so there can be no trash in it")
    hashes = seed_torrent(server, 1, "v1")
    declare_absent(home, make_magnet_link(hashes))
    assert "ITS DATA TO THE TRASH" in home.run_arguments("--dry-run").out
    done = home.run()
    (action,) = done.instance()["actions"]
    assert (server.downloads / "torrent-1").exists(), "this server has a trash"
    assert (done.exit_code, action["outcome"], action["removed"]) == (1, "failed", True)
    assert "torrent_content_remove_option" in action["error"]
    assert done.instance()["deletions"]["with_data"] == 0
