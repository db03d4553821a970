"""A run holds a lease on each instance that it changes, and on no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.engine.context import RunContext
from reconciler.engine.leases import EXPIRY, LAPSE, RENEW_INTERVAL, LeaseMemory
from reconciler.engine.observation import OpenTarget
from reconciler.engine.process import identify_process
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DEFAULT_OWNER, DesiredState, Instance
from reconciler.model.errors import BrokenResponseError, StopRequested, UnreachableError
from reconciler.model.lease import Holder, LeaseHold, LeaseMark, LeaseTags
from reconciler.model.plan import Outcome
from reconciler.model.run import InstanceResult, Run, Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

X, Y = make_v1_hash("x"), make_v1_hash("y")
SINCE = datetime(2025, 12, 31, tzinfo=UTC)


class Box(MemoryInstance):
    """An instance that records its lease tags at each change of torrents, and every write of tags."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[LeaseTags] = []
        self.writes: list[str] = []
        self.during_add: Callable[[], None] = lambda: None

    @property
    def leases(self) -> LeaseTags:
        """The leases on it."""
        return LeaseTags.parse(self.tag_names)

    def add_magnets(self, *arguments: Any) -> None:
        self.seen.append(self.leases)
        self.during_add()
        super().add_magnets(*arguments)

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        self.seen.append(self.leases)
        super().delete_torrents(ids, delete_files)

    def create_tags(self, tags: Collection[str]) -> None:
        self.writes.append("create")
        super().create_tags(tags)

    def delete_tags(self, tags: Collection[str]) -> None:
        self.writes.append("delete")
        super().delete_tags(tags)


def make_desired(state_id: str = "11111111", **case: Any) -> DesiredState:
    """Two torrents for the instance a, unless the case says otherwise."""
    rows = [{"hash": "x", "instance": "a"}, {"hash": "y", "instance": "a"}]
    case = {"instances": ["a"], "desired": rows, "guard": {"max_delete_percent": 100}, **case}
    return replace(make_desired_state(case), state_id=state_id)


def run(boxes: MemoryInstance | dict[str, MemoryInstance], desired: DesiredState, **options: Any) -> Run:
    """Run on the instances, as a process of its own."""
    return run_once(desired, RunOptions(**options), make_context(boxes))


def make_context(boxes: MemoryInstance | dict[str, MemoryInstance]) -> RunContext:
    def connect(instance: Instance, _stop: threading.Event) -> OpenTarget:
        return boxes[instance.name] if isinstance(boxes, dict) else boxes

    return replace(fake_context(connect, max_attempts=2), lease_memory=LeaseMemory())


def make_rival(process: str = "1.1", machine: str = "elsewhere") -> LeaseHold:
    """A hold of another run."""
    return LeaseHold(LeaseMark("home", "a", "11111111", SINCE), Holder("nas", machine, process, "beef"))


def list_outcomes(ran: Run) -> set[Outcome]:
    return {result.outcome for instance in ran.instances for result in instance.results}


def test_a_run_holds_the_lease_while_it_changes_the_instance_and_leaves_its_mark() -> None:
    box = Box()
    assert run(box, make_desired()).exit_code == 0
    (during,) = box.seen
    assert [(hold.mark.owner, hold.mark.instance, hold.mark.state_id) for hold in during.holds] == [
        ("home", "a", "11111111")
    ]
    assert len(during.marks) == len(box.leases.marks) == 1
    assert box.leases.holds == frozenset()


def test_a_run_without_changes_and_a_dry_run_write_no_tag() -> None:
    box = Box()
    assert run(box, make_desired(), dry_run=True).exit_code == 0
    assert box.writes == []
    run(box, make_desired())
    box.writes.clear()
    requests = box.request_count
    run(box, make_desired())
    assert (box.writes, box.request_count - requests) == ([], 1)


def test_a_later_run_writes_no_new_mark() -> None:
    box = Box()
    run(box, make_desired(desired=[{"hash": "x", "instance": "a"}]))
    before = box.leases.marks
    box.writes.clear()
    run(box, make_desired())
    assert (box.leases.marks, box.writes) == (before, ["create", "delete"])


def test_two_names_of_one_server_are_refused_before_anything_is_changed() -> None:
    box, other = Box(), Box()
    desired = make_desired(
        instances=["lan", "public", "nas"],
        desired=[
            {"hash": "x", "instance": "lan"},
            {"hash": "y", "instance": "public"},
            {"hash": "z", "instance": "nas"},
        ],
    )
    ran = run({"lan": box, "public": box, "nas": other}, desired)
    refused = {instance.name: instance.verdict.reasons for instance in ran.instances if instance.verdict.refused}
    assert ran.exit_code == 3
    assert refused.keys() == {"lan", "public"}
    others = {instance.name: instance.same_server for instance in ran.instances}
    assert others == {"lan": "public", "public": "lan", "nas": None}
    assert "the same server as public" in refused["lan"][0] and "the same server as lan" in refused["public"][0]
    assert (box.torrents, box.tag_names) == ({}, set())
    assert list(other.torrents) == [make_v1_hash("z")]


def test_a_second_name_of_a_server_is_refused_in_a_dry_run_too() -> None:
    box = Box()
    run({"lan": box}, make_desired(instances=["lan"], desired=[{"hash": "x", "instance": "lan"}]))
    box.writes.clear()
    desired = make_desired(instances=["lan", "public"], desired=[{"hash": "x", "instance": "lan"}])
    for dry_run in (True, False):
        ran = run({"lan": box, "public": box}, desired, dry_run=dry_run)
        assert ran.exit_code == 3
        assert [instance.verdict.refused for instance in ran.instances] == [True, True]
        assert [instance.same_server for instance in ran.instances] == ["public", "lan"]
    assert (list(box.torrents), box.writes) == ([X], [])


def test_a_server_without_marks_is_recognized_before_it_loses_torrents() -> None:
    box = Box()
    live = make_live_torrent({"hash": "x", "tags": [OWNER_TAG], "stopped": False})
    box.torrents[live.id] = live
    desired = make_desired(instances=["lan", "public"], desired=[{"hash": "x", "instance": "lan"}])
    ran = run({"lan": box, "public": box}, desired)
    assert [instance.verdict.refused for instance in ran.instances] == [True, True]
    assert (list(box.torrents), box.tag_names) == ([X], set())


def test_two_desired_states_with_the_default_owner_do_not_delete_what_the_other_declares() -> None:
    box = Box()
    for letter, state_id in (("x", "11111111"), ("y", "22222222")) * 2:
        desired = make_desired(state_id, desired=[{"hash": letter, "instance": "a"}])
        ran = run(box, replace(desired, owner=DEFAULT_OWNER))
        if state_id == "22222222":
            assert ran.exit_code == 3
            assert "another desired state with the owner" in ran.instances[0].verdict.reasons[0]
    assert list(box.torrents) == [X]


def test_a_run_waits_for_another_one_of_its_owner() -> None:
    box = Box()
    rival = make_rival()
    box.create_tags([rival.tag])
    ran = run(box, make_desired())
    assert list_outcomes(ran) == {Outcome.DEFERRED}
    assert (ran.exit_code, ran.instances[0].rival) == (0, rival)
    assert (box.torrents, box.tag_names) == ({}, {rival.tag})


def test_a_run_withdraws_if_another_one_takes_the_lease_at_the_same_moment() -> None:
    rival = make_rival()

    class ContestedBox(Box):
        def create_tags(self, tags: Collection[str]) -> None:
            super().create_tags({*tags, rival.tag})

    box = ContestedBox()
    ran = run(box, make_desired())
    assert (ran.instances[0].rival, box.torrents) == (rival, {})
    assert box.leases.holds == {rival}


def test_two_runs_at_once_never_change_the_instance_together() -> None:
    box = Box()
    second: list[Run] = []
    box.during_add = lambda: second.append(run(box, make_desired()))
    assert run(box, make_desired()).exit_code == 0
    assert list_outcomes(second[0]) == {Outcome.DEFERRED}
    assert len(box.seen) == 1


def test_another_owner_is_no_reason_to_wait_and_is_reported() -> None:
    box = Box()
    other = replace(make_rival(), mark=LeaseMark("work", "a", "22222222", SINCE))
    box.create_tags([other.tag, other.mark.tag])
    ran = run(box, make_desired())
    assert list_outcomes(ran) == {Outcome.APPLIED}
    assert ran.instances[0].marks == (other.mark,)


def test_the_hold_of_a_process_that_has_ended_is_replaced_at_once() -> None:
    box = Box()
    us = identify_process()
    dead = replace(make_rival(), holder=replace(us, process="999999999.1", nonce="beef"))
    box.create_tags([dead.tag])
    assert list_outcomes(run(box, make_desired())) == {Outcome.APPLIED}
    assert box.leases.holds == frozenset()


def test_a_hold_that_is_not_renewed_ends_whatever_its_time_says() -> None:
    memory, rival = LeaseMemory(), make_rival()
    assert memory.find_dead("a", [rival], 1000.0) == []
    assert memory.find_dead("a", [rival], 1000.0 + EXPIRY - 1) == []
    assert memory.find_dead("a", [rival.renew()], 1000.0 + EXPIRY) == [], "it was renewed"
    assert memory.find_dead("b", [rival], 1000.0 + EXPIRY) == []
    assert memory.find_dead("a", [rival.renew()], 1000.0 + 2 * EXPIRY) == [rival.renew()]


def test_a_hold_is_renewed_between_requests_of_a_long_run() -> None:
    box = Box()
    context = make_context(box)
    box.during_add = lambda: context.retry.clock.sleep(RENEW_INTERVAL)
    assert list_outcomes(run_once(make_desired(), RunOptions(), context)) == {Outcome.APPLIED}
    assert box.writes == ["create", "create", "create", "delete", "delete"]
    assert box.leases.holds == frozenset()


def test_a_hold_that_could_not_be_deleted_is_no_rival_of_the_same_process() -> None:
    class KeepingBox(Box):
        def delete_tags(self, tags: Collection[str]) -> None:
            if len(self.torrents) == 1:
                raise BrokenResponseError("a: cut")
            super().delete_tags(tags)

    box = KeepingBox()
    context = make_context(box)
    run_once(make_desired(desired=[{"hash": "x", "instance": "a"}]), RunOptions(), context)
    assert len(box.leases.holds) == 1
    assert list_outcomes(run_once(make_desired(), RunOptions(), context)) == {Outcome.APPLIED}
    assert box.leases.holds == frozenset()


@pytest.mark.parametrize("call", ["read_tags", "create_tags"])
def test_nothing_is_changed_without_a_lease(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()

    def fail(*_: object) -> None:
        raise UnreachableError("a: no connection")

    monkeypatch.setattr(box, call, fail)
    ran = run(box, make_desired())
    assert (ran.instances[0].status, list_outcomes(ran)) == (Status.UNREACHABLE, {Outcome.DROPPED})
    assert box.torrents == {}
    assert ran.exit_code == 1


def test_a_stop_gives_the_lease_back() -> None:
    box = Box()
    context = make_context(box)

    def stop() -> None:
        context.stop.set()
        raise StopRequested("stop")

    box.during_add = stop
    ran = run_once(make_desired(), RunOptions(), context)
    assert list_outcomes(ran) == {Outcome.DROPPED}
    assert box.leases.holds == frozenset()


class SurplusWorld:
    """A copy on `a`, and a surplus copy on `b`, which a run is to delete that has only `b`."""

    def __init__(self) -> None:
        self.boxes = {"a": Box(), "b": Box()}
        for box in self.boxes.values():
            box.torrents[X] = make_live_torrent({"hash": "x", "is": "whole", "tags": [OWNER_TAG]})
        group = {"strategy": "failover", "members": ["a", "b"]}
        rows = [{"hash": "x", "instance": "g"}]
        self.desired = make_desired(instances=["a", "b"], groups={"g": group}, desired=rows)
        self.context = make_context(dict(self.boxes))

    def run(self) -> InstanceResult:
        """Run on the instance with the surplus copy."""
        ran = run_once(self.desired, RunOptions(instances=("b",)), self.context)
        assert ran.exit_code == (1 if list_outcomes(ran) & {Outcome.DROPPED} else 0)
        return ran.instances[0]


def test_a_keeper_that_another_run_changes_is_not_relied_on_until_that_has_ended() -> None:
    world, rival = SurplusWorld(), make_rival()
    world.boxes["a"].create_tags([rival.tag])
    result = world.run()
    assert (result.keeper_rival, result.rival) == (rival, None)
    assert [item.outcome for item in result.results] == [Outcome.DEFERRED]
    assert X in world.boxes["b"].torrents
    assert world.boxes["a"].leases.holds == {rival}, "nothing is written where another run has the lease"
    world.context.retry.clock.sleep(EXPIRY)
    assert [item.outcome for item in world.run().results] == [Outcome.APPLIED], "it was not renewed"
    assert (X in world.boxes["a"].torrents, X in world.boxes["b"].torrents) == (True, False)


def test_the_own_hold_is_on_the_server_before_the_holds_on_the_keeper_are_read_and_these_before_the_copy() -> None:
    world, seen = SurplusWorld(), list[str]()

    class WatchedBox(Box):
        def read_tags(self) -> frozenset[str]:
            seen.append("holds" if world.boxes["b"].leases.holds else "holds, without an own one")
            return super().read_tags()

        def read_torrents(self, ids: Collection[str], *sift: Any) -> tuple[LiveTorrent, ...]:
            seen.append("copy")
            return super().read_torrents(ids, *sift)

    keeper = WatchedBox()
    keeper.torrents, world.boxes["a"] = world.boxes["a"].torrents, keeper
    world.context = make_context(dict(world.boxes))
    world.run()
    assert (seen[-2:], X in world.boxes["b"].torrents) == (["holds", "copy"], False)


@pytest.mark.parametrize(("pause", "is_deleted"), [(LAPSE - 1, True), (LAPSE, False)])
def test_a_run_that_stood_still_since_it_looked_deletes_nothing(pause: float, is_deleted: bool) -> None:
    world = SurplusWorld()

    class SlowBox(Box):
        def read_torrents(self, ids: Collection[str], *sift: Any) -> tuple[LiveTorrent, ...]:
            world.context.retry.clock.sleep(pause)
            return super().read_torrents(ids, *sift)

    keeper = SlowBox()
    keeper.torrents, world.boxes["a"] = world.boxes["a"].torrents, keeper
    world.context = make_context(dict(world.boxes))
    (result,) = world.run().results
    assert (X in world.boxes["b"].torrents) is not is_deleted
    assert result.outcome is (Outcome.APPLIED if is_deleted else Outcome.DROPPED)
    assert is_deleted or "stood still" in str(result.error)
    assert world.boxes["b"].leases.holds == frozenset()


def test_a_lease_that_lapsed_during_other_work_is_written_again_before_surplus_copies_are_deleted() -> None:
    world = SurplusWorld()
    rows = [{"hash": "x", "instance": "g"}, {"hash": "y", "instance": "b"}]
    group = {"strategy": "failover", "members": ["a", "b"]}
    world.desired = make_desired(instances=["a", "b"], groups={"g": group}, desired=rows)
    world.boxes["b"].during_add = lambda: world.context.retry.clock.sleep(LAPSE)
    assert [item.outcome for item in world.run().results] == [Outcome.APPLIED, Outcome.APPLIED]
    assert list(world.boxes["b"].torrents) == [Y]


def test_a_plan_that_is_refused_takes_no_lease() -> None:
    box = Box()
    for letter in "abcdefghijkl":
        live = make_live_torrent({"hash": letter, "tags": [OWNER_TAG]})
        box.torrents[live.id] = live
    ran = run(box, make_desired())
    assert ran.exit_code == 3
    assert box.writes == []


def test_an_instance_that_is_suspended_during_a_run_gets_no_further_change() -> None:
    box, suspended = Box(), set[str]()
    box.during_add = lambda: suspended.add("a")
    rows = [{"hash": "x", "instance": "a", "category": "c"}, {"hash": "y", "instance": "a"}]
    context = replace(make_context(box), is_suspended=suspended.__contains__)
    (result,) = run_once(make_desired(desired=rows), RunOptions(), context).instances
    assert len(box.seen) == 1 and len(box.torrents) == 1, "the request under way was the last"
    reasons = [item.error for item in result.results if item.outcome is not Outcome.APPLIED]
    assert reasons and all(str(reason).endswith("the instance was suspended meanwhile") for reason in reasons)
    assert box.leases.holds == frozenset()


def test_an_instance_that_is_suspended_while_it_is_read_is_only_shown() -> None:
    box = Box()
    (result,) = run_once(
        make_desired(), RunOptions(), replace(make_context(box), is_suspended=lambda name: name == "a")
    ).instances
    assert (result.status, list(box.torrents), box.writes) == (Status.SUSPENDED, [], [])
    assert {item.outcome for item in result.results} == {Outcome.PLANNED}
