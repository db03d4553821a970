"""The journal from run to run, through the real command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeServer
from tests.support.home import Home, make_entries, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch

LIMITS = "guard: {max_delete: 1000, max_delete_percent: 100}"


def history(home: Home, *options: str) -> Any:
    """Return the output of `reconcile history`, which contacts no instance and needs no desired state."""
    done = home.run("history", *options)
    assert done.exit_code == 0, done.err
    return done.report["runs"]


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by our journal
def test_a_wiped_instance_is_rebuilt_and_nothing_on_it_is_deleted(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(*make_entries(8), head=LIMITS)
    assert home.run().exit_code == 0
    truth.post("torrents/delete", hashes="|".join(map(make_infohash, range(3, 8))), deleteFiles="false")
    home.write(*(make_entry(number) for number in range(1, 8)), head=LIMITS)

    planned = home.run("--dry-run")
    assert (planned.exit_code, planned.summary) == (1, {"add": 5, "unchanged": 2, "blocked": 1})
    (reason,) = planned.instance()["guard"]["reasons"]
    assert "of 8 torrents that we owned" in reason and planned.report["plan_hash"] in reason
    proxy.clear()
    applied = home.run()
    assert (applied.exit_code, applied.summary) == (1, {"add": 5, "unchanged": 2, "blocked": 1})
    assert proxy.count_requests("torrents/delete") == 0
    assert len(truth.list_torrents()) == 8

    rebuilt = home.run()
    assert (rebuilt.exit_code, rebuilt.summary) == (0, {"delete": 1, "unchanged": 7}), "what was lost is there again"


def test_an_intended_loss_can_be_approved(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    truth = RawClient(any_server)
    home.write(*make_entries(8), head=LIMITS)
    assert home.run().exit_code == 0
    truth.post("torrents/delete", hashes="|".join(map(make_infohash, range(2, 8))), deleteFiles="false")
    home.write(make_entry(1), head=LIMITS)
    blocked = home.run()
    assert (blocked.exit_code, blocked.summary) == (1, {"blocked": 1, "unchanged": 1})
    assert home.run().exit_code == 1, "it is not forgotten after the first time"
    accepted = home.run("--accept-plan", blocked.report["plan_hash"])
    assert (accepted.exit_code, accepted.summary) == (0, {"delete": 1, "unchanged": 1})
    home.write(make_entry(2), head=LIMITS)
    assert home.run().summary == {"add": 1, "delete": 1}, "the smaller number is believed now"


def test_history_shows_actions_and_no_secret(
    home: Home, any_server: QbittorrentServer, box: Proxy, state_dir: Path
) -> None:
    assert history(home) == []
    home.write(make_entry(1, name="Debian"), make_entry(2))
    home.run("--dry-run")
    assert history(home) == []
    home.run()
    home.run()
    home.write(make_entry(2))
    home.run()
    assert [[(a["verb"], a["name"], a["outcome"]) for a in run["actions"]] for run in history(home)] == [
        [("delete", "Debian", "applied")],
        [("add", "Debian", "applied"), ("add", "torrent-2", "applied")],
    ]
    assert [len(run["actions"]) for run in history(home, "--torrent", "Debian")] == [1, 1]
    assert [len(run["actions"]) for run in history(home, "--torrent", make_infohash(2)[:8], "--limit", "1")] == [1]
    assert history(home, "--instance", "other") == []
    text = home.run_arguments("history").out
    assert "Debian" in text and "trigger: command" in text
    any_server.kill()
    home.run()
    assert re.search(r"^  box: (?!box:)", home.run_arguments("history").out, re.MULTILINE), "named once"
    assert any_server.password.encode() not in b"".join(file.read_bytes() for file in state_dir.iterdir())


def test_an_unwritable_journal_stops_nothing(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    home.write(make_entry(1))
    (home.folder / "file").write_text("")
    ran = home.run("--state-dir", "file/state")
    assert (ran.exit_code, ran.summary) == (0, {"add": 1})
    assert ran.err.count("warning:") == 1 and "Choose a folder with --state-dir" in ran.err


def test_a_fight_is_remembered_over_a_restart_of_the_watch(
    home: Home, make_server: MakeServer, any_server: QbittorrentServer, box: Proxy
) -> None:
    truth = RawClient(any_server)
    home.write(make_entry(1, tags=["x"]))
    with start_watch(home) as watch:
        for heals in range(6):
            watch.wait_until(lambda count=heals + 1: len(watch.reports) == count)  # type: ignore[misc]
            assert "x" in truth.read_torrent(1)["tags"]
            truth.remove_tags([1], "x")
        watch.wait_until(lambda: watch.has_logged("1 deferred"))
        assert watch.stop() < 20
    with start_watch(home) as watch:
        watch.wait_until(lambda: watch.has_logged("watching:"))
        assert watch.has_logged("1 deferred")
        assert watch.stop() < 20
    assert "x" not in truth.read_torrent(1)["tags"]
    assert len(history(home)) == 6


def test_what_a_forgotten_file_declared_is_not_deleted(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    truth = RawClient(any_server)
    home.write(make_entry(0), head=LIMITS)
    more = home.folder / "more.yaml"
    more.write_text(f"version: 1\ntorrents: [{', '.join(make_entries(3))}]\n".replace(make_entry(0) + ", ", ""))
    both = ("-f", "desired.yaml", "-f", "more.yaml")
    assert home.run(*both).summary == {"add": 3}

    reason = (
        "2 torrents to delete were declared in more.yaml, which this run did not read. Name it with -f or in include"
    )
    box.clear()
    for options in (("--dry-run",), (), ()):
        refused = home.run(*options)
        assert (refused.exit_code, refused.instance()["guard"]["reasons"]) == (3, [reason])
    assert box.mutations == []
    assert reason in home.run("explain", make_infohash(1)).out
    assert home.run(*both).summary == {"unchanged": 3}

    more.unlink()
    assert home.run("--dry-run").summary == {"delete": 2, "unchanged": 1}, "it was removed on purpose"
    more.write_text("version: 1\n")
    accepted = home.run("--accept-plan", refused.report["plan_hash"])
    assert (accepted.exit_code, accepted.summary) == (0, {"delete": 2, "unchanged": 1})
    assert set(truth.list_torrents()) == {make_infohash(0)}


def test_a_watch_does_not_delete_what_a_file_declared_that_is_no_longer_included(
    home: Home, any_server: QbittorrentServer, box: Proxy
) -> None:
    truth = RawClient(any_server)
    home.write(make_entry(0), head=f"{LIMITS}\ninclude: [sets/*.yaml]")
    included = home.file.read_text()
    (home.folder / "sets").mkdir()
    (home.folder / "sets" / "a.yaml").write_text(f"version: 1\ntorrents: [{make_entry(1)}]\n")
    with start_watch(home) as watch:
        watch.wait_until(lambda: set(truth.list_torrents()) == set(map(make_infohash, range(2))))
        (home.folder / "sets" / "b.yaml").write_text(f"version: 1\ntorrents: [{make_entry(2)}]\n")
        watch.wait_until(lambda: set(truth.list_torrents()) == set(map(make_infohash, range(3))))
        home.file.write_text(included.replace("sets/*.yaml", "sets/b.yaml"))
        watch.wait_until(lambda: any("sets/a.yaml, which this run did not read" in line for line in watch.out))
        assert len(truth.list_torrents()) == 3
        (home.folder / "sets" / "a.yaml").unlink()
        home.file.write_text(included)
        watch.wait_until(lambda: set(truth.list_torrents()) == {make_infohash(0), make_infohash(2)})
