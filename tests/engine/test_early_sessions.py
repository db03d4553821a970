"""Sessions that read ahead of a run: the run takes them over, or they are logged out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from reconciler.engine.early_sessions import MAX_AGE, EarlySessions
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.errors import AuthenticationError, InstanceError
from reconciler.model.secret import Secret
from reconciler.qbittorrent import Session
from reconciler.waits import list_waits
from tests.support.incremental_sessions import ManualMonotonicClock
from tests.support.instances import QBITTORRENT_ANSWERS, StubRequest, make_instance, serve_stub, text_answer
from tests.support.raw import RawClient

READS = ["auth/login", "app/version", "app/webapiVersion", "torrents/info"]
NEVER = threading.Event()


class World:
    """Two stubs of qBittorrent, with a desired state that has no torrents yet."""

    def __init__(self, stack: ExitStack) -> None:
        logged_in = (200, {"Set-Cookie": "SID=1; path=/"}, b"Ok.")
        self.answers: dict[str, Any] = {**QBITTORRENT_ANSWERS, "auth/login": logged_in}
        self.requests = {"a": list[StubRequest](), "b": list[StubRequest]()}
        instances = {}
        for name, requests in self.requests.items():
            url = stack.enter_context(serve_stub(self.answers, requests))
            instance = make_instance(url, username="admin", password=Secret("password"))
            instances[name] = replace(instance, name=name)
        self.desired = DesiredState(Policy.SYNC, instances)
        self.clock = ManualMonotonicClock()

    def begin(self, *names: str) -> EarlySessions:
        """Begin to read the instances with these names; without names, all."""
        sessions = EarlySessions(connect, RunOptions(instances=names), NEVER, self.clock)
        sessions.begin(self.desired)
        return sessions

    def change_password(self) -> None:
        """Declare another password for the instance a."""
        changed = {"a": replace(self.desired.instances["a"], password=Secret("new"))}
        self.desired = replace(self.desired, instances={**self.desired.instances, **changed})

    def wait_until_read(self, name: str) -> None:
        """Wait until an instance has been read ahead."""
        RawClient.wait_until(
            lambda: self.list_endpoints(name) == READS and name not in {wait.subject for wait in list_waits()}
        )

    def list_endpoints(self, name: str) -> list[str]:
        """Return the endpoints that an instance was asked for."""
        return [endpoint for endpoint, _ in self.requests[name]]


def connect(instance: Instance, stop: threading.Event) -> Session:
    return Session(instance, stop=stop)


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack)


def test_a_run_takes_the_session_and_what_it_has_read(world: World) -> None:
    with world.begin("a") as sessions:
        target = sessions.connect(world.desired.instances["a"], NEVER)
        assert target.request_count == 0, "the requests of a run begin with its open"
        target.open()
        assert world.list_endpoints("a") == READS
        target.read_snapshot()
        assert world.list_endpoints("a") == [*READS, "torrents/categories"]
        assert target.request_count == len(READS) + 1
        target.read_snapshot()
        assert world.list_endpoints("a").count("torrents/info") == 2, "the second read is a new one"
        target.close()
    assert world.list_endpoints("a")[-1] == "auth/logout"
    assert world.list_endpoints("a").count("auth/logout") == 1
    assert world.list_endpoints("b") == [], "it was not selected"


def test_logins_have_a_head_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.engine.early_sessions.HEAD_START", 60.0)
    with world.begin():
        assert world.list_endpoints("a") == world.list_endpoints("b") == READS, "it has waited until they were read"


def test_what_no_run_takes_is_logged_out(world: World) -> None:
    with world.begin() as sessions:
        world.wait_until_read("a")
        world.wait_until_read("b")
        sessions.connect(world.desired.instances["a"], NEVER).open()
    assert world.list_endpoints("a") == READS, "it is the run's"
    assert world.list_endpoints("b") == [*READS, "auth/logout"]


def test_nothing_is_sent_for_an_instance_that_does_not_exist(world: World) -> None:
    with world.begin("c") as sessions:
        assert sessions.connect(world.desired.instances["a"], NEVER).request_count == 0
    assert world.list_endpoints("a") == world.list_endpoints("b") == []


def test_what_prevents_the_session_is_raised_to_the_run_which_tries_again(world: World) -> None:
    world.answers["app/version"] = text_answer("", 502)
    with world.begin("a") as sessions:
        target = sessions.connect(world.desired.instances["a"], NEVER)
        with pytest.raises(InstanceError, match="app/version"):
            target.open()
        world.answers["app/version"] = QBITTORRENT_ANSWERS["app/version"]
        target.open()
        assert world.list_endpoints("a") == [*READS[:2], *READS[:3]]
        target.close()


def test_refused_credentials_are_sent_once(world: World) -> None:
    world.answers["auth/login"] = text_answer("Fails.")
    with world.begin("a") as sessions:
        target = sessions.connect(world.desired.instances["a"], NEVER)
        for _ in range(2):
            with pytest.raises(AuthenticationError):
                target.open()
    assert world.list_endpoints("a").count("auth/login") == 1


def test_a_list_that_could_not_be_read_is_read_again_by_the_run(world: World) -> None:
    world.answers["torrents/info"] = text_answer("", 502)
    with world.begin("a") as sessions:
        target = sessions.connect(world.desired.instances["a"], NEVER)
        target.open()
        world.answers["torrents/info"] = QBITTORRENT_ANSWERS["torrents/info"]
        assert target.read_snapshot().torrents == ()
        assert world.list_endpoints("a").count("torrents/info") == 2
        target.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda world: setattr(world.clock, "time", world.clock.time + MAX_AGE + 1),
        lambda world: world.change_password(),
    ],
    ids=["too old", "other credentials"],
)
def test_a_session_that_does_not_fit_is_logged_out_and_a_new_one_reads(
    world: World, change: Callable[[World], None]
) -> None:
    with world.begin("a") as sessions:
        world.wait_until_read("a")
        change(world)
        target = sessions.connect(world.desired.instances["a"], NEVER)
        target.open()
        target.read_snapshot()
        assert world.list_endpoints("a") == [*READS, "auth/logout", *READS, "torrents/categories"]
        target.close()
