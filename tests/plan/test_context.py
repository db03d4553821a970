"""The settings of a run, and the owners of a torrent."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.model.desired import Policy
from reconciler.plan.context import PlanContext, quote_names
from tests.support.planner_inputs import CONTEXT, OWNER_TAG, make_desired_state, make_live_torrent


def test_the_context_takes_its_settings_from_the_desired_state() -> None:
    desired = make_desired_state({"policy": "upsert", "delete_files": True, "quarantine": 7})
    now = datetime(2026, 11, 28, tzinfo=UTC)
    assert PlanContext.from_desired(desired, take_over=True, now=now) == PlanContext(
        "home", Policy.UPSERT, delete_files=True, take_over=True, quarantine_days=7, now=now
    )


def test_only_the_owner_tag_makes_a_torrent_ours() -> None:
    assert CONTEXT.is_owned(make_live_torrent({"hash": "a", "tags": [OWNER_TAG, "film"]}))
    for tags in ([], ["home"], ["reconcile:home2"], ["reconcile:protect"]):
        assert not CONTEXT.is_owned(make_live_torrent({"hash": "a", "tags": tags}))


def test_other_owners_are_sorted_and_marks_are_no_owners() -> None:
    tags = [OWNER_TAG, "reconcile:zoe", "reconcile:amy", "reconcile:protect", "reconcile:quarantine:2026-11-28", "film"]
    assert CONTEXT.list_other_owners(make_live_torrent({"hash": "a", "tags": tags})) == ("amy", "zoe")
    assert CONTEXT.list_other_owners(make_live_torrent({"hash": "a", "tags": [OWNER_TAG]})) == ()


def test_names_are_quoted() -> None:
    assert quote_names(("amy", "zoe")) == '"amy", "zoe"'
    assert quote_names(()) == ""
