"""Data is not moved away from other torrents, and settings do not alter them, on real servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import SKIPPED_FILES_STAY
from reconciler.qbittorrent import Session
from tests.support.home import Home, make_entry
from tests.support.instances import make_instance
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.torrents import make_content, make_torrent
from tests.support.watch_process import start_watch

NAME = "torrent-1"


def make_twin(name: str) -> tuple[bytes, str]:
    """A .torrent file of the same data as all others of this module, and its infohash."""
    data = make_torrent(1, extra_info={"source": name})
    return data, str(parse_metainfo(data).infohashes)


def add_complete_twin(server: QbittorrentServer, name: str, folder: Path) -> str:
    """Add a torrent whose data is in the folder already, and return its infohash once it is complete."""
    data, key = make_twin(name)
    with Session(make_instance(server)) as session:
        session.add_torrent_files({"a": data}, AddOptions(stopped=False, auto_tmm=False, save_path=str(folder)))
    raw = RawClient(server)
    raw.wait_until(lambda: is_complete_at(raw, key, folder))
    return key


def is_complete_at(raw: RawClient, key: str, folder: Path) -> bool:
    """Return True if the torrent is complete, and in that folder."""
    row = raw.list_torrents().get(key, {})
    return row.get("progress") == 1 and row["save_path"].rstrip("/") == str(folder)


def test_a_move_leaves_no_other_torrent_without_its_data(
    server: QbittorrentServer, proxy: Proxy, truth: RawClient, home: Home, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / NAME).write_bytes(make_content(1))
    foreign, ours = add_complete_twin(server, "foreign", old), add_complete_twin(server, "ours", old)
    for name in ("foreign", "ours"):
        (home.folder / f"{name}.torrent").write_bytes(make_twin(name)[0])

    def declare(*names: str) -> None:
        home.write(*(json.dumps({"torrent": f"{name}.torrent", "save_path": str(new)}) for name in names))

    declare("ours")
    blocked = home.run()
    assert blocked.exit_code == 1
    assert blocked.actions() == ["adopt torrent-1 owner applied", "update torrent-1 save_path blocked"]
    (reason,) = blocked.instance()["guard"]["reasons"]
    assert blocked.report["plan_hash"] in reason
    (move,) = [action for action in blocked.instance()["actions"] if action["outcome"] == "blocked"]
    assert move["blast"]["shares_files_with"] == [foreign]
    assert (old / NAME).exists()

    declare("ours", "foreign")
    moved = home.run()
    assert moved.exit_code == 0, moved.out
    # No recheck: one that follows a move at once never ends on 4.5.2, now and then
    truth.wait_until(lambda: is_complete_at(truth, ours, new) and is_complete_at(truth, foreign, new))
    assert (new / NAME).read_bytes() == make_content(1) and not (old / NAME).exists()
    proxy.clear()
    assert home.run().summary == {"unchanged": 2}
    assert proxy.mutations == []


def test_an_accepted_plan_moves_the_data(any_server: QbittorrentServer, box: Proxy, home: Home, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / NAME).write_bytes(make_content(1))
    add_complete_twin(any_server, "foreign", old)
    ours = add_complete_twin(any_server, "ours", old)
    (home.folder / "ours.torrent").write_bytes(make_twin("ours")[0])
    home.write(json.dumps({"torrent": "ours.torrent", "save_path": str(new)}))
    planned = home.run("--dry-run")
    assert planned.exit_code == 1
    assert home.run("--accept-plan", planned.report["plan_hash"]).exit_code == 0
    assert is_complete_at(RawClient(any_server), ours, new)


@pytest.mark.builds("4.2.5", lacking=SKIPPED_FILES_STAY)
def test_a_skipped_file_is_not_moved_away_from_another_torrent(
    server: QbittorrentServer, proxy: Proxy, truth: RawClient, home: Home, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(make_content(1))
    foreign = add_complete_twin(server, "foreign", tmp_path)
    add_complete_twin(server, "ours", tmp_path)
    (home.folder / "ours.torrent").write_bytes(make_twin("ours")[0])
    home.write(json.dumps({"torrent": "ours.torrent", "files": [{"match": "*", "priority": "skip"}]}))
    blocked = home.run()
    assert blocked.actions() == ["adopt torrent-1 owner applied", "update torrent-1 files blocked"]
    assert (tmp_path / NAME).exists() and is_complete_at(truth, foreign, tmp_path)


@pytest.mark.builds("4.2.5", lacking=SKIPPED_FILES_STAY)
def test_files_are_skipped_by_the_run_after_that_in_which_a_torrent_that_shares_them_is_deleted(
    server: QbittorrentServer, proxy: Proxy, truth: RawClient, home: Home, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(make_content(1))
    add_complete_twin(server, "ours", tmp_path)
    truth.post("torrents/addTags", hashes=add_complete_twin(server, "old", tmp_path), tags="reconcile:home")
    (home.folder / "ours.torrent").write_bytes(make_twin("ours")[0])
    home.write(json.dumps({"torrent": "ours.torrent", "files": [{"match": "*", "priority": "skip"}]}))
    done = home.run()
    deferred = ["adopt torrent-1 owner applied", "update torrent-1 files deferred", "delete torrent-1 owner applied"]
    assert (done.exit_code, done.actions()) == (0, deferred)
    assert (tmp_path / NAME).exists()
    assert home.run().actions() == ["update torrent-1 files applied"]
    proxy.clear()
    assert (home.run().summary, proxy.mutations) == ({"unchanged": 1}, [])


def test_a_setting_that_torrents_of_others_follow_is_left_alone(
    any_server: QbittorrentServer, box: Proxy, home: Home, tmp_path: Path
) -> None:
    raw = RawClient(any_server)
    raw.post("torrents/createCategory", category="linux", savePath=str(tmp_path / "theirs"))
    raw.add_magnets([make_magnet(number) for number in (1, 2, 3)], category="linux", autoTMM="true")
    raw.add_tags([1], "reconcile:home")
    home.write(make_entry(1), head=f"categories: {{linux: {{save_path: {tmp_path / 'ours'}}}}}")
    box.clear()
    refused = home.run()
    assert refused.exit_code == 3
    assert refused.instance()["guard"]["reasons"] == [
        "the change of category linux alters 2 torrents that are not ours, and 1 of ours"
    ]
    (category,) = refused.instance()["actions"]
    assert (category["blast"]["torrents"], category["blast"]["foreign"]) == (3, 2)
    with start_watch(home) as watch:
        watch.wait_until(lambda: any(report["guard"]["refused"] for report in watch.reports))
        watch.stop()
    assert box.mutations == []
    assert raw.list_categories()["linux"]["savePath"] == str(tmp_path / "theirs")
    assert all(row["auto_tmm"] for row in raw.list_torrents().values())

    assert home.run("--accept-plan", refused.report["plan_hash"]).exit_code == 0
    assert raw.list_categories()["linux"]["savePath"] == str(tmp_path / "ours")
    assert raw.list_torrents()[make_infohash(2)]["auto_tmm"] is False
