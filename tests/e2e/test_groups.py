"""Groups on real servers that exchange real bytes, killed at any moment and restarted in any state."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer
from reconciler.desired import load
from reconciler.engine.context import RunContext
from reconciler.engine.events import FinishedRun
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.journal import JOURNAL_FILE_NAME, Journal
from reconciler.model.groups import Member
from reconciler.model.run import Run
from reconciler.plan.placement.strategies import rank_members
from reconciler.report.summary import summarize_run
from reconciler.retry import system_retry_policy, utc_now
from tests.conftest import MakeProxy, MakeServer
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Fault, Proxy, reset_after, reset_before
from tests.support.raw import RawClient
from tests.support.server_builds import Build, put_first
from tests.support.swarm import Swarm, has_data, has_file, is_complete, shut_down, write_data
from tests.support.watch_process import start_watch
from tests.support.web import FixedWebServer

FAILOVER = "{strategy: failover, members: [a, b], failover_after: 1s}"


@dataclass
class Place:
    """Members of a group, the swarm they are in, and what is declared."""

    home: Home
    swarm: Swarm
    make_proxy: MakeProxy
    state_dir: Path
    servers: dict[str, QbittorrentServer] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    _raws: dict[str, tuple[int, RawClient]] = field(default_factory=dict)

    def member(self, name: str, version: str | None = None, more: str = "") -> QbittorrentServer:
        """One more instance, of a version if one is named."""
        server = self.servers[name] = self.swarm.start_server(version)
        proxy = self.proxies[name] = self.make_proxy(server)
        self.home.add_instance(proxy.url, server.username, server.password, name, more)
        return server

    def write(self, *numbers: int, group: str = FAILOVER, more: str = "", head: str = "") -> None:
        """Declare torrents for the group `g`."""
        entries = (f"{{torrent: {number}.torrent, instance: g{more}}}" for number in numbers)
        self.home.write(*entries, head=f"groups: {{g: {group}}}\n{head}")

    def raw(self, name: str) -> RawClient:
        """Return a direct client of a member that is up."""
        pid = self.servers[name].pid
        if name not in self._raws or self._raws[name][0] != pid:
            self._raws[name] = pid, RawClient(self.servers[name])
        return self._raws[name][1]

    def seeded(self, number: int) -> str:
        """Return the infohash of a torrent that a server outside the group seeds."""
        return self.swarm.seed_torrents(self.home.folder, number)[number]

    def run(self, **options: Any) -> Run:
        """Run the command within this process, which is faster."""
        desired = load([self.home.file], self.home.environ)
        journal = Journal(self.state_dir, pytest.fail, utc_now)
        roster, stop = PlacementMemory(journal.read_placement_facts(desired)), threading.Event()
        pace = replace(system_retry_policy(stop), max_attempts=2)
        run = run_once(desired, RunOptions(**options), RunContext(stop, pace, placement_memory=roster))
        journal.record_run(desired, FinishedRun(run, "test", utc_now(), 0.0), roster)
        return run

    def summary(self, **options: Any) -> dict[str, int]:
        """Return the counts of a run that are not zero."""
        return {key: count for key, count in summarize_run(self.run(**options)).items() if count}

    def settle(self, condition: Callable[[], bool], within: float = 90.0) -> None:
        """Run repeatedly until the condition holds."""

        def met() -> bool:
            if condition():
                return True
            self.run()
            return condition()

        RawClient.wait_until(met, within)

    def at_rest(self) -> None:
        """Assert that nothing is left to do."""
        for proxy in self.proxies.values():
            proxy.clear()
        done = self.run()
        assert (done.exit_code, [result for instance in done.instances for result in instance.results]) == (0, [])
        assert not any(proxy.mutations for proxy in self.proxies.values())

    def forget(self) -> None:
        """Lose the journal."""
        shutil.rmtree(self.state_dir, ignore_errors=True)

    def holders(self, key: str) -> set[str]:
        """Return the running members that have the torrent."""
        return {name for name, server in self.servers.items() if _up(server) and key in self.raw(name).list_torrents()}

    def whole(self, name: str, key: str) -> bool:
        """Return True if a member has all data of the torrent."""
        return _up(self.servers[name]) and is_complete(self.raw(name), key)


def _up(server: QbittorrentServer) -> bool:
    try:
        return bool(server.pid)
    except AssertionError:
        return False


@pytest.fixture
def place(home: Home, make_server: MakeServer, make_proxy: MakeProxy, state_dir: Path) -> Iterator[Place]:
    with Swarm(make_server) as swarm:
        yield Place(home, swarm, make_proxy, state_dir)


@pytest.fixture
def two(place: Place, any_build: Build) -> Place:
    """A primary and a secondary."""
    for name, version in zip("ab", put_first(any_build, "4.5.2", "5.3.0"), strict=True):
        place.member(name, version)
    return place


def empty(server: QbittorrentServer) -> None:
    """Remove a stopped server's data, as the loss of its disk would."""
    shutil.rmtree(server.profile / "qBittorrent" / "data" / "BT_backup")
    for file in server.downloads.iterdir():
        file.unlink()


def reasons(ran: ReportedRun) -> list[str]:
    """Return the reason of each pending torrent, by name."""
    return [row["reason"] for row in ran.report["pending"]]


def spared(ran: ReportedRun, name: str) -> list[str]:
    """Return the spared torrents of a member with their reasons."""
    return [row["reason"] for row in ran.instance(name)["spared"]]


def test_killed_before_the_placement(two: Place) -> None:
    key = two.seeded(1)
    two.write(1, group=FAILOVER.replace("1s", "1h"))
    two.servers["a"].kill()
    first = two.home.run()
    assert (first.exit_code, first.summary) == (1, {"pending": 1})
    assert re.fullmatch(r"waits until .*: a may have it and is down since .*; it goes to b then", reasons(first)[0])
    status = two.home.run("status").report["torrents"]
    assert [(row["instance"], row["state"]) for row in status] == [("g", "pending")]
    assert "; pending since " in status[0]["reason"], "the journal knows"
    two.write(1)
    two.settle(lambda: two.whole("b", key))
    assert has_data(two.servers["b"], 1)
    two.servers["a"].start()
    done = two.home.run()
    assert (done.exit_code, done.summary, two.holders(key)) == (0, {"unchanged": 1}, {"b"}), "it stays where it is"


@pytest.mark.parametrize("fault", [reset_before, reset_after], ids=["not added", "added"])
def test_killed_during_the_placement(two: Place, fault: Fault) -> None:
    key = two.seeded(1)
    two.write(1)
    added = fault is reset_after

    def killed(handler: Any, body: bytes) -> None:
        fault(handler, body)
        if added:
            RawClient.wait_until(lambda: key in two.raw("a").list_torrents())
        two.servers["a"].kill()

    two.proxies["a"].add_fault("torrents/add", killed)
    first = two.home.run()
    assert first.exit_code == 1 and not two.holders(key)
    two.settle(lambda: two.whole("b", key))
    two.servers["a"].start()
    two.settle(lambda: len(two.holders(key)) == 1)
    assert any(has_data(server, 1) for server in two.servers.values())


def test_killed_after_the_placement_and_back_whole(two: Place) -> None:
    key = two.seeded(1)
    two.write(1, head="delete_files: true")
    two.settle(lambda: two.whole("a", key))
    shut_down(two.servers["a"])
    assert two.home.run().summary == {"pending": 1}
    two.settle(lambda: two.whole("b", key))
    two.servers["a"].start()
    RawClient.wait_until(lambda: two.whole("a", key))
    shown = two.home.run("--dry-run")
    (surplus,) = shown.instance("b")["actions"]
    assert (surplus["verb"], surplus["delete_files"], surplus["group"]) == ("delete", False, "g")
    assert surplus["placement_reason"] == "a has it, complete"
    done = two.home.run()
    assert (done.exit_code, done.summary, two.holders(key)) == (0, {"delete": 1, "unchanged": 1}, {"a"})
    assert has_data(two.servers["b"], 1), "data stays, whatever delete_files says"
    two.at_rest()


def test_a_member_that_returns_empty(two: Place) -> None:
    key = two.seeded(1)
    two.write(1)
    two.settle(lambda: two.whole("a", key))
    two.servers["a"].kill()
    two.settle(lambda: two.whole("b", key))
    empty(two.servers["a"])
    two.servers["a"].start()
    assert (two.home.run().summary, two.holders(key)) == ({"unchanged": 1}, {"b"}), "failback: never"
    two.write(1, group=FAILOVER.replace("}", ", failback: when_complete}"))
    moving = two.home.run()
    assert moving.summary == {"add": 1, "spared": 1}
    assert spared(moving, "b") == ["g: moves to a; stays here until it is complete there"]
    assert two.holders(key) == {"a", "b"}
    two.settle(lambda: two.holders(key) == {"a"})
    assert has_data(two.servers["a"], 1), "it was complete there before the other copy went"


def test_a_member_that_returns_half_complete(two: Place) -> None:
    key = two.seeded(1)
    two.write(1)
    two.home.run()
    slow = two.raw("a")
    slow.wait_until(lambda: two.whole("a", key))
    slow.post("torrents/delete", hashes=key, deleteFiles="true")
    slow.wait_until(lambda: key not in slow.list_torrents() and not has_file(two.servers["a"], 1))
    write_data(two.servers["a"], 1, share=0.5)
    slow.post("app/setPreferences", json='{"dl_limit": 1024}')  # bytes/s: it will not be whole
    two.home.run()
    slow.wait_until(lambda: 0.4 < slow.list_torrents()[key]["progress"] < 0.9 and _downloads(slow, key))
    two.servers["a"].kill()
    two.settle(lambda: two.whole("b", key))
    two.servers["a"].start()
    two.settle(lambda: two.holders(key) == {"b"})
    assert has_data(two.servers["b"], 1), "the only complete copy is kept"
    two.at_rest()


def _downloads(raw: RawClient, key: str) -> bool:
    return raw.list_torrents()[key]["state"] in ("downloading", "stalledDL")


def test_one_keeps_it_though_neither_is_complete(two: Place) -> None:
    key = two.swarm.write_unseeded_torrent(two.home.folder, 1)
    two.write(1)
    assert two.home.run().summary == {"add": 1}
    two.servers["a"].kill()
    two.settle(lambda: two.holders(key) == {"b"})
    two.servers["a"].start()
    two.settle(lambda: len(two.holders(key)) == 1 and two.summary(dry_run=True) == {"unchanged": 1})
    (name,) = two.holders(key)
    write_data(two.servers[name], 1)
    two.raw(name).post("torrents/recheck", hashes=key)
    two.settle(lambda: two.whole(name, key) and two.holders(key) == {name})


def test_a_lost_journal_loses_no_safety(two: Place) -> None:
    key = two.seeded(1)
    two.write(1)
    two.settle(lambda: two.whole("a", key))
    shut_down(two.servers["a"])
    for _ in range(3):
        two.forget()
        assert two.summary() == {"pending": 1}, "each run waits again"
    two.forget()
    waited = two.home.run("--wait", "60s")
    assert (waited.exit_code, waited.summary, two.holders(key)) == (1, {"add": 1}, {"b"})
    assert "waiting up to " in waited.err and "a may have it" in waited.err
    two.settle(lambda: two.whole("b", key))
    two.servers["a"].start()
    RawClient.wait_until(lambda: two.whole("a", key))
    two.forget()
    assert two.summary() == {"delete": 1, "unchanged": 1}
    assert two.holders(key) == {"a"}


@pytest.mark.parametrize("first", ["a", "b"])
def test_both_members_down_and_back_in_either_order(two: Place, first: str) -> None:
    key = two.seeded(1)
    two.write(1)
    two.settle(lambda: two.whole("a", key))
    for server in two.servers.values():
        server.kill()
    nowhere = "no member can take it: a: down since "
    two.settle(lambda: two.run().pending[0].reason.startswith(nowhere))
    two.servers[first].start()
    two.settle(lambda: two.whole(first, key))
    two.servers["b" if first == "a" else "a"].start()
    two.settle(lambda: len(two.holders(key)) == 1 and two.summary(dry_run=True) == {"unchanged": 1})
    (keeper,) = two.holders(key)
    assert two.whole(keeper, key), "whoever knew first that it is complete"
    two.at_rest()


def test_waiting_for_a_member_to_come_back(two: Place) -> None:
    key = two.seeded(1)
    two.write(1)
    for server in two.servers.values():
        server.kill()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(two.home.run, "--wait", "90s", "--log-format", "json")
        RawClient.wait_until(lambda: len(two.proxies["a"].requests) > 1, 60)
        two.servers["a"].start()
        done = run.result()
    assert (done.exit_code, done.summary, two.holders(key)) == (1, {"add": 1}, {"a"}), "b is still down"
    assert json.loads(done.err.splitlines()[0])["event"] == "waiting"
    nobody = two.home.run("--wait", "1s", "--instance", "b")
    assert (nobody.exit_code, nobody.summary) == (1, {})


def test_a_member_that_flaps_fifty_times(two: Place) -> None:
    key = two.seeded(1)
    two.write(1, group=FAILOVER.replace("1s", "1m"))
    two.settle(lambda: two.whole("a", key))
    desired = load([two.home.file], two.home.environ)
    stop = threading.Event()
    context = RunContext(stop, replace(system_retry_policy(stop), max_attempts=1))
    two.proxies["a"].clear()
    two.proxies["b"].clear()
    for _ in range(50):
        two.proxies["a"].add_fault("", reset_before, times=1)
        down = run_once(desired, RunOptions(), context)
        up = run_once(desired, RunOptions(), context)
        assert [torrent.infohash for torrent in down.pending] == [key]
        assert (up.exit_code, up.pending, two.holders(key)) == (0, (), {"a"})
    assert not two.proxies["a"].mutations and not two.proxies["b"].mutations


def test_flapping_without_a_waiting_time_duplicates_nothing(two: Place) -> None:
    key = two.seeded(1)
    two.write(1, group=FAILOVER.replace("1s", "0s"))
    two.settle(lambda: two.whole("a", key))
    for _ in range(5):
        two.proxies["a"].add_fault("", reset_before, times=9)
        assert two.summary() == {"add": 1}
        two.proxies["a"].clear()
        two.settle(lambda: two.holders(key) == {"a"})
    assert has_data(two.servers["a"], 1)


def test_a_member_whose_vpn_is_down(place: Place) -> None:
    with FixedWebServer({"/": 200}) as vpn:
        place.member("a", "4.2.5", f"health: [{{http: '{vpn.url_of()}', timeout: 5s}}]\nwhen_unhealthy: pause")
        place.member("b")
        key = place.seeded(1)
        place.write(1)
        place.settle(lambda: place.whole("a", key))
        vpn.answers["/"] = 503
        cut = place.home.run()
        assert (cut.exit_code, cut.instance("a")["status"]) == (1, "unhealthy")
        assert re.fullmatch(r"waits until .*: a has it and is down since .*: VPN is down: .*", reasons(cut)[0])
        assert place.raw("a").list_stopped() == {key}, "nothing of ours runs there"
        assert place.raw("b").list_torrents() == {}
        place.settle(lambda: place.whole("b", key))
        assert place.raw("a").list_stopped() == {key}, "and it is left where it is"
        vpn.answers["/"] = 200
        place.settle(lambda: place.holders(key) == {"a"})
        assert not place.raw("a").list_stopped()
        place.at_rest()


def test_a_torrent_is_on_every_member(two: Place) -> None:
    key = two.seeded(1)
    two.write(1, group="{strategy: replicate, members: [a, b]}")
    two.settle(lambda: two.whole("a", key) and two.whole("b", key))
    two.servers["b"].kill()
    done = two.home.run()
    assert (done.exit_code, done.summary) == (1, {"unchanged": 1})
    empty(two.servers["b"])
    two.servers["b"].start()
    assert two.summary() == {"add": 1, "unchanged": 1}
    two.write(1, group="{strategy: replicate, members: [a, b]}", more=", state: absent")
    assert two.summary() == {"delete": 2}
    assert not two.holders(key)


def test_three_members_spread_then_one_leaves_and_one_joins(place: Place, any_build: Build) -> None:
    for name, version in zip("abcd", put_first(any_build, *QBITTORRENT_PACKAGES), strict=True):
        place.member(name, version)
    numbers = range(1, 13)
    keys = list(place.swarm.seed_torrents(place.home.folder, *numbers).values())

    def spread(members: str) -> dict[str, str]:
        place.write(*numbers, group=f"{{strategy: spread, members: [{', '.join(members)}], rebalance: when_complete}}")
        place.settle(lambda: all(len(place.holders(key)) == 1 for key in keys) and settled())
        return {key: place.holders(key).pop() for key in keys}

    def settled() -> bool:
        return place.summary(dry_run=True) == {"unchanged": len(keys)}

    def wanted(members: str) -> dict[str, str]:
        return {key: rank_members([Member(name) for name in members], key)[0].name for key in keys}

    three = spread("abc")
    assert three == wanted("abc") and set(three.values()) == set("abc")
    place.settle(lambda: all(place.whole(name, key) for key, name in three.items()))
    left = spread("ab")
    assert left == wanted("ab")
    assert all(left[key] == name for key, name in three.items() if name != "c"), (
        "only torrents of the member that left move"
    )
    assert all(has_data(place.servers["c"], n) for n, key in zip(numbers, keys, strict=True) if three[key] == "c")
    place.settle(lambda: all(place.whole(name, key) for key, name in left.items()))
    joined = spread("abd")
    assert joined == wanted("abd")
    assert {joined[key] for key in keys if joined[key] != left[key]} == {"d"}, "only what the new one wins moves"


def test_a_watch_survives_a_failover(place: Place) -> None:
    place.member("a")
    place.member("b", "4.2.5")
    key = place.seeded(1)
    place.write(1)
    with start_watch(place.home) as watch:
        watch.wait_until(lambda: place.whole("a", key), 60)
        place.servers["a"].kill()
        watch.wait_until(lambda: place.whole("b", key), 60)
        place.servers["a"].start()
        watch.wait_until(lambda: place.holders(key) == {"a"}, 60)
        watch.wait_until(lambda: watch.has_logged("is back"))
        assert watch.stop() < 20
    assert has_data(place.servers["b"], 1)


def test_a_member_that_is_full_or_has_no_space(two: Place) -> None:
    two.seeded(1)
    two.seeded(2)
    free = "{strategy: failover, members: [{name: a, min_free_space: %s}, b]}"
    two.write(1, group=free % "1 MiB")
    assert two.home.run().instance("a")["summary"]["add"] == 1
    two.write(1, 2, group=free % "900000 TiB")
    done = two.home.run()
    assert done.instance("b")["summary"]["add"] == 1
    (action,) = done.instance("b")["actions"]
    assert re.fullmatch(
        r"the first that can take it \(a: .* are free there, min_free_space is 878\.9 PiB\)", action["placement_reason"]
    )


def test_a_member_that_went_down_while_the_clock_was_ahead_is_failed_over(two: Place) -> None:
    two.home.write(make_entry(1, instance="g", paused=True), head=f"groups: {{g: {FAILOVER}}}\n")
    key = make_infohash(1)
    assert (two.summary(), two.holders(key)) == ({"add": 1}, {"a"})
    two.servers["a"].kill()
    assert two.summary()["pending"] == 1
    with closing(sqlite3.connect(two.state_dir / JOURNAL_FILE_NAME)) as connection, connection:
        assert connection.execute("UPDATE down SET since = since + 400 * 86400").rowcount == 1
    assert two.summary()["pending"] == 1, "the wait begins now"
    time.sleep(1.2)
    assert (two.summary()["add"], two.holders(key)) == (1, {"b"})
