"""Pruning in two steps, and the effects of deletions in a plan, on all four real versions."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeServer
from tests.support.home import Home, make_entry
from tests.support.instances import write_torrent_file
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

OURS = "reconcile:home"
GONE = "reconcile:quarantine:2020-01-01"


def days_from_now(days: int) -> set[str]:
    """The quarantine tags that a run which began by now may set: midnight may fall into the test."""
    now = datetime.now(UTC)
    return {f"reconcile:quarantine:{(now - ago + timedelta(days)).date()}" for ago in (timedelta(), timedelta(hours=1))}


def test_a_quarantine_from_its_beginning_to_its_end(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1), make_entry(2), make_entry(3, paused=True), head="quarantine: 7d")
    assert home.run().exit_code == 0
    home.write(make_entry(1), head="quarantine: 7d")

    planned = home.run("--dry-run")
    assert planned.report["quarantines"]["torrents"] == 2
    begun = home.run()
    assert (begun.exit_code, begun.summary) == (0, {"update": 2, "unchanged": 1})
    assert begun.report["plan_hash"] == planned.report["plan_hash"]
    tags = {number: truth.read_torrent(number)["tags"] - {OURS} for number in (1, 2, 3)}
    assert tags[1] == set()
    assert tags[2] <= days_from_now(7) and tags[2]
    assert tags[3] == {f"{tag}:stopped" for tag in tags[2]}
    truth.wait_until(lambda: truth.list_stopped() == {make_infohash(2), make_infohash(3)})

    proxy.clear()
    waiting = home.run()
    assert (waiting.exit_code, waiting.summary, proxy.mutations) == (0, {"unchanged": 1, "spared": 2}, [])
    assert "in quarantine through" in waiting.instance()["spared"][0]["reason"]

    truth.remove_tags([2], *tags[2])
    truth.add_tags([2], GONE)
    ended = home.run()
    assert (ended.exit_code, ended.summary) == (0, {"delete": 1, "unchanged": 1, "spared": 1})
    assert truth.list_torrents().keys() == {make_infohash(1), make_infohash(3)}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_redeclaring_restores(home: Home, proxy: Proxy, truth: RawClient) -> None:
    every = (make_entry(1), make_entry(2), make_entry(3), make_entry(4, paused=True))
    home.write(*every, head="quarantine: 7d")
    assert home.run().exit_code == 0
    truth.stop_torrents(3)
    truth.wait_until(lambda: truth.list_shown_stopped() == {make_infohash(3), make_infohash(4)})
    home.write(make_entry(1), head="quarantine: 7d")
    assert home.run().summary == {"update": 3, "unchanged": 1}
    truth.wait_until(lambda: truth.list_stopped() == {make_infohash(2), make_infohash(3), make_infohash(4)})

    home.write(*every, head="quarantine: 7d")
    restored = home.run()
    assert (restored.exit_code, restored.summary) == (0, {"update": 3, "unchanged": 1})
    truth.wait_until(lambda: truth.list_stopped() == {make_infohash(3), make_infohash(4)})
    assert [truth.read_torrent(number)["tags"] for number in (1, 2, 3, 4)] == [{OURS}] * 4
    proxy.clear()
    assert home.run().summary == {"unchanged": 4}
    assert proxy.mutations == []


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_many_quarantines_are_refused_and_an_invalid_date_waits_for_a_person(
    home: Home, proxy: Proxy, truth: RawClient
) -> None:
    truth.add_magnets(map(make_magnet, range(5)))
    truth.add_tags(range(5), OURS)
    truth.add_tags([4], "reconcile:quarantine:tomorrow")
    home.write(make_entry(9), head="quarantine: 7d\nguard: {max_delete: 3}")
    refused = home.run()
    assert refused.exit_code == 3
    assert refused.instance()["guard"]["reasons"] == ["4 quarantines are more than max_delete 3"]
    assert proxy.mutations == []
    approved = home.run("--accept-plan", refused.report["plan_hash"])
    assert (approved.exit_code, approved.summary) == (1, {"add": 1, "update": 4, "blocked": 1})
    assert "names no day" in next(a for a in approved.instance()["actions"] if a["outcome"] == "blocked")["reason"]
    assert len(truth.list_torrents()) == 6


def add_seeded(server: QbittorrentServer, folder: Path, name: str, *sources: str, size: int = 50_000) -> list[str]:
    """Add torrents of the same content, complete and running, and return their ids."""
    raw, data = RawClient(server), os.urandom(size)
    (server.downloads / name).write_bytes(data)
    keys = []
    for source in sources:
        key, file = write_torrent_file(folder, name, data, source)
        raw.add_magnets([str(file)], paused="false", stopped="false")
        raw.wait_until(lambda key=key: raw.list_torrents()[key]["state"] == "stalledUP")  # type: ignore[misc]
        keys.append(key)
    raw.post("torrents/addTags", hashes="|".join(keys), tags=OURS)
    return keys


def test_data_shared_with_other_torrents_is_kept(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient, tmp_path: Path
) -> None:
    kept_infohash, other = add_seeded(server, tmp_path, "shared", "a", "b")
    (alone,) = add_seeded(server, tmp_path, "alone", "a", size=40_000)
    head = "delete_files: true\nguard: {max_delete_percent: 100}"
    home.write(f"{{magnet: 'magnet:?xt=urn:btih:{kept_infohash}'}}", head=head)

    planned = home.run("--dry-run")
    blasts = {a["infohash"]: (a["delete_files"], a["blast"]) for a in planned.instance()["actions"]}
    expected: dict[str, Any] = {"torrents": 1, "foreign": 0, "bytes": 50_000, "seeding": True, "other_seeds": 0}
    assert blasts == {
        other: (False, {**expected, "shares_files_with": [kept_infohash], "to_trash": False}),
        alone: (True, {**expected, "bytes": 40_000, "shares_files_with": [], "to_trash": False}),
    }
    assert planned.report["deletions"] == {
        "torrents": 2,
        "bytes": 90_000,
        "with_data": 1,
        "seeding": 2,
        "without_other_seed": 2,
        "sharing_files": 1,
    }
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"delete": 2, "unchanged": 1})
    truth.wait_until(lambda: not (server.downloads / "alone").exists())
    assert (server.downloads / "shared").exists()
    assert truth.list_torrents().keys() == {kept_infohash}

    home.write(f"{{magnet: 'magnet:?xt=urn:btih:{kept_infohash}', state: absent}}", head=head)
    assert home.run().exit_code == 0
    truth.wait_until(lambda: not (server.downloads / "shared").exists())


def test_other_seeds_are_counted(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient, make_server: MakeServer, tmp_path: Path
) -> None:
    seeder = make_server()
    (key,) = add_seeded(seeder, tmp_path, "seeded", "a")
    truth.add_magnets([str(tmp_path / "seededa.torrent")], paused="false", stopped="false")
    truth.post("torrents/addTags", hashes=key, tags=OURS)
    truth.post("torrents/addPeers", hashes=key, peers=f"127.0.0.1:{seeder.listen_port}")
    truth.wait_until(lambda: truth.list_torrents()[key]["progress"] == 1)
    home.write(make_entry(1), head="guard: {max_delete_percent: 100}")

    def blast() -> dict[str, Any]:
        (deletion,) = (a for a in home.run("--dry-run").instance()["actions"] if a["verb"] == "delete")
        return dict(deletion["blast"])

    truth.wait_until(lambda: blast()["other_seeds"] == 1)
    assert home.run("--dry-run").report["deletions"]["without_other_seed"] == 0
