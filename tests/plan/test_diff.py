"""Drift: the differences between an entry and its live torrent."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import Change
from reconciler.plan.diff import find_drift
from tests.support.planner_inputs import make_desired_torrent, make_live_torrent


def _find(declared: dict[str, Any], live_row: dict[str, Any]) -> tuple[Change, ...]:
    return find_drift(make_desired_torrent({"hash": "a", **declared}, 1), make_live_torrent({"hash": "a", **live_row}))


def test_only_declared_fields_drift() -> None:
    live_row = {"category": "c", "tags": ["x"], "stopped": True, "save_path": "/d", "download_limit": 5}
    assert _find({}, live_row) == ()
    assert _find({"category": "c", "paused": True, "save_path": "/d/"}, live_row) == ()


def test_changes_are_in_plan_order_with_both_values() -> None:
    declared = {"paused": True, "save_path": "/d", "category": "c", "name": "Film"}
    assert _find(declared, {"name": "a"}) == (
        Change("name", "a", "Film"),
        Change("category", "", "c"),
        Change("save_path", "/downloads", "/d"),
        Change("paused", False, True),
    )


def test_declared_tags_are_added_to_others_unless_only_they_may_exist() -> None:
    live_row = {"tags": ["old", "reconcile:home"]}
    assert _find({"tags": ["new"]}, live_row) == (Change("tags", ("old",), ("new", "old")),)
    assert _find({"tags": {"only": ["new"]}}, live_row) == (Change("tags", ("old",), ("new",)),)


def test_ignored_fields_do_not_drift() -> None:
    assert _find({"category": "c", "paused": True, "ignore_changes": ["category"]}, {}) == (
        Change("paused", False, True),
    )


@pytest.mark.parametrize(
    ("declared", "live_row", "ends"),
    [
        ({"save_path": "/d"}, {"auto_tmm": True}, True),
        ({"download_path": "/i"}, {"auto_tmm": True}, True),
        ({"save_path": "/downloads", "category": "c"}, {"auto_tmm": True}, True),
        ({"category": "c"}, {"auto_tmm": True}, False),
        ({"save_path": "/d"}, {"auto_tmm": False}, False),
    ],
)
def test_a_path_of_its_own_ends_automatic_management(
    declared: dict[str, Any], live_row: dict[str, Any], ends: bool
) -> None:
    assert (Change("auto_tmm", True, False) in _find(declared, live_row)) is ends


def test_a_download_path_that_was_the_save_path_is_set_when_the_save_path_moves() -> None:
    declared = {"save_path": "/new", "download_path": "/old"}
    live_row = {"save_path": "/old", "download_path": ""}
    assert _find(declared, live_row) == (
        Change("save_path", "/old", "/new"),
        Change("download_path", "", "/old"),
    )


def test_a_stop_ends_a_forced_start_by_itself() -> None:
    assert _find({"paused": True, "force_start": False}, {"force_start": True}) == (Change("paused", False, True),)
    assert _find({"force_start": False}, {"force_start": True}) == (Change("force_start", True, False),)


def test_a_declaration_ends_a_quarantine_and_starts_what_ran_before() -> None:
    ran, stopped = ["reconcile:quarantine:2026-11-28"], ["reconcile:quarantine:2026-11-28:stopped"]
    assert _find({}, {"tags": ran, "stopped": True}) == (
        Change("quarantine", ("2026-11-28",), ()),
        Change("paused", True, False),
    )
    assert _find({}, {"tags": stopped, "stopped": True}) == (Change("quarantine", ("2026-11-28:stopped",), ()),)
    assert _find({"paused": True}, {"tags": ran, "stopped": True}) == (Change("quarantine", ("2026-11-28",), ()),)


def test_a_stopped_torrent_that_is_being_checked_is_as_declared() -> None:
    checked: dict[str, Any] = {"state": "checkingUP"}
    stop = (Change("paused", False, True),)
    assert _find({"paused": True}, {**checked, "stopped_before_check": True}) == ()
    assert _find({"paused": True}, {**checked, "stopped_before_check": False}) == stop
    assert _find({"paused": True}, checked) == stop
    for before in (True, False, None):
        assert _find({"paused": False}, {**checked, "stopped_before_check": before}) == ()


STOPPED_BY_LIMIT: dict[str, Any] = {"stopped": True, "state": "stoppedUP", "shared": (2.0, 7200, 2.0, 60)}


@pytest.mark.parametrize(
    ("limits", "is_explained"),
    [
        ({"ratio": 2.0}, True),
        ({"ratio": 2.5}, False),
        ({"seeding_time": 120}, True),
        ({"seeding_time": 121}, False),
        ({"inactive_seeding_time": 60}, True),  # how long it was inactive before it stopped is unknown
        ({"ratio": -1, "inactive_seeding_time": -2}, False),
        ({}, False),
    ],
)
def test_a_torrent_that_a_declared_share_limit_stopped_is_as_declared(
    limits: dict[str, float], is_explained: bool
) -> None:
    live_row = {**STOPPED_BY_LIMIT, "share_limits": limits}
    for running, field in (({"paused": False}, "paused"), ({"force_start": True}, "force_start")):
        fields = {change.field for change in _find({"share_limits": limits, **running}, live_row)}
        assert (field not in fields) is is_explained
    ignored = {"share_limits": limits, "paused": False, "ignore_changes": ["share_limits"]}
    assert _find(ignored, live_row) == (Change("paused", True, False),)


def test_what_the_server_does_not_show_is_no_drift() -> None:
    assert _find({"first_last_piece_first": True}, {"first_last_piece_first": None}) == ()
    assert _find({"first_last_piece_first": True}, {"first_last_piece_first": False}) == (
        Change("first_last_piece_first", False, True),
    )
