"""Quarantines: a stop and a tag first, the deletion once the time is over."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from reconciler.model.plan import Action, Change, DeleteTorrent, Outcome, SparedTorrent, UpdateTorrent
from reconciler.plan.quarantine import is_quarantine_start, plan_quarantine
from tests.support.planner_inputs import make_live_torrent

TODAY = date(2026, 11, 28)
DELETION = DeleteTorrent("a", "no longer declared", (Change("owner", "home", None),))
STOP = Change("paused", False, True)


def _plan(*texts: str, days: int | None = 7, today: date | None = TODAY, **row: Any) -> Action | SparedTorrent:
    tags = [*(f"reconcile:quarantine:{text}" for text in texts), *row.pop("tags", [])]
    return plan_quarantine(make_live_torrent({"hash": "a", "tags": tags, **row}), days, today, DELETION)


def test_a_quarantine_begins_with_a_stop_and_a_tag_with_its_last_day() -> None:
    action = _plan()
    assert isinstance(action, UpdateTorrent)
    assert action.changes == (Change("quarantine", (), ("2026-12-05",)), STOP)
    assert action.reason == "no longer declared: in quarantine through 2026-12-05 (UTC), then deleted"
    assert is_quarantine_start(action)


def test_a_torrent_that_a_person_stopped_is_remembered_as_stopped() -> None:
    by_person, by_kill_switch = _plan(stopped=True), _plan(stopped=True, tags=["reconcile:held"])
    assert isinstance(by_person, UpdateTorrent)
    assert isinstance(by_kill_switch, UpdateTorrent)
    assert by_person.changes == (Change("quarantine", (), ("2026-12-05:stopped",)),)
    assert by_kill_switch.changes == (Change("quarantine", (), ("2026-12-05",)),)


def test_it_is_kept_through_its_last_day_and_deleted_after_it() -> None:
    kept = _plan("2026-11-28", stopped=True)
    assert isinstance(kept, SparedTorrent)
    assert kept.reason == "in quarantine through 2026-11-28 (UTC), then deleted"
    ended = _plan("2026-11-27", stopped=True)
    assert isinstance(ended, DeleteTorrent)
    assert ended.changes == (*DELETION.changes, Change("quarantine", ("2026-11-27",), ()))
    assert not is_quarantine_start(ended)


def test_of_several_days_the_latest_counts() -> None:
    assert isinstance(_plan("2026-11-01", "2026-12-24", stopped=True), SparedTorrent)


def test_a_torrent_that_was_started_in_quarantine_is_stopped_again() -> None:
    action = _plan("2026-12-01")
    assert isinstance(action, UpdateTorrent)
    assert action.changes == (STOP,)
    assert not is_quarantine_start(action)


def test_a_tag_without_a_valid_day_blocks_the_deletion() -> None:
    action = _plan("soon", "2026-11-01", stopped=True)
    assert isinstance(action, DeleteTorrent)
    assert action.hold is Outcome.BLOCKED
    assert action.reason.startswith("its tag reconcile:quarantine:soon names no day; ")


def test_without_a_declared_quarantine_it_is_deleted_at_once() -> None:
    assert _plan(days=None, today=None) == DELETION
    in_quarantine = _plan("2026-12-24", days=None)
    assert isinstance(in_quarantine, DeleteTorrent)
    assert in_quarantine.hold is None
    assert in_quarantine.reason == "no longer declared; it is in quarantine, which is not declared any more"


def test_a_quarantine_without_the_day_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be planned without the day"):
        _plan(today=None)


def test_a_quarantine_of_a_torrent_that_is_being_checked_begins_later() -> None:
    """Its tag records whether the torrent ran, and a stop would end the check."""
    deferred = _plan(state="checkingUP")
    assert isinstance(deferred, UpdateTorrent)
    assert deferred.hold is Outcome.DEFERRED
    assert "it is being checked" in deferred.reason
    known = _plan(state="checkingUP", stopped_before_check=True)
    assert isinstance(known, UpdateTorrent)
    assert (known.hold, known.changes) == (None, (Change("quarantine", (), ("2026-12-05:stopped",)),))


def test_a_torrent_that_is_being_checked_in_quarantine_is_left_alone() -> None:
    assert isinstance(_plan("2026-12-01", state="checkingUP"), SparedTorrent)
