"""The projection of plans, against what the in-memory qBittorrent shows once these plans were carried out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.plan import Action, AddTorrent, DeleteTorrent, InstancePlan, Outcome, UpdateTorrent
from reconciler.model.snapshot import LiveCategory, LiveTorrent, Snapshot
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.projection import project_plan
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import Build, builds
from tests.support.fake_retry import fake_context
from tests.support.memory_worlds import make_memory_world
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot
from tests.support.projections import list_differences, list_preference_differences
from tests.support.strategies import NOW, cases


def read(box: MemoryInstance) -> Snapshot:
    """Return the snapshot of an instance with all files."""
    return box.read_snapshot(files_of=list(box.torrents))


@given(cases(), builds())
def test_the_projection_is_what_a_server_shows_after_the_plan(case: dict[str, Any], build: Build) -> None:
    desired, box = make_memory_world(case, build)
    before = replace(read(box), libtorrent=box.libtorrent)
    plan = make_plan(PlanInput(desired, {"box": before}, take_over=case["take_over"], now=NOW)).instances[0]
    context = fake_context(lambda instance, stop: box, utc=lambda: NOW)
    run = run_once(desired, RunOptions(take_over=case["take_over"]), context)
    assume(all(r.outcome is not Outcome.DROPPED for r in run.instances[0].results))
    executed = tuple(without_blast(result.action) for result in run.instances[0].results)
    assert executed == tuple(map(without_blast, plan.actions))

    default_save_path = MemoryInstance().default_save_path  # it decides where torrents without a category belong
    projected, after = project_plan(plan, replace(before, default_save_path=default_save_path)), read(box)
    added_ids = after_adds(plan, before, after)
    assert list_differences(projected, after, added_ids) == []
    assert list_preference_differences(projected, after, case["declared_preferences"]) == []


def without_blast(action: Action) -> Action:
    """Return the action without what it affects, to which a run adds what no snapshot shows."""
    return replace(action, blast=None) if isinstance(action, DeleteTorrent | UpdateTorrent) else action


def after_adds(plan: InstancePlan, before: Snapshot, after: Snapshot) -> set[str]:
    """Return the ids of the torrents that a plan has added."""
    if not any(isinstance(action, AddTorrent) for action in plan.actions):
        return set()
    return {torrent.id for torrent in after.torrents} - {torrent.id for torrent in before.torrents}


def project(case: dict[str, Any]) -> Snapshot:
    """Return the projection of the plan of a case."""
    live = make_snapshot(
        case.get("live", []), case.get("categories"), case.get("preferences"), case.get("version", "5.3.0")
    )
    plan = make_plan(PlanInput(make_desired_state(case), {"box": live}, now=NOW))
    return project_plan(plan.instances[0], live)


def project_torrent(entry: dict[str, Any], row: dict[str, Any], **case: Any) -> LiveTorrent:
    """Return the projection of one torrent of ours that has drifted from its entry."""
    row = {"hash": "a", "tags": [OWNER_TAG, *row.pop("tags", [])], **row}
    (torrent,) = project({"live": [row], "desired": [{"hash": "a", **entry}], **case}).torrents
    return torrent


def test_a_plan_without_actions_leaves_the_very_same_snapshot() -> None:
    live = make_snapshot([{"hash": "a", "tags": [OWNER_TAG]}])
    plan = make_plan(PlanInput(make_desired_state({"desired": [{"hash": "a"}]}), {"box": live}))
    assert project_plan(plan.instances[0], live) is live


def test_what_is_on_hold_is_not_carried_out() -> None:
    entry = {"save_path": "/new", "category": "films"}
    torrent = project_torrent(entry, {"state": "moving", "save_path": "/old"}, categories={"films": ""})
    assert (torrent.save_path, torrent.category) == ("/old", "films")


@pytest.mark.parametrize(("version", "parents"), [("5.1.0", []), ("5.3.0", ["films", "films/hd"])])
def test_a_category_comes_with_its_parents_where_the_version_makes_them(version: str, parents: list[str]) -> None:
    snapshot = project({"version": version, "declared_categories": {"films/hd/new": "/f"}})
    assert list(snapshot.categories) == [*parents, "films/hd/new"]
    assert snapshot.categories["films/hd/new"] == LiveCategory("films/hd/new", "/f")


def test_automatic_management_moves_a_torrent_to_the_path_of_its_category() -> None:
    torrent = project_torrent({"category": "films"}, {"auto_tmm": True}, categories={"films": "/films"})
    assert (torrent.category, torrent.save_path, torrent.auto_tmm) == ("films", "/films", True)


def test_declared_management_outlasts_an_edit_of_the_category() -> None:
    case = {"categories": {"films": "/old"}, "declared_categories": {"films": "/new"}}
    row = {"auto_tmm": True, "category": "films", "save_path": "/old"}
    kept = project_torrent({"auto_tmm": True}, dict(row), **case)
    ended = project_torrent({}, dict(row), **case)
    assert (kept.auto_tmm, kept.save_path) == (True, "/new")
    assert (ended.auto_tmm, ended.save_path) == (False, "/old")


def test_a_quarantine_stops_and_tags() -> None:
    live = [{"hash": "a", "tags": [OWNER_TAG]}]
    snapshot = project({"live": live, "desired": [{"hash": "z", "state": "absent"}], "quarantine": 7})
    (torrent,) = snapshot.torrents
    assert torrent.stopped
    assert "reconcile:quarantine:2026-11-28" in torrent.tags


def test_an_unknown_default_path_leaves_an_added_torrent_without_a_path() -> None:
    (torrent,) = project({"desired": [{"hash": "a", "category": "films"}]}).torrents
    assert (torrent.auto_tmm, torrent.save_path) == (True, "")
    (placed,) = project({"desired": [{"hash": "a"}], "preferences": {"save_path": "/downloads"}}).torrents
    assert (placed.auto_tmm, placed.save_path) == (False, "/downloads")


def test_a_preference_becomes_what_the_server_makes_of_it() -> None:
    snapshot = project({"preferences": {"max_connec": 500}, "declared_preferences": {"max_connec": 0}})
    assert snapshot.preferences == {"max_connec": -1}
