"""The kill switch: stops on an unhealthy instance, and releases once it is healthy."""

from __future__ import annotations

from typing import Any

from reconciler.model.plan import Change, DeleteTorrent, Outcome, SparedTorrent, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.context import Decision
from reconciler.plan.kill_switch import defer_all, release, stop_actions
from tests.support.planner_inputs import CONTEXT, OWNER_TAG, make_desired_torrent, make_live_torrent, make_snapshot

HELD = "reconcile:held"
SNAPSHOT = make_snapshot([])
START = Change("paused", True, False)


def _make_ours(*tags: str, **row: Any) -> LiveTorrent:
    return make_live_torrent({"hash": "a", "tags": [OWNER_TAG, *tags], **row})


def _release(live_torrent: LiveTorrent, *decisions: Decision, **declared: Any) -> list[tuple[Change, ...]]:
    entry = make_desired_torrent({"hash": "a", **declared}, 1)
    released = release(decisions, live_torrent, CONTEXT, SNAPSHOT, entry)
    return [decision.changes for decision in released if not isinstance(decision, SparedTorrent)]


def test_running_torrents_of_ours_are_marked_before_they_are_stopped() -> None:
    torrents = [
        _make_ours(name="runs"),
        _make_ours(name="forced", force_start=True),
        _make_ours(HELD, name="started by hand"),
        _make_ours(name="stopped", stopped=True),
        make_live_torrent({"hash": "b", "name": "foreign"}),
    ]
    decisions = stop_actions(torrents, CONTEXT, "the VPN is down")
    stop = Change("paused", False, True)
    assert [(decision.name, decision.changes) for decision in decisions if isinstance(decision, UpdateTorrent)] == [
        ("runs", (Change("held", None, "running"), stop)),
        ("forced", (Change("held", None, "forced"), stop)),
        ("started by hand", (stop,)),
    ]
    assert all(isinstance(decision, UpdateTorrent) and decision.urgent for decision in decisions)


def test_a_torrent_with_the_ignore_tag_keeps_running() -> None:
    (decision,) = stop_actions([_make_ours("reconcile:ignore")], CONTEXT, "the VPN is down")
    assert isinstance(decision, SparedTorrent)
    assert decision.reason == (
        "it has the tag reconcile:ignore, so the kill switch leaves it running (the VPN is down)"
    )


def test_every_action_that_is_not_held_already_is_deferred() -> None:
    blocked, spared = DeleteTorrent("b", "y", hold=Outcome.BLOCKED), SparedTorrent("", "c", "z")
    assert defer_all([DeleteTorrent("a", "x"), blocked, spared], "the VPN is down") == [
        DeleteTorrent("a", "x; waits: the VPN is down", hold=Outcome.DEFERRED),
        blocked,
        spared,
    ]


def test_a_released_torrent_starts_as_it_ran() -> None:
    assert _release(_make_ours(HELD, stopped=True)) == [(Change("held", "running", None), START)]
    assert _release(_make_ours("reconcile:held:forced", stopped=True)) == [
        (Change("held", "forced", None), START, Change("force_start", False, True))
    ]
    assert _release(_make_ours(HELD)) == [(Change("held", "running", None),)]
    assert _release(_make_ours(stopped=True)) == []


def test_a_torrent_that_is_declared_paused_only_loses_its_mark() -> None:
    assert _release(_make_ours(HELD, stopped=True), paused=True) == [(Change("held", "running", None),)]


def test_a_release_joins_the_update_that_is_planned_anyway() -> None:
    planned = UpdateTorrent("a", "name differs", (Change("name", "x", "a"),))
    (decision,) = release(
        [planned], _make_ours(HELD, stopped=True), CONTEXT, SNAPSHOT, make_desired_torrent({"hash": "a"}, 1)
    )
    assert isinstance(decision, UpdateTorrent)
    assert decision.reason == "name differs; the kill switch releases it"
    assert set(decision.changes) == {*planned.changes, Change("held", "running", None), START}


def test_nothing_is_released_that_is_deleted_ignored_or_not_ours() -> None:
    deletion = DeleteTorrent("a", "x")
    assert release([deletion], _make_ours(HELD, stopped=True), CONTEXT, SNAPSHOT) == [deletion]
    assert _release(_make_ours(HELD, "reconcile:ignore", stopped=True)) == []
    assert _release(make_live_torrent({"hash": "a", "tags": [HELD], "stopped": True})) == []


def test_a_torrent_without_its_files_keeps_its_mark_and_waits() -> None:
    live_torrent = _make_ours(HELD, stopped=True, state="missingFiles")
    (decision,) = release([], live_torrent, CONTEXT, SNAPSHOT)
    assert isinstance(decision, UpdateTorrent)
    assert (decision.changes, decision.hold) == ((START,), Outcome.BLOCKED)


def test_a_forced_start_that_a_person_repeated_is_not_forced_again() -> None:
    assert _release(_make_ours("reconcile:held:forced", force_start=True)) == [(Change("held", "forced", None),)]
    assert _release(_make_ours("reconcile:held:forced", stopped=True), force_start=False) == [
        (Change("held", "forced", None), START)
    ]


def test_a_paused_torrent_that_needs_its_metadata_first_starts_until_that_has_arrived() -> None:
    declared = {"paused": True, "stop_condition": "metadata-received"}
    waiting, complete = _make_ours(HELD, stopped=True), _make_ours(HELD, stopped=True, has_metadata=True)
    assert _release(waiting, **declared) == [(Change("held", "running", None), START)]
    assert _release(complete, **declared) == [(Change("held", "running", None),)]


def test_a_torrent_that_is_being_checked_is_stopped_only_if_it_ran_before() -> None:
    """Nothing is transferred during a check, and what was stopped before must not be started by the release."""
    torrents = [
        _make_ours(name="unknown", state="checkingUP"),
        _make_ours(name="ran", state="checkingUP", stopped_before_check=False),
        _make_ours(name="stopped", state="checkingUP", stopped_before_check=True),
        _make_ours(HELD, name="held", state="checkingUP"),
        _make_ours("reconcile:quarantine:2026-12-01", name="in quarantine", state="checkingUP"),
    ]
    decisions = [d for d in stop_actions(torrents, CONTEXT, "the VPN is down") if isinstance(d, UpdateTorrent)]
    assert [(decision.name, decision.hold, decision.urgent) for decision in decisions] == [
        ("unknown", Outcome.DEFERRED, False),
        ("ran", None, True),
    ]
    assert decisions[0].reason.startswith("the VPN is down; it is being checked")


def test_a_release_waits_until_a_check_is_over() -> None:
    entry = make_desired_torrent({"hash": "a"}, 1)
    (decision,) = release([], _make_ours(HELD, state="checkingUP"), CONTEXT, SNAPSHOT, entry)
    assert isinstance(decision, UpdateTorrent)
    assert (decision.hold, decision.changes) == (Outcome.DEFERRED, (Change("held", "running", None),))
    assert _release(_make_ours(HELD, state="checkingUP", stopped_before_check=False)) == [
        (Change("held", "running", None),)
    ]
