"""A single run waits while another one changes the instance, and then observes and plans again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.engine.lease_wait import WAIT_TIMEOUT, run_when_free
from reconciler.engine.leases import EXPIRY
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from reconciler.model.plan import Outcome
from reconciler.model.run import Run, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

DESIRED = make_desired_state(
    {"instances": ["a", "b"], "desired": [{"hash": "x", "instance": "a"}, {"hash": "y", "instance": "b"}]}
)
HOLD = LeaseHold(
    LeaseMark("home", "a", "22222222", datetime(2026, 1, 1, tzinfo=UTC)), Holder("nas", "elsewhere", "1.1", "beef")
)


class World:
    """Two instances in memory; another run holds the lease on the first. `react` is called before each pause."""

    def __init__(self) -> None:
        self.boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
        self.boxes["a"].create_tags([HOLD.tag])
        self.context = fake_context(lambda instance, _stop: self.boxes[instance.name])
        self.remaining: list[float] = []

    def report_rivals(self, rivals: Mapping[str, LeaseHold], remaining: float) -> None:
        assert rivals.keys() == {"a"}
        self.remaining.append(remaining)
        self.react()

    def react(self) -> None:
        """Leave everything as it is."""

    def run(self) -> Run:
        return run_when_free(DESIRED, RunOptions(), self.context, self.report_rivals)


def test_the_other_instance_is_changed_at_once_and_the_first_when_the_run_has_ended() -> None:
    class EndingWorld(World):
        def react(self) -> None:
            assert list(self.boxes["b"].torrents) == [make_v1_hash("y")]
            if len(self.remaining) == 3:
                self.boxes["a"].delete_tags([HOLD.tag])

    world = EndingWorld()
    run = world.run()
    assert run.exit_code == 0
    assert {instance.name: [r.outcome for r in instance.results] for instance in run.instances} == {
        "a": [Outcome.APPLIED],
        "b": [Outcome.APPLIED],
    }
    assert [instance.rival for instance in run.instances] == [None, None]
    assert world.remaining[0] == WAIT_TIMEOUT and len(world.remaining) == 3


def test_what_the_other_run_has_done_is_not_done_again() -> None:
    class WorkingWorld(World):
        def react(self) -> None:
            box = self.boxes["a"]
            box.delete_tags([HOLD.tag])
            run_when_free(DESIRED, RunOptions(instances=("a",)), replace(self.context), self.report_rivals)

    run = WorkingWorld().run()
    (result,) = (instance for instance in run.instances if instance.name == "a")
    assert (result.results, result.unchanged, run.exit_code) == ((), 1, 0)


def test_a_holder_that_does_not_renew_is_waited_for_no_longer_than_its_lease() -> None:
    world = World()
    assert world.run().exit_code == 0
    assert WAIT_TIMEOUT - world.remaining[-1] >= EXPIRY - 10
    assert list(world.boxes["a"].torrents) == [make_v1_hash("x")]


def test_a_holder_that_goes_on_renewing_is_an_error_in_the_end() -> None:
    class BusyWorld(World):
        hold = HOLD

        def react(self) -> None:
            self.boxes["a"].delete_tags([self.hold.tag])
            self.hold = self.hold.renew()
            self.boxes["a"].create_tags([self.hold.tag])

    world = BusyWorld()
    run = world.run()
    (result,) = (instance for instance in run.instances if instance.name == "a")
    assert (run.exit_code, result.status) == (1, Status.ERROR)
    assert result.error and "another run is under way (process 1 on nas, since 2026-01-01" in result.error
    assert world.boxes["a"].torrents == {}


def test_a_stop_ends_the_wait() -> None:
    class StoppedWorld(World):
        def react(self) -> None:
            self.context.stop.set()

    world = StoppedWorld()
    assert world.run().exit_code == 1
    assert len(world.remaining) == 1


GROUP_CASE = {
    "groups": {"g": {"strategy": "failover", "members": ["a", "b"]}},
    "instances": ["a", "b"],
    "desired": [{"hash": "x", "instance": "g"}],
}


@pytest.mark.parametrize(("expected_hash", "tries"), [(None, 3), ("sha256:", 0)])
def test_a_surplus_copy_waits_for_the_run_on_the_instance_that_keeps_one(expected_hash: str | None, tries: int) -> None:
    world = World()
    for box in world.boxes.values():
        live = make_live_torrent({"hash": "x", "is": "whole", "tags": [OWNER_TAG]})
        box.torrents[live.id] = live
    waits: list[float] = []

    def report_rivals(rivals: Mapping[str, LeaseHold], remaining: float) -> None:
        assert rivals == {"b": HOLD}
        waits.append(remaining)
        if len(waits) == 3:
            world.boxes["a"].delete_tags([HOLD.tag])

    desired, options = make_desired_state(GROUP_CASE), RunOptions(instances=("b",))
    if expected_hash:
        expected_hash = run_once(desired, replace(options, dry_run=True), world.context).plan_hash
    run = run_when_free(desired, replace(options, expect_plan=expected_hash), world.context, report_rivals)
    (result,) = run.instances[0].results
    assert (len(waits), run.exit_code) == (tries, 0)
    assert result.outcome is (Outcome.APPLIED if tries else Outcome.DEFERRED)
    assert [len(box.torrents) for box in world.boxes.values()] == [1, 0 if tries else 1]
