"""One run step by step: what a dry-run leaves alone, what a deletion rests on, and what a bug costs."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import replace

import pytest

from reconciler.engine.context import Planner, RunContext
from reconciler.engine.observation import OpenTarget
from reconciler.engine.observe import observe_instances
from reconciler.engine.run import apply_run, guard_run, plan_run, run_once
from reconciler.engine.selection import RunOptions, UnknownInstance, select_scope
from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.errors import UnreachableError
from reconciler.model.plan import Outcome
from reconciler.model.run import RunMode, Status
from reconciler.model.snapshot import Snapshot
from reconciler.plan import Plan, PlanInput
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

X, Y = make_v1_hash("x"), make_v1_hash("y")
DESIRED = make_desired_state(
    {
        "instances": ["a", "b"],
        "desired": [{"hash": "x", "instance": "a"}, {"hash": "y", "instance": "b"}],
        "guard": {"max_delete_percent": 100},
    }
)
STALE = make_live_torrent({"hash": "z", "tags": [OWNER_TAG]})


class DeltaInstance(MemoryInstance):
    """An instance whose delta reads show a stale torrent, which only a full read corrects."""

    def __init__(self) -> None:
        super().__init__()
        self._is_full = False

    @property
    def has_full_snapshot(self) -> bool:
        return self._is_full

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        self._is_full = False
        snapshot = super().read_snapshot(files_of, creations)
        return replace(snapshot, torrents=(*snapshot.torrents, STALE))

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        snapshot = super().read_snapshot(files_of, creations)
        self._is_full = True
        return snapshot


class BrokenPlanner(Planner):
    """A planner with a bug that the snapshot of `a` triggers."""

    def plan_actions(self, plan_input: PlanInput) -> Plan:
        if "a" in plan_input.snapshots:
            raise ZeroDivisionError
        return super().plan_actions(plan_input)


class RecordedProgress:
    """A progress that is written down."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def start_instance(self, instance: str, total: int) -> None:
        self.calls.append((f"start {instance}", total))

    def advance_instance(self, instance: str, count: int) -> None:
        self.calls.append((f"advance {instance}", count))

    def finish_instance(self, instance: str) -> None:
        self.calls.append((f"finish {instance}", 0))


class World:
    """Two instances in memory; `a` should have one torrent, and `b` another."""

    def __init__(self, a: MemoryInstance | None = None) -> None:
        self.boxes = {"a": a or MemoryInstance(), "b": MemoryInstance()}
        self.context: RunContext = fake_context(self._connect, max_attempts=1)

    def _connect(self, instance: Instance, _stop: threading.Event) -> OpenTarget:
        return self.boxes[instance.name]

    @property
    def held(self) -> list[set[str]]:
        """Return the ids of the torrents on each instance."""
        return [set(box.torrents) for box in self.boxes.values()]


def test_a_run_makes_the_instances_as_declared_and_the_next_run_finds_nothing_to_do() -> None:
    world = World()
    first = run_once(DESIRED, RunOptions(), world.context)
    assert [[str(entry.outcome) for entry in result.results] for result in first.instances] == [["applied"]] * 2
    assert (first.mode, first.exit_code, world.held) == (RunMode.APPLY, 0, [{X}, {Y}])
    second = run_once(DESIRED, RunOptions(detailed_exitcode=True), world.context)
    assert [(result.results, result.unchanged) for result in second.instances] == [((), 1), ((), 1)]
    assert second.exit_code == 0


def test_a_dry_run_changes_nothing_and_shows_the_plan_that_a_run_would_execute() -> None:
    world = World()
    dry = run_once(DESIRED, RunOptions(dry_run=True, detailed_exitcode=True), world.context)
    assert [[str(entry.outcome) for entry in result.results] for result in dry.instances] == [["planned"]] * 2
    assert (dry.mode, dry.exit_code, world.held) == (RunMode.DRY_RUN, 2, [set(), set()])
    assert run_once(DESIRED, RunOptions(), world.context).plan_hash == dry.plan_hash


def test_an_instance_that_is_down_costs_only_its_own_changes() -> None:
    world = World()
    world.boxes["a"].fail_next(9, UnreachableError("a: no connection"))
    run = run_once(DESIRED, RunOptions(), world.context)
    assert [(result.name, result.status, result.error) for result in run.instances] == [
        ("a", Status.UNREACHABLE, "a: no connection"),
        ("b", Status.OK, None),
    ]
    assert (run.exit_code, world.held) == (1, [set(), {Y}])


def test_no_deletion_rests_on_a_delta_read_alone() -> None:
    world = World(DeltaInstance())
    scope = select_scope(DESIRED, RunOptions())
    with observe_instances(scope, world.context) as observations:
        planned = plan_run(scope, observations, world.context)
        judged = guard_run(planned, world.context)
        verbs = [[str(action.verb) for action in plan.instances[0].actions] for plan in (planned.plan, judged.plan)]
    assert verbs == [["add", "delete"], ["add"]]
    assert judged.observations["b"] is observations["b"], "an instance that loses nothing is not read again"


class ForgetfulInstance(DeltaInstance):
    """An instance whose delta reads lack a torrent that shares data with another one."""

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        snapshot = MemoryInstance.read_snapshot(self, files_of, creations)
        self._is_full = False
        return replace(snapshot, torrents=tuple(torrent for torrent in snapshot.torrents if torrent.id == X))


def test_no_move_rests_on_a_delta_read_alone() -> None:
    box = ForgetfulInstance()
    rows: list[dict[str, object]] = [{"hash": "x", "tags": [OWNER_TAG]}, {"hash": "z"}]
    torrents = [make_live_torrent({**row, "is": "whole", "content_path": "/downloads/film"}) for row in rows]
    box.torrents = {torrent.id: torrent for torrent in torrents}
    desired = make_desired_state(
        {"instances": ["a", "b"], "desired": [{"hash": "x", "instance": "a", "save_path": "/y"}]}
    )
    run = run_once(desired, RunOptions(), World(box).context)
    assert [result.outcome for result in run.instances[0].results] == [Outcome.BLOCKED]
    assert box.torrents[X].save_path == "/downloads"


def test_a_dry_run_reads_nothing_twice() -> None:
    world = World(DeltaInstance())
    run = run_once(DESIRED, RunOptions(dry_run=True), world.context)
    assert [str(entry.action.verb) for entry in run.instances[0].results] == ["add", "delete"]


def test_a_snapshot_that_the_planner_cannot_plan_is_an_error_of_its_instance() -> None:
    world = World()
    run = run_once(DESIRED, RunOptions(), replace(world.context, planner=BrokenPlanner()))
    assert [(result.name, result.status) for result in run.instances] == [("a", Status.ERROR), ("b", Status.OK)]
    assert str(run.instances[0].error).startswith("a: internal error: ZeroDivisionError.")
    assert (run.exit_code, world.held) == (1, [set(), {Y}])


def test_a_plan_that_the_guard_refuses_is_not_executed() -> None:
    world = World()
    world.boxes["a"].torrents[STALE.id] = STALE
    desired = replace(DESIRED, guard=replace(DESIRED.guard, max_delete=0))
    scope = select_scope(desired, RunOptions())
    with observe_instances(scope, world.context) as observations:
        judged = guard_run(plan_run(scope, observations, world.context), world.context)
        results = apply_run(judged, world.context)
    assert [results[name].verdict.refused for name in ("a", "b")] == [True, False]
    assert {entry.outcome for entry in results["a"].results} == {Outcome.PLANNED}
    assert world.held == [{STALE.id}, {Y}]


def test_the_progress_of_an_instance_counts_its_actions() -> None:
    progress = RecordedProgress()
    world = World()
    run_once(DESIRED, RunOptions(instances=("a",)), replace(world.context, progress=progress))
    assert progress.calls[0] == ("start a", 1)
    assert sum(count for call, count in progress.calls if call == "advance a") == 1
    assert progress.calls[-1] == ("finish a", 0)
    assert world.held == [{X}, set()]


def test_an_unknown_instance_is_an_error_before_anything_is_read() -> None:
    world = World()
    with pytest.raises(UnknownInstance):
        run_once(DESIRED, RunOptions(instances=("attic",)), world.context)
    assert [box.request_count for box in world.boxes.values()] == [0, 0]


def test_a_dry_run_finds_what_would_be_planned_for_ever() -> None:
    box = MemoryInstance(with_preferences=True)
    desired = make_desired_state({"desired": [{"hash": "x"}], "declared_preferences": {"max_connec": 0}})
    context = fake_context(lambda instance, stop: box)
    run = run_once(desired, RunOptions(dry_run=True), context)
    assert [(endless.name, endless.change.before, endless.change.after) for endless in run.endless] == [
        ("max_connec", -1, 0)
    ]
    assert run.exit_code == 1
    assert run_once(desired, RunOptions(), context).endless == (), "an apply reads back instead"


def test_a_dry_run_without_a_plan_plans_once() -> None:
    planner, box = CountingPlanner(), MemoryInstance()
    box.torrents = {X: make_live_torrent({"hash": "x", "tags": [OWNER_TAG]})}
    context = replace(fake_context(lambda instance, stop: box), planner=planner)
    run_once(make_desired_state({"desired": [{"hash": "x"}]}), RunOptions(dry_run=True), context)
    assert planner.count == 1


class CountingPlanner(Planner):
    """Counts the plans that it makes."""

    def __init__(self) -> None:
        self.count = 0

    def plan_actions(self, plan_input: PlanInput) -> Plan:
        self.count += 1
        return super().plan_actions(plan_input)
