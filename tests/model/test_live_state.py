"""Live states."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.model.live_state import LiveInstance, LiveState, NotInLiveStateError
from reconciler.model.run import Status


def test_an_instance_is_found_by_its_name() -> None:
    box = LiveInstance("box")
    live_state = LiveState(datetime(2026, 1, 1, tzinfo=UTC), "home", (LiveInstance("a"), box))
    assert live_state.find_instance("box") is live_state.get_instance("box") is box
    assert live_state.find_instance("gone") is None


def test_what_is_not_there_is_unknown_unless_the_snapshot_says_more() -> None:
    assert NotInLiveStateError("gone").status is Status.UNKNOWN
    assert NotInLiveStateError("down", Status.UNREACHABLE).status is Status.UNREACHABLE
