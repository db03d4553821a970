"""Moves of data: who would lose files by them, and what is blocked because of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.plan import Action, AdoptTorrent, InstancePlan, Outcome, UpdateTorrent
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.plan.moves import attach_move_blasts, block_shared_moves
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot, make_v1_hash, render_plan_lines

OURS: dict[str, Any] = {"hash": "a", "is": "whole", "tags": [OWNER_TAG], "save_path": "/x", "content_path": "/x/film"}
TWIN: dict[str, Any] = {"hash": "b", "is": "whole", "save_path": "/x", "content_path": "/x/film"}
MOVED: dict[str, Any] = {"hash": "a", "save_path": "/y"}
TWIN_NAME = make_v1_hash("b")[:10]


def _plan(case: Mapping[str, Any], accept: str | None = None) -> Plan:
    snapshot = make_snapshot(case["live"], case.get("categories"), case.get("preferences"))
    return make_plan(PlanInput(make_desired_state(case), {"box": snapshot}, accept=accept))


def _lines(case: Mapping[str, Any]) -> list[str]:
    return render_plan_lines(_plan(case).instances[0])


@pytest.mark.parametrize(
    ("entry", "live", "categories"),
    [
        ({"save_path": "/y"}, {}, {}),
        ({"save_path": "/y"}, {"tags": []}, {}),
        ({"save_path": "/y"}, {"is": "", "size": 0}, {}),
        ({"category": "c"}, {"auto_tmm": True}, {"c": "/y"}),
        ({"category": "c"}, {"auto_tmm": True}, {"c": ""}),
        ({"auto_tmm": True}, {"category": "c"}, {"c": "/y"}),
        ({"download_path": "/inc", "save_path": "/x"}, {"is": "half"}, {}),
    ],
    ids=[
        "path",
        "adopted",
        "all files skipped",
        "category",
        "category without path",
        "automatic management",
        "download path",
    ],
)
def test_a_move_that_takes_files_from_a_torrent_that_stays_is_blocked(
    entry: dict[str, Any], live: dict[str, Any], categories: dict[str, str]
) -> None:
    case = {"desired": [{"hash": "a", **entry}], "live": [{**OURS, **live}, TWIN], "categories": categories}
    plan = _plan(case).instances[0]
    (blocked,) = [action for action in plan.actions if action.hold]
    assert (blocked.hold, blocked.disruptive, blocked.torrent_id) == (Outcome.BLOCKED, True, make_v1_hash("a"))
    assert f"; {TWIN_NAME} may use the same files and lose them: held back; " in blocked.reason
    assert not any(action.disruptive for action in plan.actions if action is not blocked)
    assert plan.verdict.refused is False
    (reason,) = plan.verdict.reasons
    assert reason == (
        "1 move is held back: other torrents may use the same files, and would lose them; if that is meant: "
        f"--accept-plan {_plan(case).hash}"
    )


def test_a_move_is_blocked_with_one_that_it_shares_files_with_and_that_is_blocked() -> None:
    """Episodes within a season, of which one stays: the season stays for it, and the other one for the season."""
    season, first, last = ({"content_path": f"/x/season{path}"} for path in ("", "/1", "/2"))
    live = [{**OURS, **season}, {**OURS, **first, "hash": "c"}, {**TWIN, **last}, {**OURS, "hash": "d"}]
    desired = [{**MOVED, "hash": name} for name in "acd"]
    plan = _plan({"desired": desired, "live": live}).instances[0]
    assert render_plan_lines(plan) == [
        "update a save_path=/y !disruptive (blocked)",
        "update c save_path=/y !disruptive (blocked)",
        "update d save_path=/y !disruptive",
    ]
    names = (TWIN_NAME, make_v1_hash("a")[:10])
    for action, name in zip(plan.actions, names, strict=False):
        assert f"; {name} may use the same files and lose them: held back; " in action.reason
    assert _lines({"desired": desired, "live": [row for row in live if row["hash"] != "b"]}) == [
        f"update {name} save_path=/y !disruptive" for name in "acd"
    ]


def test_a_move_takes_no_files_from_a_torrent_that_the_plan_adds_to_them() -> None:
    added = {"hash": "b", "name": "film", "save_path": "/x"}
    assert _lines({"desired": [MOVED, added], "live": [OURS]})[1:] == ["update a save_path=/y !disruptive (blocked)"]
    for elsewhere in ({**added, "save_path": "/y"}, {**added, "name": "other"}):
        assert _lines({"desired": [MOVED, elsewhere], "live": [OURS]})[1:] == ["update a save_path=/y !disruptive"]


def test_everything_else_goes_on() -> None:
    row = {**OURS, "tags": [], "category": "c"}
    entry = {**MOVED, "tags": ["t"], "category": "d", "paused": True}
    others = {"live": [row, TWIN, {"hash": "c", "is": "whole", "tags": [OWNER_TAG]}], "categories": {"c": "", "d": ""}}
    assert _lines({"desired": [entry, {"hash": "c", "save_path": "/z"}], **others}) == [
        "adopt a owner=home category=d tags=t paused=True",
        "update a save_path=/y !disruptive (blocked)",
        "update c save_path=/z !disruptive",
    ]


def test_what_decides_the_place_is_held_back_as_a_whole() -> None:
    case = {
        "desired": [{**MOVED, "category": "d", "tags": ["t"]}],
        "live": [{**OURS, "auto_tmm": True, "category": "c"}, TWIN],
        "categories": {"c": "/x", "d": "/d"},
    }
    assert _lines(case) == [
        "update a tags=t",
        "update a category=d save_path=/y auto_tmm=False !disruptive (blocked)",
    ], "the data would follow the category as long as management is automatic"


@pytest.mark.parametrize(
    ("twin", "twin_entry"),
    [
        ({}, {"hash": "b", "save_path": "/y"}),
        ({"tags": [OWNER_TAG]}, {"hash": "b", "save_path": "/y/"}),
        ({"tags": [OWNER_TAG]}, {"hash": "b", "state": "absent"}),
        ({"content_path": "/x/other"}, None),
        ({"content_path": "/x/film2"}, None),
    ],
    ids=["adopted and moved along", "moved along", "deleted", "other data", "similar name"],
)
def test_a_move_that_takes_files_from_nobody_goes_on(twin: dict[str, Any], twin_entry: dict[str, Any] | None) -> None:
    desired = [MOVED, *([twin_entry] if twin_entry else [])]
    plan = _plan({"desired": desired, "live": [OURS, {**TWIN, **twin}], "guard": {"max_delete_percent": 100}})
    assert [action.hold for action in plan.instances[0].actions] == [None] * len(plan.instances[0].actions)
    assert plan.instances[0].verdict.reasons == ()


@pytest.mark.parametrize(
    "twin_entry", [{"hash": "b", "save_path": "/z"}, {"hash": "b"}], ids=["moved elsewhere", "stays"]
)
def test_torrents_of_ours_lose_no_files_to_each_other(twin_entry: dict[str, Any]) -> None:
    case = {"desired": [MOVED, twin_entry], "live": [OURS, {**TWIN, "tags": [OWNER_TAG]}]}
    assert all(action.hold is Outcome.BLOCKED for action in _plan(case).instances[0].actions)


def test_a_torrent_from_another_folder_does_not_move_along() -> None:
    nested = {**TWIN, "tags": [OWNER_TAG], "save_path": "/x/film", "content_path": "/x/film/part"}
    case = {"desired": [MOVED, {"hash": "b", "save_path": "/y"}], "live": [OURS, nested]}
    assert [action.hold for action in _plan(case).instances[0].actions] == [Outcome.BLOCKED] * 2


def test_automatic_management_that_finds_the_data_in_place_moves_nothing() -> None:
    case = {
        "desired": [{"hash": "a", "auto_tmm": True}],
        "live": [{**OURS, "category": "c"}, TWIN],
        "categories": {"c": "/x/"},
        "guard": {"max_move": 0},
    }
    assert _lines(case) == ["update a auto_tmm=True"]
    declared = {**case, "declared_categories": {"c": "/y"}}
    assert _lines(declared) == [
        "update category c save_path=/y",
        "update a auto_tmm=True !disruptive (blocked)",
    ], "the category is edited first"


def test_an_accepted_plan_moves_and_covers_who_shares() -> None:
    case = {"desired": [MOVED], "live": [OURS, TWIN]}
    accepted = _plan(case, accept=_plan(case).hash).instances[0]
    assert render_plan_lines(accepted) == ["update a save_path=/y !disruptive"]
    assert accepted.actions[0].reason == f"save_path differs; {TWIN_NAME} may use the same files and lose them"
    assert accepted.verdict.reasons == ()
    another = {**case, "live": [OURS, TWIN, {**TWIN, "hash": "c"}]}
    assert _plan(another).hash != _plan(case).hash
    assert _plan(another, accept=_plan(case).hash).instances[0].actions[0].hold is Outcome.BLOCKED


def test_the_path_of_a_category_or_of_the_server_takes_no_files_either() -> None:
    automatic = {**OURS, "auto_tmm": True, "category": "c"}
    case = {
        "desired": [{"hash": "a"}, {"hash": "n", "category": "c"}, {"hash": "m", "category": "c", "save_path": "/m"}],
        "live": [automatic, TWIN],
        "categories": {"c": "/x"},
        "declared_categories": {"c": "/y"},
    }
    assert _lines(case) == [
        "update category c save_path=/y !disruptive (blocked)",
        "add m owner=home category=c save_path=/m paused=False",
        "add n owner=home category=c paused=False (blocked)",
    ]
    case = {
        "desired": [{"hash": "a"}],
        "live": [{**automatic, "category": ""}, TWIN],
        "declared_preferences": {"save_path": "/y"},
        "preferences": {"save_path": "/x"},
    }
    assert _lines(case) == ["update preference save_path value=/y !disruptive (blocked)"]


def test_a_setting_that_also_alters_torrents_of_others_is_refused_not_blocked() -> None:
    rows = [{**OURS, "auto_tmm": True, "category": "c"}, TWIN, {**TWIN, "hash": "d", "auto_tmm": True, "category": "c"}]
    case = {
        "desired": [{"hash": "a"}],
        "live": rows,
        "categories": {"c": "/x"},
        "declared_categories": {"c": "/y"},
    }
    plan = _plan(case).instances[0]
    assert (plan.verdict.refused, [action.hold for action in plan.actions]) == (True, [None])
    assert TWIN_NAME in plan.actions[0].reason


def test_a_torrent_that_the_snapshot_lacks_is_left_as_it_is() -> None:
    action = UpdateTorrent("a", "x", torrent_id=make_v1_hash("a"), disruptive=True)
    assert attach_move_blasts([action], make_snapshot([]), {}) == [action]


def test_the_data_of_a_move_is_counted() -> None:
    snapshot = make_snapshot([{**OURS, "is": "half"}])
    (update,) = _plan({"desired": [MOVED], "live": [{**OURS, "is": "half"}]}).instances[0].actions
    assert isinstance(update, UpdateTorrent | AdoptTorrent)
    (action,) = attach_move_blasts([replace(update, blast=None)], snapshot, {})
    assert action.blast is not None
    assert (action.blast.bytes, action.blast.shares_with) == (50, ())


def test_a_plan_without_shared_data_is_the_same_plan() -> None:
    actions: tuple[Action, ...] = _plan({"desired": [MOVED], "live": [OURS]}).instances[0].actions
    plan = InstancePlan("box", actions)
    assert block_shared_moves(plan, "sha256:x") is plan
