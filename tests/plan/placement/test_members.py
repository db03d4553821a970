"""A member as one torrent sees it, and its capacity."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.model.groups import Member, Outage
from reconciler.plan.placement.members import CapacityTracker, MemberState, format_time
from tests.support.planner_inputs import make_live_torrent, make_snapshot

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OUTAGE = Outage(datetime(2026, 11, 28, 11, 59, 30, tzinfo=UTC), "no answer")
BOX = Member("box")
COPY = make_live_torrent({"hash": "a"})


@pytest.mark.parametrize(
    ("state", "is_healthy", "has_copy", "can_take", "text"),
    [
        (MemberState(BOX, True), True, False, True, "well"),
        (MemberState(BOX, True, COPY), True, True, False, "well"),
        (MemberState(BOX, True, cannot_take_reason="it is full"), True, False, False, "it is full"),
        (MemberState(BOX, True, COPY, OUTAGE), False, False, False, "down since 11:59:30 UTC: no answer"),
        (MemberState(BOX, False, outage=OUTAGE), False, False, False, "down since 11:59:30 UTC: no answer"),
        (MemberState(BOX, False, had_copy=True), False, False, False, "not read"),
    ],
)
def test_a_member_counts_only_while_it_is_read_and_healthy(
    state: MemberState, is_healthy: bool, has_copy: bool, can_take: bool, text: str
) -> None:
    assert (state.is_healthy, state.has_copy, state.can_take) == (is_healthy, has_copy, can_take)
    assert state.state_text(NOW) == text


def test_a_time_of_another_day_shows_its_date() -> None:
    assert format_time(datetime(2026, 11, 28, 0, 0, 1, tzinfo=UTC), NOW) == "00:00:01 UTC"
    assert format_time(datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC), NOW) == "2026-11-27 23:59:59 UTC"


def test_a_member_is_full_once_its_torrents_and_reservations_reach_the_limit() -> None:
    tracker = CapacityTracker({"box": make_snapshot([{"hash": "a"}])}, {})
    limited = Member("box", max_torrents=2)
    assert tracker.cannot_take_reason(limited) is None
    tracker.reserve("box")
    assert tracker.cannot_take_reason(limited) == "it is full: max_torrents is 2"
    assert tracker.cannot_take_reason(BOX) is None
    assert tracker.cannot_take_reason(Member("attic", max_torrents=0)) == "it is full: max_torrents is 0"


def test_a_member_with_little_or_unknown_free_space_takes_nothing() -> None:
    tracker = CapacityTracker({}, {"box": 1024, "attic": 2048})
    assert tracker.cannot_take_reason(Member("box", min_free_space=2048)) == (
        "1.0 KiB are free there, min_free_space is 2.0 KiB"
    )
    assert tracker.cannot_take_reason(Member("attic", min_free_space=2048)) is None
    assert tracker.cannot_take_reason(Member("cellar", min_free_space=1)) == "its free space is not known"
