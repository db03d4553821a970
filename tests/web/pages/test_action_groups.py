"""Alike actions are one group, and what needs a person is apart from the rest."""

from __future__ import annotations

from reconciler.model.plan import Change, Outcome, Verb
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.web import StatusBoard
from reconciler.web.pages.action_groups import (
    MAX_GROUPS_SHOWN,
    MAX_ITEMS_SHOWN,
    NO_ACTIONS,
    collect_applied_actions,
    collect_open_actions,
)
from tests.support.example_runs import (
    PLAN_HASH,
    applied,
    converged,
    faulty,
    huge,
    make_infohash,
    make_instance_result,
    make_torrent_action,
    mass,
    placed,
    planned,
)
from tests.support.status_site import make_finished_run


def run(*results: ActionResult) -> Run:
    """A run on one instance."""
    return Run(RunMode.APPLY, PLAN_HASH, 1, (make_instance_result("home", results),))


def test_a_run_with_nothing_to_do_has_none() -> None:
    actions = collect_open_actions(converged())
    assert actions == NO_ACTIONS


def test_deletions_and_moves_come_first() -> None:
    groups = collect_open_actions(planned()).differences.groups
    assert [(group.label, group.warning) for group in groups][:5] == [
        ("delete", "with its data"),
        ("delete", ""),
        ("category: delete", ""),
        ("update", "moves data"),
        ("update", "into quarantine"),
    ]
    assert groups[0].items[0].name == "older.iso"
    assert groups[3].items[0].notes == ("tags: +iso -a", "save_path: /d → /d/films")


def test_what_has_failed_or_is_blocked_needs_a_person() -> None:
    actions = collect_open_actions(applied())
    assert {group.label for group in actions.needs.groups} == {
        "adopt failed",
        "update blocked",
        "preference: update failed",
    }
    assert {group.label.partition(" ")[2] for group in actions.differences.groups} == {"deferred", "dropped"}


def test_a_contest_needs_a_person() -> None:
    action = make_torrent_action(
        Verb.UPDATE, "Sintel", "contested: category is changed back", Change("category", "a", "b"), number=1
    )
    (group,) = collect_open_actions(run(ActionResult(action, Outcome.DEFERRED))).needs.groups
    assert (group.label, group.reason, group.items[0].infohash) == (
        "contested",
        "category is changed back",
        make_infohash(1),
    )


def test_alike_actions_are_one_group_of_which_some_are_shown() -> None:
    doomed = (make_torrent_action(Verb.DELETE, f"{n}.iso", "no longer declared", number=n) for n in range(12))
    (group,) = collect_open_actions(
        run(*(ActionResult(action, Outcome.PLANNED) for action in doomed))
    ).differences.groups
    assert (group.count, len(group.items), group.hidden_count) == (12, MAX_ITEMS_SHOWN, 12 - MAX_ITEMS_SHOWN)


def test_faults_are_apart_by_gravity() -> None:
    actions = collect_open_actions(faulty())
    assert {item.name for group in actions.differences.groups for item in group.items} == {"Tears of Steel"}
    assert actions.needs.action_count == 4


def test_a_pending_torrent_needs_a_person_unless_it_waits_for_a_time() -> None:
    actions = collect_open_actions(placed())
    waiting, needing = (
        [(group.place, group.tone) for group in listed.groups if group.label == "pending"]
        for listed in (actions.differences, actions.needs)
    )
    assert waiting == [("group resilient", "wait")]
    assert needing == [("group away", "bad")]


def test_what_is_applied_is_done() -> None:
    assert collect_open_actions(huge()).differences.action_count == 0


def test_many_groups_are_counted_and_the_first_are_shown() -> None:
    listed = collect_open_actions(mass(30)).differences
    assert (len(listed.groups), listed.group_count, listed.action_count) == (MAX_GROUPS_SHOWN, 210, 210)


def test_what_was_applied_last(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(applied()))
    change = board.get_view().last_change
    assert change
    labels = [(group.place, group.label, group.count) for group in collect_applied_actions(change).groups]
    assert ("home", "added", 1) in labels
    assert ("home", "deleted", 1) in labels
    assert not any(word in label for _, label, _ in labels for word in ("failed", "deferred"))
