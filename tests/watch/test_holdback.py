"""Contested and refused changes: held back, shown, and tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.errors import RejectedError, UnreachableError
from reconciler.model.plan import Change, Outcome, UpdateTorrent
from reconciler.model.run import ActionResult, Run, Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.holdback import list_holdable_fields
from reconciler.testing.memory import MemoryInstance
from reconciler.watch.holdback import ActionBackoff
from reconciler.watch.plan_cache import CachingPlanner
from tests.support.example_runs import make_instance_result
from tests.support.fake_retry import fake_context
from tests.support.fake_time import FakeTime
from tests.support.planner_inputs import (
    OWNER_TAG,
    make_desired_state,
    make_live_torrent,
    make_v1_hash,
)

HOUR = 3600.0
CASE = {
    "desired": [{"hash": "a", "paused": True, "name": "n"}],
    "live": [{"hash": "a", "tags": [OWNER_TAG], "name": "n"}],
}


class Story:
    """An instance in memory, a desired state, and the memory of a loop, without the loop."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self.time = FakeTime(random=1.0)
        self.memory = ActionBackoff(self.time.clock, first_delay=120)
        self.desired = make_desired_state(case)
        self.box = MemoryInstance()
        self.box.torrents = {torrent.id: torrent for torrent in map(make_live_torrent, case.get("live", []))}

    def run(self, after: float = 60.0) -> Run:
        """A run, and what is learnt of it."""

        context = replace(fake_context(lambda _instance, _stop: self.box), planner=CachingPlanner(self.memory))
        done = run_once(self.desired, RunOptions(), context)
        self.memory.record_results(done.instances)
        self.time.pass_(after)
        return done

    def outcomes(self, after: float = 60.0) -> list[str]:
        """`name fields outcome` of a run's actions."""
        return [
            f"{r.action.name} {','.join(c.field for c in r.action.changes)} {r.outcome}"
            for instance_result in self.run(after).instances
            for r in instance_result.results
        ]

    def live(self, letter: str) -> LiveTorrent:
        """A torrent on the instance."""
        return self.box.torrents[make_v1_hash(letter)]

    def meddle(self, letter: str, **fields: Any) -> None:
        """Somebody changes a live torrent."""
        self.box.torrents[make_v1_hash(letter)] = replace(self.live(letter), **fields)


def fought_over() -> Story:
    """A torrent that somebody starts whenever we stop it, five times by now."""
    story = Story(CASE)
    for _ in range(5):
        assert story.outcomes() == ["n paused applied"]
        story.meddle("a", stopped=False, state="stalledDL")
    return story


def test_contested_field_is_left_alone_and_reported() -> None:
    story = fought_over()
    story.meddle("a", name="another")
    run = story.run()
    results = [(r.action.changes[0].field, r.outcome) for r in run.instances[0].results]
    assert sorted(results) == [("name", Outcome.APPLIED), ("paused", Outcome.DEFERRED)]
    reason = next(r.action.reason for r in run.instances[0].results if r.outcome is Outcome.DEFERRED)
    assert reason == (
        "contested: paused was corrected 5 times within an hour, and something else changed it back each time; "
        "left alone until 01:04 UTC"
    )
    assert not story.live("a").stopped
    assert run.exit_code == 0


def test_contested_field_is_tried_again_after_an_hour() -> None:
    story = fought_over()
    assert story.outcomes(HOUR) == ["n paused deferred"]
    assert story.outcomes() == ["n paused applied"]
    assert story.live("a").stopped


def test_contested_fields_survive_a_restart() -> None:
    story = fought_over()
    kept = story.memory.get_contested_if_changed()
    assert kept and [(change.instance, change.item, change.field) for change in kept] == [
        ("box", make_v1_hash("a"), "paused")
    ]
    assert story.memory.get_contested_if_changed() is None, "nothing new to keep"
    story.time.pass_(600)
    story.memory = ActionBackoff(story.time.clock, first_delay=120)
    story.memory.restore(kept)
    assert story.memory.get_contested_if_changed() is None, "nothing new to keep"
    assert story.outcomes(HOUR - 600) == ["n paused deferred"]
    assert story.outcomes() == ["n paused applied"]
    assert story.memory.get_contested_if_changed() == []


def test_a_contest_that_was_saved_while_the_clock_was_ahead_does_not_count() -> None:
    story = fought_over()
    kept = story.memory.get_contested_if_changed() or []
    story.memory = ActionBackoff(story.time.clock, first_delay=120)
    story.memory.restore([replace(entry, until=entry.until + timedelta(days=400)) for entry in kept])
    assert story.outcomes() == ["n paused applied"]
    assert story.memory.get_contested_if_changed() == [], "the journal forgets it"


def test_changed_declaration_ends_the_contest() -> None:
    story = fought_over()
    old, story.desired = story.desired, replace(story.desired)
    story.memory.forget_changed(old, story.desired)
    assert story.outcomes() == ["n paused deferred"], "only its line has changed, if anything"
    wish = replace(story.desired.torrents[0], name="m")
    story.desired = replace(story.desired, torrents=(wish,))
    story.memory.forget_changed(old, story.desired)
    assert story.outcomes() == ["m name,paused applied"]


def test_torrent_that_is_removed_each_time_is_not_added_for_ever() -> None:
    story = Story({"desired": [{"hash": "a"}]})
    for _ in range(5):
        assert story.outcomes() == ["a owner,paused applied"]
        story.box.torrents.clear()
    assert story.outcomes() == ["a owner,paused deferred"]


def test_occasional_corrections_are_no_contest() -> None:
    story = Story(CASE)
    for _ in range(10):
        assert story.outcomes(after=HOUR / 4) == ["n paused applied"]
        story.meddle("a", stopped=False, state="stalledDL")


def refusing(box: MemoryInstance) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        box.request_count += 1
        raise RejectedError("set category was refused: 409 Conflict", 409)

    return refuse


def test_refused_change_is_not_sent_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(
        {
            "desired": [{"hash": "a", "name": "n"}, {"hash": "b"}],
            "live": [{"hash": "a", "tags": [OWNER_TAG], "name": "x"}],
        }
    )
    monkeypatch.setattr(story.box, "rename_torrent", refusing(story.box))
    outcomes = [story.outcomes() for _ in range(12)]
    assert outcomes[0] == ["b owner,paused applied", "n name failed"]
    tries = [number for number, lines in enumerate(outcomes) if "n name failed" in lines]
    assert tries == [0, 2, 6], "two, four, then eight minutes"
    assert all(lines == ["n name deferred"] for number, lines in enumerate(outcomes[1:], 1) if number not in tries)
    reason = story.run().instances[0].results[0].action.reason
    assert "failed 3 times in a row" in reason and "409 Conflict" in reason and "next try after" in reason
    (key, backoff), *others = story.memory.get_torrent_backoffs().items()
    assert not others and key[1] == make_v1_hash("a") and backoff.failures == 3 and "409 Conflict" in backoff.reason
    assert f"next try after {backoff.until:%H:%M:%S} UTC" in reason

    monkeypatch.undo()
    story.time.pass_(HOUR)
    assert story.outcomes() == ["n name applied"]
    assert story.outcomes() == [] and not story.memory.get_torrent_backoffs()


def test_actions_of_a_lost_instance_do_not_count() -> None:
    story = Story({"desired": [{"hash": "a", "name": "n"}], "live": [{"hash": "a", "tags": [OWNER_TAG], "name": "x"}]})
    story.box.fail_next(50, UnreachableError("gone"), skip=1)
    assert story.run().instances[0].status is Status.UNREACHABLE
    story.box.fail_next(0, UnreachableError("gone"))
    assert story.outcomes() == ["n name applied"]


def test_metadata_that_another_instance_cannot_give_is_not_read_every_time() -> None:
    time = FakeTime(random=1.0)
    memory = ActionBackoff(time.clock, first_delay=120)
    changes = (Change("metadata", None, "x"),)
    action = UpdateTorrent("a", "it has no metadata; x has it", changes, infohash="1", torrent_id="1")
    peer = replace(action, changes=(Change("peer", None, "x"),))
    result = ActionResult(action, Outcome.DEFERRED, "its metadata could not be read from x: gone")
    memory.record_results([make_instance_result("y", (result,))])
    (held,) = list_holdable_fields("y", action)
    assert memory._hold_reason(held) == (
        "failed once (its metadata could not be read from x: gone); next try after "
        f"{time.clock.to_utc(time.clock.now() + 120):%H:%M:%S} UTC"
    )
    time.pass_(121)
    assert memory._hold_reason(held) is None
    assert list_holdable_fields("y", peer) == [], "to send it again is no fight"
