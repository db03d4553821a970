"""Rows are read while somebody asks, at most every two seconds, and no instance that fails breaks another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.errors import AuthenticationError, InstanceError, UnreachableError
from reconciler.model.gateway import GatewaySettings
from reconciler.model.position import Position
from reconciler.model.rows import InstanceUnavailable, Reply
from reconciler.model.run import Run, RunMode, Status
from reconciler.qbittorrent.row_feed import FeedState
from reconciler.retry import system_clock, utc_now
from reconciler.watch import live_rows
from reconciler.watch.live_rows import LiveRowReader, compute_pause
from tests.support.raw import RawClient

GATEWAY = GatewaySettings(Position("desired.yaml", 1, 1))
ROW = {"hash": "a" * 40}


class StubFeed:
    """A feed that answers with what `answers` says; an exception is raised."""

    version, web_api = "v5.1.0", "2.11.4"

    def __init__(self, answers: Callable[[], Any]) -> None:
        self.answers, self.request_count, self.reads, self.is_closed = answers, 0, 0, False

    def read(self) -> FeedState:
        self.request_count += 1
        self.reads += 1
        answer = self.answers()
        if isinstance(answer, Exception):
            raise answer
        return FeedState(answer, {"dht_nodes": 1}, {"c": {"savePath": "/c"}}, ("tag",))

    def ask(self, endpoint: str, form: Mapping[str, str]) -> Reply:
        answer = self.answers()
        if isinstance(answer, Exception):
            raise answer
        return Reply(200, endpoint.encode())

    def close(self) -> None:
        self.is_closed = True


class World:
    """Instances with stub feeds, and a reader of them."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.feeds: dict[str, list[StubFeed]] = {name: [] for name in answers}
        self.desired = make_desired(*answers)
        self.reader = LiveRowReader(lambda: self.desired, self.open, system_clock())

    def open(self, instance: Instance) -> StubFeed:
        feed = StubFeed(lambda: self.answers[instance.name])
        self.feeds.setdefault(instance.name, []).append(feed)
        return feed

    def count_reads(self, name: str) -> int:
        return sum(feed.reads for feed in self.feeds[name])


def make_desired(*names: str) -> DesiredState:
    position = Position("desired.yaml", 1, 1)
    return DesiredState(Policy.SYNC, {name: Instance(name, position, f"http://{name}") for name in names})


def make_finished_run(**backoffs: Backoff) -> FinishedRun:
    return FinishedRun(Run(RunMode.APPLY, "", 0), "interval", utc_now(), 1.0, backoffs=backoffs)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_rows, "REFRESH_INTERVAL", 0.01)


@pytest.mark.parametrize(
    ("requests", "seconds", "pause"), [(1, 0.01, 2.0), (2, 0.01, 4.0), (1, 0.0, 2.0), (1, 2.0, 6.0)]
)
def test_a_read_is_paid_for_with_a_pause(
    requests: int, seconds: float, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_rows, "REFRESH_INTERVAL", 2.0)
    assert compute_pause(requests, seconds) == pause


def test_nothing_is_read_before_somebody_asks_and_then_the_rows_stay_fresh() -> None:
    world = World(home={"a" * 40: ROW})
    assert world.feeds == {"home": []}
    first = world.reader.read()["home"]
    assert (dict(first.rows), first.is_read, first.version, first.tags) == ({"a" * 40: ROW}, True, "v5.1.0", ("tag",))
    RawClient.wait_until(lambda: world.count_reads("home") > 3)
    assert world.reader.read()["home"].rows is first.rows
    assert len(world.feeds["home"]) == 1
    world.reader.close()
    assert world.feeds["home"][0].is_closed


def test_without_a_client_the_reads_end_and_the_next_client_gets_new_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_rows, "IDLE_AFTER", 0.05)
    world = World(home={})
    world.reader.read()
    RawClient.wait_until(lambda: threads_are_idle(world))
    reads = world.count_reads("home")
    world.answers["home"] = {"a" * 40: ROW}
    assert world.reader.read()["home"].rows == {"a" * 40: ROW}
    assert world.count_reads("home") > reads
    world.reader.close()


def test_a_long_time_without_a_client_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_rows, "IDLE_AFTER", 0.02)
    monkeypatch.setattr(live_rows, "LOG_OUT_AFTER", 0.05)
    world = World(home={})
    RawClient.wait_until(lambda: world.reader.read()["home"].is_read)  # it may have been idle before its first read
    RawClient.wait_until(lambda: world.feeds["home"][0].is_closed)
    RawClient.wait_until(lambda: world.reader.read()["home"].is_read)
    world.reader.close()


def test_with_a_gateway_the_rows_are_at_hand_before_the_first_client_and_stay_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_rows, "IDLE_AFTER", 0.02)
    monkeypatch.setattr(live_rows, "LOG_OUT_AFTER", 0.04)
    monkeypatch.setattr(live_rows, "KEPT_READ_INTERVAL", 0.05)
    world = World(home={"a" * 40: ROW}, away={})
    world.reader.on_run_end(make_finished_run())
    assert world.feeds == {"home": [], "away": []}, "nobody has declared a gateway"
    world.desired = replace(world.desired, gateway=GATEWAY)
    world.reader.on_run_end(
        make_finished_run(away=Backoff(3, "away: refused", utc_now() + timedelta(hours=1), Status.AUTH_FAILED))
    )
    RawClient.wait_until(lambda: world.count_reads("home") > 3)
    assert world.count_reads("away") == 0, "the loop leaves it alone"
    assert world.reader.read()["home"].is_read
    assert len(world.feeds["home"]) == 1, "one session, also long after the last client"
    world.desired = replace(world.desired, gateway=None)
    world.reader.on_run_end(make_finished_run())
    RawClient.wait_until(lambda: world.feeds["home"][0].is_closed)
    world.reader.close()


@pytest.mark.parametrize("error", [UnreachableError("home: it is away"), RuntimeError("a bug")])
def test_an_instance_that_fails_keeps_its_last_rows_and_says_why(error: Exception) -> None:
    world = World(home={"a" * 40: ROW}, other={"b" * 40: ROW})
    assert world.reader.read()["home"].is_read
    world.answers["home"] = error
    RawClient.wait_until(lambda: not world.reader.read()["home"].is_read)
    rows = world.reader.read()
    assert rows["home"].rows == {"a" * 40: ROW}
    assert ("it is away" if isinstance(error, InstanceError) else "internal error") in rows["home"].reason
    assert rows["other"].is_read
    assert world.feeds["home"][0].is_closed  # a new session begins with a clean state
    world.answers["home"] = {}
    world.reader.on_run_end(make_finished_run())
    RawClient.wait_until(lambda: world.reader.read()["home"].is_read)
    world.reader.close()


def test_an_instance_that_the_loop_leaves_alone_is_not_asked() -> None:
    world = World(home={})
    backoff = Backoff(3, "home: banned", utc_now() + timedelta(hours=1), Status.BANNED)
    world.reader.read()
    world.reader.on_run_end(make_finished_run(home=backoff))
    RawClient.wait_until(lambda: not world.reader.read()["home"].is_read)
    reads = world.count_reads("home")
    assert world.reader.read()["home"].reason == "banned"
    with pytest.raises(InstanceUnavailable, match="home: banned"):
        world.reader.ask("home", "torrents/files", {})
    assert world.count_reads("home") == reads
    world.reader.on_run_end(make_finished_run())
    RawClient.wait_until(lambda: world.reader.read()["home"].is_read)
    world.reader.close()


def test_an_instance_that_hangs_lets_no_client_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_rows, "FIRST_READ_PATIENCE", 0.05)
    monkeypatch.setattr(live_rows, "ASK_PATIENCE", 0.05)
    go_on = threading.Event()
    world = World(home={}, hung={})
    hang: Any = StubFeed(lambda: go_on.wait(20) and {})

    def open_feed(instance: Instance) -> StubFeed:
        return hang if instance.name == "hung" else world.open(instance)

    world.reader = LiveRowReader(lambda: world.desired, open_feed, system_clock())
    rows = world.reader.read()
    assert (rows["home"].is_read, rows["hung"].is_read) == (True, False)
    with pytest.raises(InstanceUnavailable, match="not answered another request yet"):
        world.reader.ask("hung", "torrents/files", {})
    go_on.set()
    RawClient.wait_until(lambda: world.reader.read()["hung"].is_read)
    world.reader.close()


def test_a_person_does_not_wait_and_gets_old_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_rows, "URGENT_PATIENCE", 0.05)
    go_on = threading.Event()
    world = World(home={})
    slow: Any = StubFeed(lambda: go_on.wait(20) and {})
    world.reader = LiveRowReader(lambda: world.desired, lambda _instance: slow, system_clock())
    rows = world.reader.read(is_urgent=True)["home"]
    assert (rows.is_read, rows.reason, rows.read_at) == (False, "it has not been read yet", None)
    go_on.set()
    RawClient.wait_until(lambda: world.reader.read(is_urgent=True)["home"].is_read)
    (reader,) = world.reader._readers.values()
    reader._has_fresh_rows = False  # as after a minute without a client
    old = reader.wait_for_rows(0.0, may_be_old=True)
    assert old.is_read and old.read_at
    assert not reader.wait_for_rows(0.0).is_read
    world.reader.close()


def test_details_come_from_the_instance_or_say_why_not() -> None:
    world = World(home={}, away=AuthenticationError("away: refused"))
    assert world.reader.ask("home", "torrents/files", {"hash": "a" * 40}).body == b"torrents/files"
    for name, reason in (("away", "away: refused"), ("nowhere", "nowhere is not declared")):
        with pytest.raises(InstanceUnavailable, match=reason):
            world.reader.ask(name, "torrents/files", {})
    world.reader.close()


def test_the_instances_are_those_of_the_desired_state_in_force() -> None:
    world = World(home={}, other={})
    assert set(world.reader.read()) == {"home", "other"}
    world.desired = make_desired("home")
    assert set(world.reader.read()) == {"home"}
    RawClient.wait_until(lambda: world.feeds["other"][0].is_closed)
    assert not world.feeds["home"][0].is_closed
    world.reader.close()


def threads_are_idle(world: World) -> bool:
    return not any(reader._has_fresh_rows for reader in world.reader._readers.values())


def test_known_rows_are_returned_without_a_request() -> None:
    world = World(box={"a" * 40: ROW})
    assert not world.reader.get_known()["box"].is_read
    assert world.feeds["box"] == []
    world.reader.read()
    assert world.reader.get_known()["box"].rows == {"a" * 40: ROW}
    world.reader.close()
