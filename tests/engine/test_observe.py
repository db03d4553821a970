"""Reading all instances: the failure of one affects no other, and every session is closed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from reconciler.engine.observation import Observation, OpenTarget, ReadRequest
from reconciler.engine.observe import (
    fail_observations,
    observe_instances,
    open_sessions,
    read_instance,
    reread_instance,
)
from reconciler.engine.patience import Patience
from reconciler.engine.selection import RunOptions, select_scope
from reconciler.model.content import CreationSpec
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InternalError, RejectedError, SlowReplyError, UnreachableError
from reconciler.model.health import Health, HealthState, InterfaceCheck, Probe, UnhealthyPolicy
from reconciler.model.snapshot import Snapshot
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context, fake_retry_policy
from tests.support.fake_time import EPOCH
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

X = make_v1_hash("x")
TWO_INSTANCES = make_desired_state({"instances": ["a", "b"]})


class BrokenInstance(MemoryInstance):
    """An instance whose session has a bug."""

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        raise ZeroDivisionError


class HangingInstance(MemoryInstance):
    """An instance that answers nothing until its request is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.is_cancelled = threading.Event()

    def cancel(self) -> None:
        self.is_cancelled.set()

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        assert self.is_cancelled.wait(30)
        raise SlowReplyError("b: had not answered")


class World:
    """Instances in memory, whose closed sessions are noted."""

    def __init__(self, **boxes: MemoryInstance) -> None:
        self.boxes = boxes
        self.closed: list[str] = []
        self.context = fake_context(self._connect, max_attempts=2)

    def _connect(self, instance: Instance, _stop: threading.Event) -> OpenTarget:
        box = self.boxes[instance.name]
        box.close = lambda: self.closed.append(instance.name)  # type: ignore[method-assign]
        return box

    def observe(self, desired: DesiredState, **options: bool) -> Mapping[str, Observation]:
        """Observe all instances, and return the observations after the sessions are closed."""
        with observe_instances(select_scope(desired, RunOptions(**options)), self.context) as observations:  # type: ignore[arg-type]
            assert self.closed == []
        return observations


def test_the_failure_of_one_instance_affects_no_other_and_all_sessions_are_closed() -> None:
    world = World(a=BrokenInstance(), b=MemoryInstance())
    observations = world.observe(TWO_INSTANCES)
    assert isinstance(observations["a"].error, InternalError)
    assert observations["a"].snapshot is None
    assert observations["b"].error is None and observations["b"].snapshot is not None
    assert sorted(world.closed) == ["a", "b"]


def test_a_run_goes_on_without_an_instance_that_others_wait_for() -> None:
    world = World(a=MemoryInstance(), b=HangingInstance())
    world.context = replace(world.context, patience=Patience(0.1))
    observations = world.observe(TWO_INSTANCES)
    assert observations["a"].snapshot is not None
    assert isinstance(observations["b"].error, SlowReplyError)
    assert observations["b"].health is not None and observations["b"].health.state is HealthState.TIMEOUT


def test_sessions_are_closed_when_the_run_fails() -> None:
    world = World(a=MemoryInstance(), b=MemoryInstance())
    world.boxes["a"].fail_next(1, UnreachableError("no connection"))
    with (
        pytest.raises(UnreachableError),
        open_sessions(TWO_INSTANCES.instances.values(), world.context) as sessions,
    ):
        sessions["a"].read_snapshot()
    assert sorted(world.closed) == ["a", "b"]


def test_a_transient_error_is_retried_and_a_lasting_one_is_the_observation() -> None:
    box, retry = MemoryInstance(), fake_retry_policy(max_attempts=2)
    box.fail_next(1, UnreachableError("no connection"))
    assert read_instance(box, retry, ReadRequest()).error is None
    error = UnreachableError("no connection")
    box.fail_next(2, error)
    assert read_instance(box, retry, ReadRequest()) == Observation(box, error=error)


def test_the_default_save_path_is_read_only_where_it_is_needed_to_know_the_platform() -> None:
    box, retry = MemoryInstance(default_save_path="D:\\downloads"), fake_retry_policy()
    paths = []
    for platform in (False, True):
        snapshot = read_instance(box, retry, ReadRequest(platform=platform)).snapshot
        paths.append(snapshot and snapshot.default_save_path)
    assert paths == ["", "D:\\downloads"]
    box.torrents[X] = make_live_torrent({"hash": "x", "save_path": "/downloads"})
    before = box.request_count
    read_instance(box, retry, ReadRequest(platform=True))
    assert box.request_count - before == 1, "the path of a torrent shows it"


def test_libtorrent_is_read_only_where_something_depends_on_it_that_the_torrents_do_not_show() -> None:
    retry, v2 = fake_retry_policy(), make_desired_state({"desired": [{"hash": "x+x2"}]})
    v1 = make_desired_state({"desired": [{"hash": "x"}]})
    for libtorrent in ("1.2.20.0", "2.0.11.0"):
        box = MemoryInstance(libtorrent=libtorrent)
        for desired, known in ((v1, ""), (v2, libtorrent)):
            box.open()
            read_request = ReadRequest.for_instance(desired, "box")
            snapshot = read_instance(box, retry, read_request).snapshot
            assert snapshot and snapshot.libtorrent == known
        before = box.request_count
        assert reread_instance(Observation(box), retry, read_request).snapshot
        assert box.request_count - before == 1, "it is read once a session"
        box.torrents[X] = make_live_torrent({"hash": "x"})
        before = box.request_count
        snapshot = read_instance(box, retry, read_request).snapshot
        assert snapshot and snapshot.libtorrent == "", "the torrent is there: nothing depends on it"
        assert box.request_count - before == 1


def test_a_live_v2_torrent_shows_libtorrent_2() -> None:
    box, desired = MemoryInstance(), make_desired_state({"desired": [{"hash": "x+x2"}]})
    live_torrent = make_live_torrent({"hash": "y2"})
    box.torrents[live_torrent.id] = live_torrent
    snapshot = read_instance(box, fake_retry_policy(), ReadRequest.for_instance(desired, "box")).snapshot
    assert snapshot and (snapshot.supports_v2, snapshot.libtorrent, box.request_count) == (True, "", 1)


def test_content_that_is_there_needs_no_libtorrent() -> None:
    box = MemoryInstance(libtorrent="1.2.20.0")
    box.torrents[X] = make_live_torrent({"hash": "x", "content_path": "/d/film"})
    for content, requests in (("/d/film", 1), ({"path": "/d/other", "format": "v1"}, 1), ("/d/other", 2)):
        rows = [{"content": content, "name": "film", "instance": "box"}]
        read_request = ReadRequest.for_instance(make_desired_state({"desired": rows}), "box")
        before = box.request_count
        read_instance(box, fake_retry_policy(), replace(read_request, creations=(), platform=False))
        assert box.request_count - before == requests


def test_a_second_read_keeps_the_health_and_a_failed_one_keeps_nothing() -> None:
    box, retry = MemoryInstance(), fake_retry_policy()
    observation = Observation(box, health=Health(HealthState.OK, EPOCH), free_space=7)
    again = reread_instance(observation, retry, ReadRequest())
    assert again == replace(observation, snapshot=box.read_snapshot())
    error = RejectedError("no", 403)
    box.fail_next(1, error)
    assert reread_instance(observation, retry, ReadRequest()) == Observation(box, error=error)


def test_an_instance_that_cannot_be_planned_becomes_one_that_cannot_be_read() -> None:
    world = World(a=MemoryInstance(), b=MemoryInstance())
    observations = world.observe(TWO_INSTANCES)
    error = InternalError("a", ZeroDivisionError())
    failed = fail_observations(observations, {"a": error}, TWO_INSTANCES, world.context)
    assert (failed["a"].snapshot, failed["a"].error) == (None, error)
    assert failed["a"].health and failed["a"].health.state is HealthState.UNREACHABLE
    assert failed["b"] is observations["b"]


@pytest.mark.parametrize(
    ("dry_run", "is_suspended", "is_stopped"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_torrents_are_stopped_while_the_vpn_is_down_but_not_by_a_dry_run_and_not_where_suspended(
    dry_run: bool, is_suspended: bool, is_stopped: bool
) -> None:
    desired = make_desired_state({"desired": [{"hash": "x"}]})
    guarded = replace(
        desired.instances["box"], health=(Probe(InterfaceCheck("wg0")),), when_unhealthy=UnhealthyPolicy.PAUSE
    )
    box = MemoryInstance()
    box.torrents[X] = make_live_torrent({"hash": "x", "is": "whole", "tags": [OWNER_TAG]})
    world = World(box=box)
    world.context = replace(world.context, is_suspended=lambda _name: is_suspended)
    observation = world.observe(replace(desired, instances={"box": guarded}), dry_run=dry_run)["box"]
    assert observation.health and observation.health.state is HealthState.VPN_DOWN
    assert box.torrents[X].stopped is is_stopped
    assert list(observation.urgent_results) == [X] * is_stopped


def test_free_space_is_read_only_for_members_with_a_limit() -> None:
    members = [{"name": "a", "min_free_space": 1000}, "b"]
    desired = make_desired_state(
        {"groups": {"g": {"strategy": "failover", "members": members}}, "instances": ["a", "b"]}
    )
    world = World(a=MemoryInstance(), b=MemoryInstance())
    world.boxes["a"].free_bytes = 4096
    assert {name: read.free_space for name, read in world.observe(desired).items()} == {"a": 4096, "b": None}
