"""A run executes the expected plan as a whole, or nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.engine.lease_wait import run_when_free
from reconciler.engine.observation import OpenTarget
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import RejectedError, UnreachableError
from reconciler.model.health import InterfaceCheck, Probe, UnhealthyPolicy
from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from reconciler.model.plan import Outcome
from reconciler.model.run import Run
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

X, Y = make_v1_hash("x"), make_v1_hash("y")
ROWS = [{"hash": "x", "instance": "a"}, {"hash": "y", "instance": "b"}]
DESIRED = make_desired_state({"instances": ["a", "b"], "desired": ROWS})
OTHER_HASH = "sha256:" + "0" * 64
HOLD = LeaseHold(
    LeaseMark("home", "a", "22222222", datetime(2026, 1, 1, tzinfo=UTC)), Holder("nas", "elsewhere", "1.1", "beef")
)


class World:
    """Two instances in memory."""

    def __init__(self, desired: DesiredState = DESIRED) -> None:
        self.desired = desired
        self.boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
        self.context = fake_context(self._connect, max_attempts=1)

    def _connect(self, instance: Instance, _stop: threading.Event) -> OpenTarget:
        return self.boxes[instance.name]

    @property
    def held(self) -> list[set[str]]:
        """Return the ids of the torrents on each instance."""
        return [set(box.torrents) for box in self.boxes.values()]

    def plan(self) -> str:
        """Return the hash of the present plan."""
        return self.run(dry_run=True).plan_hash

    def run(self, *, dry_run: bool = False, expect_plan: str | None = None, accept_plan: str | None = None) -> Run:
        options = RunOptions(dry_run=dry_run, expect_plan=expect_plan, accept_plan=accept_plan)
        return run_once(self.desired, options, self.context)


def test_the_expected_plan_is_executed() -> None:
    world = World()
    run = world.run(expect_plan=world.plan())
    assert (run.exit_code, world.held) == (0, [{X}, {Y}])
    assert run.expectation and run.expectation.is_met


@pytest.mark.parametrize("dry_run", [True, False])
def test_another_plan_is_shown_and_not_executed(dry_run: bool) -> None:
    world = World()
    expected = world.plan()
    world.boxes["b"].torrents[Y] = make_live_torrent({"hash": "y", "tags": [OWNER_TAG]})
    run = world.run(expect_plan=expected, dry_run=dry_run)
    assert (run.exit_code, world.held) == (3, [set(), {Y}]), "the part that is as before is not executed either"
    assert run.expectation and not run.expectation.is_met
    assert [result.outcome for instance in run.instances for result in instance.results] == [Outcome.PLANNED]
    assert all(box.tag_names == set() for box in world.boxes.values()), "no lease was taken"


def test_a_plan_that_is_empty_both_times_is_as_expected() -> None:
    world = World()
    world.run()
    assert world.run(expect_plan=world.plan()).exit_code == 0
    assert world.run(expect_plan=OTHER_HASH).exit_code == 3


def test_a_plan_without_an_instance_is_never_the_expected_one() -> None:
    world = World()
    world.boxes["b"].fail_next(99, UnreachableError("down"))
    run = world.run(expect_plan=world.plan())
    assert (run.exit_code, world.held) == (3, [set(), set()]), "also if it was not read for the saved plan"
    assert run.expectation and run.expectation.reason == "b could not be read, so the plan is not whole"


def test_a_refused_plan_needs_more_than_to_be_expected() -> None:
    world = World(make_desired_state({"instances": ["a", "b"], "desired": ROWS, "guard": {"max_delete": 0}}))
    world.boxes["a"].torrents["z"] = make_live_torrent({"hash": "z", "id": "z", "tags": [OWNER_TAG]})
    plan_hash = world.plan()
    refused = world.run(expect_plan=plan_hash)
    assert refused.expectation and refused.expectation.is_met
    assert (refused.exit_code, world.held) == (3, [{"z"}, {Y}])
    plan_hash = world.plan()
    assert world.run(expect_plan=plan_hash, accept_plan=plan_hash).exit_code == 0
    assert world.held == [{X}, {Y}]


def test_the_kill_switch_waits_for_the_comparison() -> None:
    stopping = replace(
        DESIRED.instances["a"], health=(Probe(InterfaceCheck("wg0")),), when_unhealthy=UnhealthyPolicy.PAUSE
    )
    world = World(replace(DESIRED, instances={**DESIRED.instances, "a": stopping}))
    world.boxes["a"].torrents[X] = make_live_torrent({"hash": "x", "tags": [OWNER_TAG]})
    plan_hash = world.plan()
    world.run(expect_plan=OTHER_HASH)
    assert not world.boxes["a"].torrents[X].stopped
    world.run(expect_plan=plan_hash)
    assert world.boxes["a"].torrents[X].stopped


def test_without_a_lease_on_one_instance_nothing_is_executed_on_the_others() -> None:
    world = World()
    plan_hash = world.plan()

    def refuse(_tags: object) -> None:
        raise RejectedError("b: no", 403)

    world.boxes["b"].create_tags = refuse  # type: ignore[method-assign, assignment]
    run = world.run(expect_plan=plan_hash)
    assert (run.exit_code, world.held) == (3, [set(), set()])
    assert run.expectation and run.expectation.reason == "b could not be locked for this run"


def test_while_another_run_is_under_way_nothing_is_executed_and_the_whole_is_planned_again() -> None:
    world = World()
    world.boxes["a"].create_tags([HOLD.tag])
    options = RunOptions(expect_plan=world.plan())
    seen = []

    def end_other_run(_rivals: object, _remaining: float) -> None:
        seen.append(world.held)
        world.boxes["a"].delete_tags([HOLD.tag])

    run = run_when_free(DESIRED, options, world.context, end_other_run)
    assert (seen, run.exit_code, world.held) == ([[set(), set()]], 0, [{X}, {Y}])


def test_what_the_other_run_has_changed_makes_it_another_plan() -> None:
    world = World()
    world.boxes["a"].create_tags([HOLD.tag])
    options = RunOptions(expect_plan=world.plan())

    def end_other_run(_rivals: object, _remaining: float) -> None:
        world.boxes["a"].torrents[X] = make_live_torrent({"hash": "x", "tags": [OWNER_TAG]})
        world.boxes["a"].delete_tags([HOLD.tag])

    run = run_when_free(DESIRED, options, world.context, end_other_run)
    assert (run.exit_code, world.held) == (3, [{X}, set()])
