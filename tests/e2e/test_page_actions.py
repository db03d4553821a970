"""The actions of the pages on real servers: a plan is accepted, an instance suspended, torrents come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home, make_entries, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.page_visitor import PageVisitor
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent
from tests.support.watch_process import WatchProcess, start_watch

pytestmark = pytest.mark.builds("5.3.0")

TOKEN = "a-token-of-a-good-length"
OPTIONS = ("--listen", "127.0.0.1:0", "--token-file", "token", "--state-dir", "state")
GUARD = "guard: {max_delete: 1}\n"
INTAKE = "intake: {file: intake.yaml, instance: box}\n"
INTERVAL = "10m"  # so that only requests and files cause runs


@pytest.fixture
def truth(server: QbittorrentServer) -> RawClient:
    return RawClient(server)


@pytest.fixture
def home(server: QbittorrentServer, tmp_path: Path) -> Iterator[Home]:
    """The folder of a user who has the server as `box`, and a token."""
    (tmp_path / "token").write_text(TOKEN)
    with Home(tmp_path) as home:
        home.add_instance(server.url, server.username, server.password)
        yield home


def visit(watch: WatchProcess) -> PageVisitor:
    visitor = PageVisitor(watch)
    visitor.sign_in(TOKEN)
    return visitor


def numbered(*numbers: int) -> set[str]:
    return set(map(make_infohash, numbers))


def test_a_refused_plan_is_accepted_and_executed_and_one_that_changed_is_not(home: Home, truth: RawClient) -> None:
    home.write(*make_entries(5), head=GUARD)
    with start_watch(home, *OPTIONS, interval=INTERVAL) as watch:
        watch.wait_until(lambda: len(truth.list_torrents()) == 5)
        visitor = visit(watch)

        def wait_refused() -> str:
            home.write(make_entry(0), head=GUARD)
            watch.wait_until(lambda: visitor.read_json("status")["state"] == "refused")
            return str(visitor.read_json("plan")["plan_hash"])

        accepted = wait_refused()
        shown = visitor.get(f"/actions/accept-plan?plan={accepted}").text
        assert "4 deletions are more than max_delete 1" in shown and "On box: " in shown
        assert len(truth.list_torrents()) == 5, "showing it does nothing"
        text = visitor.act("accept-plan", {"plan": accepted})
        assert "Accepted and executed" in text and "4 deleted" in text
        assert set(truth.list_torrents()) == numbered(0)
        report = watch.reports[-1]
        assert report["accepted_plan"] == {"plan_hash": accepted, "met": True}
        assert visitor.read_json("plan")["accepted_plan"]["met"]

        home.write(*make_entries(5), head=GUARD)
        watch.wait_until(lambda: len(truth.list_torrents()) == 5)
        stale = wait_refused()
        truth.post("torrents/delete", hashes=make_infohash(4), deleteFiles="false")
        text = visitor.act("accept-plan", {"plan": stale})
        assert "Not executed: the plan has changed since you accepted it" in text
        present = visitor.read_json("plan")
        assert present["accepted_plan"] == {"plan_hash": stale, "met": False} and present["guard"]["refused"]
        assert present["plan_hash"] != stale and present["plan_hash"] in text
        assert set(truth.list_torrents()) == numbered(0, 1, 2, 3)


def test_an_instance_stays_suspended_over_a_restart_until_it_is_resumed(home: Home, truth: RawClient) -> None:
    def read_box(visitor: PageVisitor) -> dict[str, Any]:
        (box,) = visitor.read_json("status")["instances"]
        return dict(box)

    home.write(make_entry(1))
    with start_watch(home, *OPTIONS, interval=INTERVAL) as watch:
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(1))
        visitor = visit(watch)
        text = visitor.act("suspend", {"instance": "box", "minutes": "60"})
        assert "box is suspended until " in text
        suspended = read_box(visitor)
        assert suspended["status"] == "suspended" and suspended["suspended_until"]
        home.write(make_entry(1), make_entry(2))
        watch.wait_until(lambda: read_box(visitor)["drift"] == 1)
        assert set(truth.list_torrents()) == numbered(1)
        watch.stop()
    single = home.run("--state-dir", "state")
    assert (single.instance()["status"], single.summary) == ("suspended", {"add": 1, "unchanged": 1})
    assert single.instance()["suspended_until"] == suspended["suspended_until"]
    with start_watch(home, *OPTIONS, interval=INTERVAL) as watch:
        visitor = visit(watch)
        watch.wait_until(lambda: visitor.read_json("status")["runs"] >= 1)
        assert read_box(visitor)["suspended_until"] == suspended["suspended_until"]
        assert set(truth.list_torrents()) == numbered(1)
        text = visitor.act("resume", {"instance": "box"})
        assert "box is reconciled again" in text and "1 added" in text
        assert set(truth.list_torrents()) == numbered(1, 2)
        assert read_box(visitor)["suspended_until"] is None


def test_torrents_are_added_paused_resumed_and_removed(home: Home, truth: RawClient) -> None:
    passkey = "0123456789abcdef"
    home.write(make_entry(1), head=INTAKE)
    with start_watch(home, *OPTIONS, interval=INTERVAL) as watch:
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(1))
        visitor = visit(watch)
        magnet = f"{make_magnet(2)}&tr=http%3A%2F%2F127.0.0.9%2F{passkey}%2Fannounce"
        answer = visitor.act("add", {"category": "films"}, {"a.torrent": make_torrent(3)})
        assert "1 torrent was added to the intake" in answer and "torrent-3: added on box" in answer
        answer = visitor.act("add", {"links": magnet, "paused": "1"})
        assert "added on box" in answer and passkey not in answer
        torrents = truth.list_torrents()
        assert make_infohash(2) in torrents and len(torrents) == 3
        assert {row["category"] for row in torrents.values()} == {"", "films"}
        infohash = make_infohash(2)
        assert truth.read_torrent(2)["state"].startswith("stopped")
        assert "updated on box" in visitor.act("resume-torrent", {"torrent": infohash})
        truth.wait_until(lambda: not truth.read_torrent(2)["state"].startswith("stopped"))
        assert "updated on box" in visitor.act("pause-torrent", {"torrent": infohash})
        truth.wait_until(lambda: truth.read_torrent(2)["state"].startswith("stopped"))
        assert "deleted on box" in visitor.act("remove-torrent", {"torrent": infohash})
        assert infohash not in truth.list_torrents()
        text = visitor.get(f"/actions/remove-torrent?torrent={make_infohash(1)}").text
        assert "It is declared at desired.yaml:" in text
        assert passkey not in "".join(watch.err)
