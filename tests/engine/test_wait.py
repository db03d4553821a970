"""A run that is repeated until nothing is pending, and the merge of its runs into one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from reconciler.engine.selection import RunOptions
from reconciler.engine.wait import merge_runs, run_until_placed
from reconciler.model.errors import AuthenticationError, UnreachableError
from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.example_runs import ADD_ACTION, PLAN_HASH, make_instance_result, make_torrent_action
from tests.support.fake_retry import fake_context
from tests.support.fake_time import EPOCH
from tests.support.planner_inputs import make_desired_state, make_v1_hash

GROUP = {"strategy": "failover", "members": ["a", "b"]}
DESIRED = make_desired_state(
    {"groups": {"g": GROUP}, "instances": ["a", "b"], "desired": [{"hash": "x", "instance": "g"}]}
)
PENDING = PendingTorrent("0" * 40, "Sintel", "g", "waits", Position("desired.yaml", 1, 1))


def _make_run(*instances: InstanceResult, pending: tuple[PendingTorrent, ...] = ()) -> Run:
    return Run(RunMode.APPLY, PLAN_HASH, 1 if pending else 0, instances, pending=pending)


class World:
    """Two members of a group in memory, and the pauses between the runs on them."""

    def __init__(self) -> None:
        self.boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
        self.context = fake_context(lambda instance, _stop: self.boxes[instance.name], max_attempts=1)
        self.remaining: list[float] = []

    def report_pending(self, pending: Sequence[PendingTorrent], remaining: float) -> None:
        assert [torrent.name for torrent in pending] == ["x"]
        self.remaining.append(remaining)

    def run(self, timeout: float) -> Run:
        return run_until_placed(DESIRED, RunOptions(), self.context, timeout, self.report_pending)


def test_nothing_pending_ends_the_wait_after_one_run() -> None:
    world = World()
    assert world.run(60).exit_code == 0
    assert world.remaining == []
    assert set(world.boxes["a"].torrents) == {make_v1_hash("x")}


def test_a_torrent_is_placed_as_soon_as_a_member_answers() -> None:
    world = World()
    for box in world.boxes.values():
        box.fail_next(2, UnreachableError("no connection"))
    run = world.run(60)
    assert world.remaining == [60, 55]
    assert (run.pending, run.exit_code) == ((), 0)
    assert set(world.boxes["a"].torrents) == {make_v1_hash("x")}


def test_the_wait_ends_at_the_timeout_with_the_torrent_still_pending() -> None:
    world = World()
    for box in world.boxes.values():
        box.fail_next(1000, UnreachableError("no connection"))
    run = world.run(12)
    assert world.remaining == [12, 7, 2]
    assert [torrent.name for torrent in run.pending] == ["x"]
    assert run.exit_code == 1
    assert world.context.utc() - EPOCH == timedelta(seconds=12)


def test_an_instance_that_refuses_the_credentials_is_contacted_once() -> None:
    world = World()
    world.boxes["a"].fail_next(1000, AuthenticationError("a: wrong credentials"))
    world.boxes["b"].fail_next(1000, UnreachableError("no connection"))
    run = world.run(20)
    assert (world.boxes["a"].request_count, world.boxes["b"].request_count) == (1, 5)
    assert [(result.name, result.status) for result in run.instances] == [
        ("a", Status.AUTH_FAILED),
        ("b", Status.UNREACHABLE),
    ]


def test_a_stop_ends_the_wait_after_the_run_in_progress() -> None:
    world = World()
    world.boxes["a"].fail_next(1000, UnreachableError("no connection"))
    world.boxes["b"].fail_next(1000, UnreachableError("no connection"))
    world.context.stop.set()
    assert [torrent.name for torrent in world.run(60).pending] == ["x"]
    assert world.remaining == []


def test_a_merged_run_keeps_what_the_earlier_run_applied_and_drops_what_it_did_not() -> None:
    applied = ActionResult(ADD_ACTION, Outcome.APPLIED)
    failed = ActionResult(make_torrent_action(Verb.ADD, "b", "a reason", number=2), Outcome.FAILED, "no")
    earlier = _make_run(make_instance_result("home", (applied, failed), owned=3), pending=(PENDING,))
    later = _make_run(make_instance_result("home", owned=4, unchanged=1))
    merged = merge_runs(earlier, later, RunOptions())
    (result,) = merged.instances
    assert result.results == (applied,)
    assert (result.requests, result.owned, result.unchanged) == (8, 3, 0), "an added torrent is no unchanged entry"
    assert (merged.exit_code, merged.pending) == (0, ())


def test_a_merged_run_has_the_instances_of_both_by_name() -> None:
    down = InstanceResult("attic", Status.AUTH_FAILED, "attic: wrong credentials")
    merged = merge_runs(_make_run(down), _make_run(make_instance_result("home")), RunOptions())
    assert [result.name for result in merged.instances] == ["attic", "home"]
    assert merged.exit_code == 1, "an instance that is not read again stays a failure"
