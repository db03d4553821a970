"""The last check before data moves: who has come to use it since the plan."""

from __future__ import annotations

import pytest

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job
from reconciler.apply.move_check import drop_outdated_moves
from reconciler.model.errors import UnreachableError
from reconciler.model.plan import Action, Blast, Change, Outcome, SetPreference, UpdateCategory, UpdateTorrent
from reconciler.model.snapshot import LiveCategory
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent, make_v1_hash

A, B = make_v1_hash("a"), make_v1_hash("b")
MOVE = UpdateTorrent("a", "x", (Change("save_path", "/x", "/y"),), torrent_id=A, disruptive=True, blast=Blast(1, 100))
EDIT = UpdateCategory("c", "x", (Change("save_path", "/x", "/y"),), blast=Blast(1, owned_ids=(A,)))
SET = SetPreference("save_path", "x", (Change("value", "/x", "/y"),), value="/y", blast=Blast(1, owned_ids=(A,)))


def make_box(*rows: dict[str, object]) -> MemoryInstance:
    box = MemoryInstance()
    torrents = [make_live_torrent({"is": "whole", "save_path": "/x", "content_path": "/x/film", **row}) for row in rows]
    box.torrents = {torrent.id: torrent for torrent in torrents}
    box.live_categories = {"c": LiveCategory("c", "/x")}
    return box


def check(box: MemoryInstance, *actions: Action) -> list[tuple[Outcome | None, str | None]]:
    jobs = [Job(action, action.torrent_id) for action in actions]
    drop_outdated_moves(jobs, box, fake_retry_policy())
    return [(job.outcome, job.error) for job in jobs]


def test_what_is_as_it_was_planned_goes_on() -> None:
    box = make_box({"hash": "a", "category": "c", "auto_tmm": True})
    assert check(box, EDIT, MOVE) == [(None, None), (None, None)]
    box = make_box({"hash": "a", "auto_tmm": True})
    assert check(box, SET) == [(None, None)]


def test_a_move_of_data_that_has_come_to_be_shared_is_dropped() -> None:
    shared = f"{B[:10]} may have files in its data since it was planned"
    assert check(make_box({"hash": "a"}, {"hash": "b"}), MOVE) == [(Outcome.DROPPED, shared)]
    box = make_box({"hash": "a", "category": "c", "auto_tmm": True}, {"hash": "b"})
    assert check(box, EDIT) == [(Outcome.DROPPED, shared)]


def test_what_was_accepted_is_not_asked_again() -> None:
    accepted = UpdateTorrent("a", "x", MOVE.changes, torrent_id=A, disruptive=True, blast=Blast(1, shares_with=(B,)))
    assert check(make_box({"hash": "a"}, {"hash": "b"}), accepted) == [(None, None)]


@pytest.mark.parametrize("action", [EDIT, SET])
def test_a_setting_that_more_torrents_follow_is_dropped(action: Action) -> None:
    category = "c" if action is EDIT else ""
    rows: list[dict[str, object]] = [
        {"hash": letter, "category": category, "auto_tmm": True, "content_path": f"/x/{letter}"} for letter in "abd"
    ]
    reason = "2 more torrents follow it since it was planned"
    assert check(make_box(*rows), action) == [(Outcome.DROPPED, reason)]


def test_a_plan_that_moves_nothing_is_not_checked() -> None:
    box = make_box({"hash": "a"})
    check(box, UpdateTorrent("a", "x", (Change("paused", False, True),), torrent_id=A))
    assert box.request_count == 0


def test_a_lost_instance_ends_the_check() -> None:
    box = make_box({"hash": "a"})
    box.fail_next(5, UnreachableError("box: gone"))
    with pytest.raises(InstanceLost, match="gone"):
        check(box, MOVE)
