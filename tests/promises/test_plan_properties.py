"""Properties of any plan, for any desired state and any instance: every check holds on the plan of every world."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from hypothesis import given

from reconciler.model.data_overlap import DataPathIndex
from reconciler.model.desired import DesiredState, Policy
from reconciler.model.fields.names import QUARANTINE
from reconciler.model.plan import Action, DeleteTorrent, InstancePlan, ObjectKind, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE_TAG, PROTECT_TAG
from reconciler.plan import Plan, PlanInput, make_plan
from tests.support.planner_inputs import OWNER_TAG
from tests.support.search_effort import take_examples
from tests.support.strategies import NOW, cases, make_world, numbers


@dataclass(frozen=True)
class PlannedWorld:
    """A case, and the plan of it."""

    case: dict[str, Any]
    desired: DesiredState
    live: Snapshot
    plan: Plan

    @property
    def instance_plan(self) -> InstancePlan:
        """The plan of the only instance."""
        return self.plan.instances[0]

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions."""
        return self.instance_plan.actions

    @cached_property
    def torrent_actions(self) -> list[Action]:
        """The actions on torrents that are carried out now."""
        return [action for action in self.actions if action.kind is ObjectKind.TORRENT and action.hold is None]

    @cached_property
    def deletions(self) -> list[DeleteTorrent]:
        """The torrents that are deleted now."""
        return [action for action in self.torrent_actions if isinstance(action, DeleteTorrent)]

    @cached_property
    def absent_ids(self) -> set[str]:
        """The ids of the entries that are declared absent."""
        return {key for entry in self.desired.torrents if entry.absent for key in entry.ids}

    def find_torrent(self, action: Action) -> LiveTorrent:
        """Return the torrent of an action."""
        return next(torrent for torrent in self.live.torrents if torrent.id == action.torrent_id)

    def is_declared_absent(self, action: Action) -> bool:
        """Return True if the torrent of an action is declared absent."""
        return not self.absent_ids.isdisjoint(self.find_torrent(action).infohashes.ids)


def plan_world(case: dict[str, Any]) -> PlannedWorld:
    """Return a case with its plan."""
    desired, live = make_world(case)
    plan = make_plan(PlanInput(desired, {"box": live}, take_over=case["take_over"], now=NOW))
    return PlannedWorld(case, desired, live, plan)


Check = Callable[[PlannedWorld], None]
CHECKS: Final[list[Check]] = []


def promise(check: Check) -> Check:
    """Let a check be made on every world."""
    CHECKS.append(check)
    return check


@take_examples(150)
@given(cases())
def test_every_plan_keeps_every_promise(case: dict[str, Any]) -> None:
    world = plan_world(case)
    for check in CHECKS:
        check(world)


@promise
def check_nothing_is_deleted_that_is_not_owned_or_declared_absent(world: PlannedWorld) -> None:
    for action in world.deletions:
        tags = world.find_torrent(action).tags
        assert OWNER_TAG in tags or world.is_declared_absent(action)
        assert not {PROTECT_TAG, IGNORE_TAG} & tags
        assert world.desired.policy is Policy.SYNC


@promise
def check_torrents_neither_declared_nor_owned_are_in_no_plan(world: PlannedWorld) -> None:
    declared = {key for entry in world.desired.torrents for key in entry.ids}
    strangers = {
        torrent.id
        for torrent in world.live.torrents
        if OWNER_TAG not in torrent.tags and not declared.intersection(torrent.infohashes.ids)
    }
    assert not strangers.intersection(str(action.torrent_id) for action in world.actions)


@promise
def check_ignored_torrents_are_in_no_plan(world: PlannedWorld) -> None:
    ignored = {torrent.id for torrent in world.live.torrents if IGNORE_TAG in torrent.tags}
    assert not ignored & {str(action.torrent_id) for action in world.actions if action.hold is None}


@promise
def check_every_action_and_every_spared_torrent_has_a_reason(world: PlannedWorld) -> None:
    assert all(action.reason for action in world.actions)
    assert all(spared.reason for spared in world.instance_plan.spared)


@promise
def check_each_torrent_has_at_most_one_action(world: PlannedWorld) -> None:
    subjects = [action.torrent_id or action.infohash for action in world.torrent_actions]
    assert len(subjects) == len(set(subjects))


@promise
def check_data_shared_with_kept_torrents_is_never_deleted(world: PlannedWorld) -> None:
    gone = {action.torrent_id for action in world.deletions}
    for action in world.deletions:
        if action.delete_files:
            doomed = DataPathIndex([world.find_torrent(action)])
            assert not any(doomed.find_overlaps(torrent) for torrent in world.live.torrents if torrent.id not in gone)


@promise
def check_data_shared_with_torrents_that_stay_is_never_moved(world: PlannedWorld) -> None:
    moves = [action for action in world.torrent_actions if action.disruptive]
    leaving = {action.torrent_id for action in [*moves, *world.deletions]}
    for action in moves:
        moved = DataPathIndex([world.find_torrent(action)])
        assert not any(moved.find_overlaps(torrent) for torrent in world.live.torrents if torrent.id not in leaving)


@promise
def check_pruning_deletes_nothing_before_its_quarantine_ends(world: PlannedWorld) -> None:
    running = {"reconcile:quarantine:2026-11-25", "reconcile:quarantine:soon"}
    for action in world.deletions if world.desired.quarantine_days else ():
        tags = world.find_torrent(action).tags
        is_over = "reconcile:quarantine:2020-01-01:stopped" in tags and not tags & running
        assert is_over or world.is_declared_absent(action)


@promise
def check_no_category_is_deleted_that_a_torrent_is_in(world: PlannedWorld) -> None:
    changed = {a.torrent_id for a in world.actions if a.get_new_value("category") is not None or a.verb is Verb.DELETE}
    used = {torrent.category for torrent in world.live.torrents if torrent.id not in changed}
    used |= {str(action.get_new_value("category")) for action in world.actions if action.get_new_value("category")}
    for action in world.actions:
        if action.kind is ObjectKind.CATEGORY and action.verb is Verb.DELETE:
            assert world.case["prune_categories"] and world.case["policy"] == "sync"
            assert not any(name == action.name or name.startswith(f"{action.name}/") for name in used)
            assert action.name not in world.case["declared_categories"]


@promise
def check_no_secret_and_no_passkey_shows(world: PlannedWorld) -> None:
    plan = repr(world.plan)
    assert "hunter2" not in plan
    assert "s3cr3t" not in plan + repr(world.live) + repr(world.desired)


@take_examples(30)
@given(cases())
def test_a_url_that_could_not_be_fetched_deletes_only_what_is_declared_absent(case: dict[str, Any]) -> None:
    ours = [{**row, "tags": [OWNER_TAG]} for row in case["live"]]
    entries = [{"url": "torrents.example"}, *case["desired"][1:]]
    world = plan_world(case | {"policy": "sync", "live": ours, "desired": entries})
    for action in world.actions:
        if isinstance(action, DeleteTorrent) and action.hold is None:
            assert world.is_declared_absent(action)
        assert action.get_new_value(QUARANTINE) is None


@take_examples(30)
@given(cases(), numbers())
def test_the_order_of_the_input_does_not_matter(case: dict[str, Any], number: int) -> None:
    desired, live = make_world(case)
    entries, torrents = list(desired.torrents), list(live.torrents)
    for rows in (entries, torrents):
        random.Random(number).shuffle(rows)
    first = make_plan(PlanInput(desired, {"box": live}, now=NOW))
    second = make_plan(
        PlanInput(replace(desired, torrents=tuple(entries)), {"box": replace(live, torrents=tuple(torrents))}, now=NOW)
    )
    assert first == second
