"""Two desired states → what the newer one does, per instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.comparison import ComparedInstance, Comparison, Presence
from reconciler.model.desired import DesiredState
from reconciler.model.position import Position
from reconciler.plan.comparison import compare_states, project_state
from tests.support.planner_inputs import make_desired_state, make_v1_hash
from tests.support.strategies import NOW, entry_rows

A = {"hash": "a"}


def make_state(rows: list[dict[str, Any]], **case: Any) -> DesiredState:
    """A desired state with a guard that counts only, and an entry beside the rows, so that it is never empty."""
    return make_desired_state({"guard": {"max_delete_percent": 100}, **case, "desired": [*rows, {"hash": "stays"}]})


def compare(old: DesiredState, new: DesiredState) -> Comparison:
    """Compare two states whose files have the same names."""
    return compare_states(project_state(old, NOW), new, names=("old", "new"), locate=lambda file: file)


def compare_rows(old: list[dict[str, Any]], new: list[dict[str, Any]], **case: Any) -> ComparedInstance:
    """Compare the entries of the instance `box`."""
    comparison = compare(make_state(old, **case), make_state(new, **case))
    return next(instance for instance in comparison.instances if instance.name == "box")


def lines_of(instance: ComparedInstance) -> list[str]:
    """Return the actions as `verb name field: before → after`."""
    return [
        " ".join(
            [
                f"{item.action.verb} {item.action.name}",
                *(f"{change.field}: {change.before} → {change.after}" for change in item.action.changes),
                *(["moves"] if item.action.disruptive else []),
                *([str(item.action.hold)] if item.action.hold else []),
            ]
        )
        for item in instance.actions
    ]


def dropped_of(instance: ComparedInstance) -> list[str]:
    """Return the changes without effect as `name field: before → after (reason)`."""
    return [f"{c.subject} {c.field}: {c.before} → {c.after} ({c.reason})" for c in instance.ineffective]


CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], list[str]]] = [
    ("no change", [A], [A], []),
    ("an add", [], [{**A, "paused": True}], ["add a owner: None → home paused: None → True"]),
    ("a deletion", [A], [], ["delete a owner: home → None"]),
    ("a value", [{**A, "category": "x"}], [{**A, "category": ""}], ["update a category: x →  moves"]),
    ("a manual category", [{**A, "category": "x", "save_path": "/d"}], [{**A, "category": "", "save_path": "/d"}],
     ["update a category: x → "]),
    ("a path", [{**A, "save_path": "/a"}], [{**A, "save_path": "/b"}], ["update a save_path: /a → /b moves"]),
    ("a path of its own", [{**A, "category": "x"}], [{**A, "category": "x", "save_path": "/b"}],
     ["update a save_path: None → /b auto_tmm: None → False moves"]),
    ("what begins to be declared", [A], [{**A, "paused": False, "download_limit": 1024}],
     ["update a download_limit: None → 1024 paused: None → False"]),
    ("nested limits", [{**A, "share_limits": {"ratio": 1}}], [{**A, "share_limits": {"ratio": 2, "seeding_time": 60}}],
     ["update a share_limits.ratio: 1 → 2 share_limits.seeding_time: None → 60"]),
    ("exact tags", [{**A, "tags": {"only": ["x"]}}], [{**A, "tags": {"only": ["y"]}}],
     ["update a tags: ('x',) → ('y',)"]),
    ("rules for files", [{**A, "files": [{"match": "*", "priority": "skip"}]}],
     [{**A, "files": [{"match": "*", "priority": "high"}]}], ["update a files: ('skip *',) → ('high *',)"]),
    ("absent now", [A], [{**A, "state": "absent"}], ["delete a"]),
    ("absent, never declared", [], [{**A, "state": "absent"}], ["delete a"]),
    ("absent still", [{**A, "state": "absent"}], [{**A, "state": "absent"}], []),
    ("absent no more", [{**A, "state": "absent"}], [A], ["add a owner: None → home paused: None → False"]),
    ("an infohash", [], [{**A, "source": "infohash"}], ["adopt a owner: None → home paused: None → False"]),
    ("an infohash that stays", [{**A, "source": "infohash"}], [{**A, "source": "infohash", "paused": True}],
     ["update a paused: None → True"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_actions(old: list[dict[str, Any]], new: list[dict[str, Any]], expected: list[str]) -> None:
    names = {make_v1_hash("a"): "a"}
    lines = lines_of(compare_rows(old, new))
    assert [line.replace(f" {make_v1_hash('a')}", f" {names[make_v1_hash('a')]}") for line in lines] == expected


INEFFECTIVE: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("a key that goes", {"category": "x"}, {}, ["a category: x → None (no longer declared: it stays as it is)"]),
    ("a tag that goes", {"tags": ["x", "y"]}, {"tags": ["x"]},
     ["a tags: ('x', 'y') → ('x',) (what is no longer in the list stays)"]),
    ("only for an add", {"skip_checking": True}, {"skip_checking": False},
     ["a skip_checking: True → False (it counts only when the torrent is added)"]),
    ("ignored", {"ignore_changes": ["save_path"], "save_path": "/a"}, {"ignore_changes": ["save_path"],
     "save_path": "/b"},
     ["a save_path: /a → /b (ignore_changes names it, so it counts only when the torrent is added)"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [c[1:] for c in INEFFECTIVE], ids=[c[0] for c in INEFFECTIVE])
def test_changes_without_effect(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    instance = compare_rows([{**A, **old}], [{**A, **new}])
    assert lines_of(instance) == []
    assert dropped_of(instance) == expected
    assert instance.unchanged == 2


def test_a_policy_that_does_not_delete_spares() -> None:
    instance = compare_rows([A], [], policy="upsert")
    assert lines_of(instance) == []
    assert [item.reason for item in instance.spared] == ["policy upsert does not delete"]


def test_create_only_changes_nothing_and_says_so() -> None:
    instance = compare_rows([A], [{**A, "paused": True}], policy="create-only")
    assert lines_of(instance) == []
    assert dropped_of(instance) == ["a paused: None → True (policy create-only does not change what is there)"]


def test_a_quarantine_comes_before_a_deletion() -> None:
    (line,) = lines_of(compare_rows([A], [], quarantine=7))
    assert line == "update a quarantine: () → ('2026-11-28',) paused: False → True"


def test_a_deletion_names_the_line_that_declared_it_and_the_file_that_lost_it() -> None:
    old = make_state([{"hash": "b"}, A])
    comparison = compare_states(
        project_state(old, NOW), make_state([{"hash": "b"}]), names=("", ""), locate={"desired.yaml": "new.yaml"}.get
    )
    (item,) = comparison.instances[0].actions
    assert (item.old_position, item.action.position) == (Position("desired.yaml", 2, 1), None)
    assert item.new_file == "new.yaml"


def test_the_guard_counts_by_what_the_old_state_declares() -> None:
    rows = [{"hash": letter} for letter in "abcdefghijk"]
    assert compare(make_state(rows), make_state(rows[:1])).compute_exit_code(detailed=True) == 2
    refused = compare(make_state(rows), make_state([]))
    assert refused.compute_exit_code(detailed=True) == 3
    assert refused.instances[0].verdict.reasons == ("11 deletions are more than max_delete 10",)


def test_an_empty_list_is_refused() -> None:
    old, new = make_desired_state({"desired": [A]}), make_desired_state({"desired": []})
    assert compare(old, new).is_refused


def test_a_new_approval_is_left_to_the_run_and_an_old_one_is_not() -> None:
    rows = [{"hash": letter} for letter in "abcdefghijk"]
    old, new = make_state(rows), make_state([])
    approved = replace(new, accept_plan="sha256:1")
    comparison = compare(old, approved)
    assert not comparison.is_refused
    assert comparison.instances[0].verdict.reasons == (
        "11 deletions are more than max_delete 10; accept_plan approves it, if it is the hash",
    )
    assert compare(replace(old, accept_plan="sha256:1"), approved).is_refused


def test_moves_count_for_the_guard() -> None:
    old = make_state([{**A, "save_path": "/a"}], guard={"max_move": 0})
    assert compare(old, make_state([{**A, "save_path": "/b"}], guard={"max_move": 0})).is_refused


def test_a_category_shows_the_torrents_that_follow_it_and_no_size() -> None:
    rows = [{**A, "category": "films"}]
    old, new = (make_state(rows, declared_categories={"films": path}) for path in ("/a", "/b"))
    (item,) = compare(old, new).instances[0].actions
    assert [(change.field, change.before, change.after) for change in item.action.changes] == [
        ("save_path", "/a", "/b")
    ]
    assert (item.torrents, item.action.reason) == (1, "save_path differs; 1 torrent follows it")


def test_a_category_that_begins_to_have_a_path_had_an_unknown_one() -> None:
    rows = [{**A, "category": "films"}]
    (item,) = compare(make_state(rows), make_state(rows, declared_categories={"films": "/b"})).instances[0].actions
    assert [(change.before, change.after) for change in item.action.changes] == [(None, "/b")]


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        ({"max_connec": 5}, {"max_connec": 7}, [(5, 7)]),
        ({}, {"queueing_enabled": True}, [(None, True)]),
        ({}, {"save_path": "/d"}, [(None, "/d")]),
        ({}, {"proxy_password": {"secret": "hunter2"}}, [(None, "(secret)")]),
        ({"max_connec": 5}, {}, []),
    ],
)
def test_preferences(old: dict[str, Any], new: dict[str, Any], values: list[tuple[Any, Any]]) -> None:
    comparison = compare(make_state([], declared_preferences=old), make_state([], declared_preferences=new))
    changes = [change for item in comparison.instances[0].actions for change in item.action.changes]
    assert [(change.before, change.after) for change in changes] == values
    assert "hunter2" not in repr(comparison)


def test_settings_that_go_have_no_effect() -> None:
    old = make_state([], declared_preferences={"max_connec": 5}, declared_categories={"films": "/f", "plain": None})
    assert dropped_of(compare(old, make_state([])).instances[0]) == [
        "category films save_path: /f → None (no longer declared: it stays as it is)",
        "category plain : None → None (no longer declared: it stays as it is)",
        "preference max_connec value: 5 → None (no longer declared: it stays as it is)",
    ]


def test_content_is_compared_by_its_path_and_shows_no_infohash() -> None:
    film = {"content": "/data/film", "name": "Film"}
    loan = {"content_of": "Film", "instance": "other"}
    both = ["box", "other"]
    old, new = make_state([film, loan], instances=both), make_state([{**film, "paused": True}], instances=both)
    box, other = compare(old, new).instances
    assert lines_of(box) == ["update Film paused: None → True"]
    assert lines_of(other) == ["delete Film owner: home → None"]
    assert [item.action.infohash for item in (*box.actions, *other.actions)] == [None, None]
    assert compare(old, old).is_empty


def test_an_instance_that_goes_keeps_its_torrents_and_one_that_comes_is_empty() -> None:
    old = make_state([{**A, "instance": "gone"}], instances=["box", "gone"])
    new = make_state([{**A, "instance": "new"}], instances=["box", "new"])
    comparison = compare(old, new)
    shown = [(i.name, i.presence, i.owned, len(i.actions)) for i in comparison.instances]
    assert shown == [("box", Presence.BOTH, 1, 0), ("gone", Presence.REMOVED, 1, 0), ("new", Presence.ADDED, 0, 1)]
    assert not comparison.is_empty


def test_a_group_keeps_its_torrents_where_the_old_state_has_placed_them() -> None:
    group = {"strategy": "failover", "members": ["box", "other"]}
    rows = [{**A, "instance": "all"}]
    old = make_state(rows, instances=["box", "other"], groups={"all": group})
    turned = {"all": {**group, "members": ["other", "box"]}}
    new = make_state([*rows, {"hash": "b", "instance": "all"}], instances=["box", "other"], groups=turned)
    box, other = compare(old, new).instances
    assert lines_of(box) == []
    assert [item.action.name for item in other.actions] == ["b"]


def test_a_full_group_leaves_torrents_pending() -> None:
    group = {"strategy": "failover", "members": [{"name": "other", "max_torrents": 0}]}
    new = make_state([{**A, "instance": "all"}], instances=["box", "other"], groups={"all": group})
    old = make_state([], instances=["box", "other"], groups={"all": group})
    assert [torrent.name for torrent in compare(old, new).pending] == ["a"]


def test_room_is_never_what_a_comparison_waits_for() -> None:
    group = {"strategy": "failover", "members": [{"name": "box", "min_free_space": 1 << 40}]}
    state = make_state([{**A, "instance": "all"}], groups={"all": group})
    assert compare(state, state).pending == ()


@given(entry_rows(), st.sampled_from(["create-only", "upsert", "sync"]))
def test_a_state_does_not_differ_from_itself_wherever_its_entries_are(rows: list[dict[str, Any]], policy: str) -> None:
    old = make_state(rows, policy=policy)
    moved = [replace(entry, position=Position("elsewhere.yaml", n, 9)) for n, entry in enumerate(old.torrents, 5)]
    assert compare(old, replace(old, torrents=tuple(moved))).is_empty


@given(entry_rows(), entry_rows())
def test_the_whole_of_a_change_is_seen(old_rows: list[dict[str, Any]], new_rows: list[dict[str, Any]]) -> None:
    old, new = make_state(old_rows), make_state(new_rows)
    snapshots = project_state(old, NOW).snapshots
    assert len(snapshots["box"].torrents) == sum(not entry.absent for entry in old.torrents)
    comparison = compare(old, new)
    deleted = {item.action.infohash for item in comparison.instances[0].actions if item.action.verb == "delete"}
    present = {entry.infohash for entry in new.torrents if not entry.absent}
    assert not deleted & present
