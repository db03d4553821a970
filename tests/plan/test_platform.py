"""Paths of another platform are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.desired import DesiredCategory
from reconciler.model.plan import AddTorrent, Change, DeleteTorrent, Outcome, SparedTorrent, UpdateTorrent
from reconciler.model.position import Position
from reconciler.model.snapshot import Snapshot
from reconciler.plan.context import Decision
from reconciler.plan.platform import block_undeclarable_categories, foreign_path_reason
from tests.support.planner_inputs import make_snapshot

ON_LINUX = replace(make_snapshot([]), default_save_path="/downloads")
ON_WINDOWS = replace(make_snapshot([]), default_save_path="C:\\downloads")
UNKNOWN = make_snapshot([])
LINUX_REASON = "C:\\data is a path for Windows, and this qBittorrent does not run on Windows; write it like /data"
WINDOWS_REASON = "this qBittorrent runs on Windows, where /data is not a full path; write it like C:\\data"
DECLARED = {"c": DesiredCategory("c", Position("desired.yaml", 1, 1), "C:\\data")}


@pytest.mark.parametrize(
    ("snapshot", "path", "reason"),
    [
        (ON_LINUX, "C:\\data", LINUX_REASON),
        (ON_LINUX, "/data", None),
        (ON_WINDOWS, "/data", WINDOWS_REASON),
        (ON_WINDOWS, "C:\\data", None),
        (ON_WINDOWS, "\\\\server\\share", None),
        (UNKNOWN, "C:\\data", None),
        (ON_LINUX, "relative", None),
        (ON_LINUX, None, None),
        (ON_LINUX, False, None),
    ],
)
def test_a_path_has_to_belong_to_the_platform_as_far_as_it_is_known(
    snapshot: Snapshot, path: object, reason: str | None
) -> None:
    assert foreign_path_reason(["", path], snapshot) == reason


def test_an_add_that_needs_the_path_of_such_a_category_is_blocked() -> None:
    category = Change("category", None, "c")
    needs_path = AddTorrent("a", "x", (category,))
    has_path = AddTorrent("b", "x", (category, Change("save_path", None, "/data")))
    snapshot = replace(ON_LINUX, categories=make_snapshot([], {"c": ""}).categories)
    first, second = block_undeclarable_categories([needs_path, has_path], DECLARED, snapshot)
    assert first == replace(needs_path, reason=f"its category c: {LINUX_REASON}", hold=Outcome.BLOCKED)
    assert second == has_path


def test_an_update_is_blocked_only_if_the_category_does_not_exist_yet() -> None:
    update = UpdateTorrent("a", "x", (Change("category", "", "c"),))
    existing = replace(ON_LINUX, categories=make_snapshot([], {"c": ""}).categories)
    (blocked,) = block_undeclarable_categories([update], DECLARED, ON_LINUX)
    assert isinstance(blocked, UpdateTorrent)
    assert blocked.hold is Outcome.BLOCKED
    assert block_undeclarable_categories([update], DECLARED, existing) == [update]


def test_decisions_that_use_no_such_category_are_left_unchanged() -> None:
    decisions: list[Decision] = [
        UpdateTorrent("a", "x", (Change("category", "", "other"),)),
        AddTorrent("b", "waits", (Change("category", None, "c"),), hold=Outcome.DEFERRED),
        DeleteTorrent("d", "x"),
        SparedTorrent("", "e", "x"),
    ]
    assert block_undeclarable_categories(decisions, DECLARED, ON_LINUX) == decisions
    assert block_undeclarable_categories(
        [AddTorrent("a", "x", (Change("category", None, "c"),))], DECLARED, UNKNOWN
    ) == [AddTorrent("a", "x", (Change("category", None, "c"),))]
