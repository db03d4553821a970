"""Categories: declared ones, missing ones that torrents need, and unused ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.desired import DesiredCategory, Policy
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    Blast,
    Change,
    DeleteCategory,
    DeleteTorrent,
    Outcome,
    SparedTorrent,
    UpdateCategory,
    UpdateTorrent,
)
from reconciler.model.position import Position
from reconciler.model.snapshot import LiveCategory, Snapshot
from reconciler.plan.categories import find_category_paths, plan_categories, prune_categories
from reconciler.plan.followers import FollowerFinder
from tests.support.planner_inputs import make_snapshot, make_v1_hash

HERE = Position("desired.yaml", 1, 1)


def _declare(name: str, save_path: str | None = None, download_path: str | None = None) -> dict[str, DesiredCategory]:
    return {name: DesiredCategory(name, HERE, save_path, download_path)}


def _plan_categories(
    declared: Mapping[str, DesiredCategory], snapshot: Snapshot, policy: Policy, actions: Sequence[Action]
) -> Sequence[Action | SparedTorrent]:
    return plan_categories(declared, snapshot, policy, actions, FollowerFinder(snapshot, lambda _: True))


def _categorize(letter: str, category: str, hold: Outcome | None = None) -> UpdateTorrent:
    return UpdateTorrent(letter, "x", (Change("category", "", category),), hold=hold, torrent_id=make_v1_hash(letter))


def test_a_declared_category_is_created_changed_or_left_unchanged() -> None:
    declared = _declare("films", "/films/")
    (added,) = _plan_categories(declared, make_snapshot([]), Policy.UPSERT, [])
    assert isinstance(added, AddCategory)
    assert (added.reason, added.changes) == ("not on the instance", (Change("save_path", None, "/films"),))
    (updated,) = _plan_categories(declared, make_snapshot([], {"films": "/old"}), Policy.UPSERT, [])
    assert isinstance(updated, UpdateCategory)
    assert (updated.reason, updated.changes) == ("save_path differs", (Change("save_path", "/old", "/films"),))
    assert _plan_categories(declared, make_snapshot([], {"films": "/films"}), Policy.UPSERT, []) == []
    assert _plan_categories(_declare("films"), make_snapshot([], {"films": "/old"}), Policy.UPSERT, []) == []


@pytest.mark.parametrize(("version", "hold"), [("5.1.0", None), ("5.2.0", Outcome.BLOCKED), ("5.3.0", None)])
def test_a_category_with_share_limits_of_its_own_cannot_be_edited_on_5_2(version: str, hold: Outcome | None) -> None:
    live = make_snapshot([], {"films": "/old"}, version=version)
    limited = LiveCategory("films", "/old", {"ratio_limit": 2, "seeding_time_limit": -2, "share_limit_action": "Stop"})
    snapshot = replace(live, categories={"films": limited})
    (action,) = _plan_categories(_declare("films", "/films"), snapshot, Policy.UPSERT, [])
    assert (type(action), getattr(action, "hold", None)) == (UpdateCategory, hold)
    if hold:
        assert action.reason.startswith("it has share limits of its own, which qBittorrent 5.2 would reset")
    assert _plan_categories(_declare("films", "/old"), snapshot, Policy.UPSERT, []) == [], "no edit is needed"
    (free,) = _plan_categories(_declare("films", "/films"), live, Policy.UPSERT, [])
    assert getattr(free, "hold", None) is None


def test_create_only_leaves_an_existing_category_unchanged() -> None:
    decisions = _plan_categories(_declare("c", "/new"), make_snapshot([], {"c": "/old"}), Policy.CREATE_ONLY, [])
    assert decisions == [SparedTorrent("", "category c", "policy create-only does not change what is there")]


def test_a_server_without_download_paths_blocks_only_that_field() -> None:
    old_server = make_snapshot([], version="4.2.5")
    added, blocked = _plan_categories(_declare("c", "/d", "/incomplete"), old_server, Policy.SYNC, [])
    assert isinstance(added, AddCategory)
    assert isinstance(blocked, UpdateCategory)
    assert [change.field for change in added.changes] == ["save_path"]
    assert ([change.field for change in blocked.changes], blocked.hold) == (["download_path"], Outcome.BLOCKED)
    assert blocked.reason == ("unsupported: qBittorrent v4.2.5 has no download_path of a category; 4.4 and later do")


def test_a_new_path_counts_the_torrents_that_follow_it() -> None:
    rows: list[dict[str, Any]] = [
        {"hash": "a", "category": "c", "auto_tmm": True, "is": "whole"},
        {"hash": "b", "category": "c/sub", "auto_tmm": True, "is": "half"},
        {"hash": "d", "category": "c/own", "auto_tmm": True, "is": "whole"},
        {"hash": "e", "category": "c", "is": "whole"},
        {"hash": "f", "category": "cd", "auto_tmm": True, "is": "whole"},
    ]
    rows = [{**row, "content_path": f"/old/{row['hash']}"} for row in rows]
    snapshot = make_snapshot(rows, {"c": "/old", "c/own": "/own"})
    (action,) = _plan_categories(_declare("c", "/new"), snapshot, Policy.SYNC, [])
    assert isinstance(action, UpdateCategory)
    followers = tuple(sorted((make_v1_hash("a"), make_v1_hash("b"))))
    assert (action.blast, action.disruptive) == (Blast(2, 150, owned_ids=followers), True)


def test_the_path_of_a_category_is_the_declared_or_else_the_live_one() -> None:
    snapshot = make_snapshot([], {"live": "/live", "both": "/old", "cleared": "/x", "none": ""})
    declared = _declare("both", "/new") | _declare("new", "/n") | _declare("live") | _declare("cleared", "")
    assert find_category_paths(declared, snapshot) == {"live": "/live", "both": "/new", "new": "/n"}


def test_a_missing_category_is_created_for_the_torrents_that_can_use_it() -> None:
    add = AddTorrent("n", "x", (Change("category", None, "films"),))
    actions: list[Action] = [
        add,
        _categorize("a", "films"),
        _categorize("b", "blocked", Outcome.BLOCKED),
        _categorize("c", ""),
    ]
    assert _plan_categories({}, make_snapshot([]), Policy.CREATE_ONLY, actions) == [
        AddCategory("films", "used by 2 torrents, not on the instance and not declared")
    ]
    assert _plan_categories({}, make_snapshot([], {"films": ""}), Policy.CREATE_ONLY, actions) == []


def test_only_undeclared_categories_without_torrents_and_without_kept_subcategories_are_pruned() -> None:
    snapshot = make_snapshot(
        [{"hash": "a", "category": "used/sub"}],
        {"used": "", "used/sub": "", "used/empty": "/e", "declared": "", "unused": ""},
    )
    assert prune_categories(_declare("declared"), snapshot, Policy.SYNC, []) == [
        DeleteCategory("unused", "not declared, and no torrent is in it"),
        DeleteCategory("used/empty", "not declared, and no torrent is in it", (Change("save_path", "/e", None),)),
    ]
    assert prune_categories(_declare("declared"), snapshot, Policy.UPSERT, [])[0] == SparedTorrent(
        "", "category unused", "policy upsert does not delete"
    )


def test_a_category_is_used_until_its_torrents_surely_leave_it() -> None:
    snapshot = make_snapshot([{"hash": "a", "category": "old"}], {"old": "", "new": ""})
    deletion = DeleteTorrent("a", "x", torrent_id=make_v1_hash("a"))
    held = DeleteTorrent("a", "x", hold=Outcome.BLOCKED, torrent_id=make_v1_hash("a"))

    def list_pruned(action: DeleteTorrent | UpdateTorrent) -> list[str]:
        return [decision.name for decision in prune_categories({}, snapshot, Policy.SYNC, [action])]

    assert list_pruned(deletion) == ["new", "old"]
    assert list_pruned(held) == ["new"]
    assert list_pruned(_categorize("a", "new")) == ["old"]
    assert list_pruned(_categorize("a", "new", Outcome.DEFERRED)) == []
