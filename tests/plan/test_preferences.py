"""Preferences of the application: the declared values against the live values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.desired import DesiredPreference, Policy
from reconciler.model.plan import Blast, Change, Outcome, SetPreference, SparedTorrent
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.model.snapshot import Snapshot
from reconciler.plan.followers import FollowerFinder
from reconciler.plan.preferences import plan_preferences
from tests.support.planner_inputs import make_preferences, make_snapshot, make_v1_hash


def _plan(declared: dict[str, Any], live: dict[str, Any], policy: Policy = Policy.UPSERT) -> Any:
    preferences = make_preferences({"declared_preferences": declared}, Position("desired.yaml", 1, 1))
    return _plan_on(make_snapshot([], preferences=live), preferences, policy)


def _plan_on(snapshot: Snapshot, declared: dict[str, DesiredPreference], policy: Policy = Policy.SYNC) -> Any:
    return plan_preferences(declared, snapshot, policy, FollowerFinder(snapshot, lambda _: True))


def test_only_declared_values_that_differ_are_set() -> None:
    (action,) = _plan({"dht": False, "pex": True}, {"dht": True, "pex": True, "lsd": True})
    assert isinstance(action, SetPreference)
    assert (action.name, action.value, action.reason, action.hold) == ("dht", False, "value differs", None)
    assert action.changes == (Change("value", True, False),)
    assert _plan({}, {"dht": True}) == ()


def test_create_only_sets_no_preference() -> None:
    assert _plan({"dht": False}, {"dht": True}, Policy.CREATE_ONLY) == [
        SparedTorrent("", "preference dht", "policy create-only does not change what is there")
    ]


@pytest.mark.parametrize(
    ("name", "live_name", "hint"),
    [
        ("start_paused_enabled", "add_stopped_enabled", '; it has "add_stopped_enabled"'),
        ("max_connection", "max_connec", '; it has "max_connec"'),
        ("dht", "upnp", ""),
    ],
)
def test_an_unknown_preference_is_blocked_and_a_similar_one_is_suggested(name: str, live_name: str, hint: str) -> None:
    (action,) = _plan({name: True}, {live_name: True})
    assert action.hold is Outcome.BLOCKED
    assert action.reason == f"unsupported: qBittorrent v5.1.0 has no such preference{hint}"


def test_a_value_of_another_type_is_blocked() -> None:
    (action,) = _plan({"listen_port": "6881"}, {"listen_port": 6881})
    assert action.hold is Outcome.BLOCKED
    assert action.reason.endswith("is declared")
    assert action.reason.startswith("qBittorrent v5.1.0 wants ")


def test_a_secret_is_shown_only_as_set_or_not_set() -> None:
    (action,) = _plan({"proxy_password": {"secret": "hunter2"}}, {"proxy_password": ""})
    assert action.changes == (Change("value", "", "(secret)"),)
    assert action.value == Secret("hunter2")
    assert "hunter2" not in repr(action)
    assert _plan({"proxy_password": {"secret": "hunter2"}}, {"proxy_password": "hunter2"}) == []


def test_a_path_of_another_platform_is_blocked() -> None:
    (action,) = _plan({"temp_path": "C:\\tmp"}, {"temp_path": "/tmp", "save_path": "/downloads"})
    assert action.hold is Outcome.BLOCKED
    assert "C:/tmp is a path for Windows" in action.reason


def test_a_new_default_path_counts_the_torrents_that_follow_it() -> None:
    rows: list[dict[str, Any]] = [
        {"hash": "a", "auto_tmm": True, "is": "whole"},
        {"hash": "b", "auto_tmm": True, "is": "half", "category": "without"},
        {"hash": "c", "auto_tmm": True, "is": "whole", "category": "with"},
        {"hash": "d", "is": "whole"},
    ]
    rows = [{**row, "content_path": f"/old/{row['hash']}"} for row in rows]
    snapshot = make_snapshot(rows, {"with": "/w", "without": ""}, {"save_path": "/old"})
    declared = make_preferences({"declared_preferences": {"save_path": "/new"}}, Position("desired.yaml", 1, 1))
    (action,) = _plan_on(snapshot, declared)
    assert isinstance(action, SetPreference)
    followers = tuple(sorted((make_v1_hash("a"), make_v1_hash("b"))))
    assert (action.blast, action.disruptive) == (Blast(2, 150, owned_ids=followers), True)


def test_preferences_that_were_not_read_are_an_error() -> None:
    declared = make_preferences({"declared_preferences": {"dht": True}}, Position("desired.yaml", 1, 1))
    with pytest.raises(ValueError, match="preferences are declared and were not read"):
        _plan_on(replace(make_snapshot([]), preferences=None), declared)
