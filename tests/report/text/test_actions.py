"""The list of actions of an instance as text."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.groups import ActionPlacement, KeptCopy, PendingTorrent
from reconciler.model.plan import Action, Blast, Change, Outcome, SparedTorrent, UpdateTorrent, Verb
from reconciler.model.run import ActionResult, ContentResult, InstanceResult, Run, RunMode
from reconciler.report.text.actions import render_instance_actions, render_pending
from reconciler.report.text.lines import render_plain
from tests.support.example_runs import (
    PLAN_HASH,
    make_infohash,
    make_instance_result,
    make_position,
    make_torrent_action,
)
from tests.support.golden_reports import text


def render_texts(instance: InstanceResult) -> list[str]:
    """The lines about the actions of an instance."""
    return [render_plain(line) for line in render_instance_actions(instance)]


def make_planned(*actions: Action) -> InstanceResult:
    """An instance with planned actions."""
    return make_instance_result("home", tuple(ActionResult(action, Outcome.PLANNED) for action in actions))


def test_many_different_changes_are_cut() -> None:
    actions = tuple(
        ActionResult(make_torrent_action(Verb.DELETE, f"{n}.iso", f"reason {n}", number=n), Outcome.PLANNED)
        for n in range(5_000)
    )
    report = text(Run(RunMode.DRY_RUN, PLAN_HASH, 0, (make_instance_result("home", actions),)))
    assert "… and 4,900 more" in report
    assert len(report.splitlines()) < 110


def test_an_instance_without_actions_has_no_lines() -> None:
    assert render_texts(make_instance_result("home")) == []


def test_an_entry_shows_its_reason_its_position_and_its_changes() -> None:
    changes = (Change("owner", None, "home"), Change("name", None, "Sintel"), Change("category", None, "films"))
    assert render_texts(make_planned(make_torrent_action(Verb.ADD, "Sintel", "not here", *changes, number=20))) == [
        "  + add       0000000014  Sintel   not here · desired.yaml:20:5",
        " " * 26 + "category: films",
    ]


def test_actions_that_share_their_changes_are_of_a_group_only_if_all_else_is_the_same() -> None:
    placement, changes = ActionPlacement("resilient", "the first healthy member"), (Change("paused", False, True),)
    updates = [
        UpdateTorrent(f"t{number}", "paused differs", changes, make_position(number), infohash=make_infohash(number))
        for number in range(26)
    ]
    results = [
        *(ActionResult(update, Outcome.APPLIED) for update in updates[:13]),
        *(ActionResult(replace(update, reason="it was started"), Outcome.APPLIED) for update in updates[13:17]),
        *(ActionResult(replace(update, disruptive=True), Outcome.APPLIED) for update in updates[17:20]),
        *(ActionResult(replace(update, placement=placement), Outcome.APPLIED) for update in updates[20:22]),
        ActionResult(updates[22], Outcome.PLANNED),
        ActionResult(updates[23], Outcome.FAILED, "disk full"),
        ActionResult(updates[24], Outcome.FAILED, "disk busy"),
        ActionResult(replace(updates[25], changes=(Change("paused", True, False),)), Outcome.APPLIED),
    ]
    lines = render_texts(make_instance_result("home", tuple(results)))
    assert [line.split()[1:4] for line in lines if line[2] != " "] == [
        ["failed", "0000000017", "t23"],
        ["failed", "0000000018", "t24"],
        ["update", "0000000016", "t22"],
        ["updated", "3", "torrents"],
        ["updated", "13", "torrents"],
        ["updated", "4", "torrents"],
        ["updated", "2", "torrents"],
        ["updated", "0000000019", "t25"],
    ]


def test_failures_come_first_with_their_error() -> None:
    fine = ActionResult(make_torrent_action(Verb.UPDATE, "fine", "tags differ", number=1), Outcome.APPLIED)
    failed = ActionResult(make_torrent_action(Verb.UPDATE, "bad", "tags differ", number=2), Outcome.FAILED, "disk full")
    assert render_texts(make_instance_result("home", (fine, failed))) == [
        "  ! failed    0000000002  bad    update · desired.yaml:2:5",
        " " * 26 + "disk full",
        "  ~ updated   0000000001  fine   tags differ · desired.yaml:1:5",
    ]


def test_many_equal_changes_are_one_group() -> None:
    change = Change("category", "", "films")
    actions = [make_torrent_action(Verb.UPDATE, f"t{n}", "category differs", change, number=n) for n in range(1, 31)]
    lines = render_texts(make_planned(*actions))
    assert lines[:3] == [
        "  ~ update    30 torrents   category differs",
        " " * 14 + "category: (none) → films",
        " " * 16 + "0000000001  t1    desired.yaml:1:5",
    ]
    assert lines[-1] == " " * 16 + "… and 10 more   --output json shows all"
    assert len(render_texts(make_planned(*actions[:20]))) == 40, "up to 20 are shown one by one"


def test_deletions_begin_with_their_effect() -> None:
    deletion = make_torrent_action(
        Verb.DELETE, "old", "no longer declared", number=1, delete_files=True, blast=Blast(1, 3 << 30, True, 0)
    )
    assert render_texts(make_planned(deletion)) == [
        "  deletions: 1 torrent, 3.0 GiB on disk, 1 deleted with data, 1 seeding, 1 with no other seed known",
        "  - delete    0000000001  old  WITH ITS DATA   no longer declared; no other seed is known",
    ]


def test_a_placement_is_explained_unless_the_action_removes_a_surplus_copy() -> None:
    placed = ActionPlacement("resilient", "the first healthy member")
    addition = make_torrent_action(Verb.ADD, "new", "not here", number=1, placement=placed)
    assert render_texts(make_planned(addition))[1:] == [" " * 26 + "resilient: the first healthy member"]
    surplus = ActionPlacement("resilient", "seedbox has it", KeptCopy("seedbox", make_infohash(1)))
    deletion = make_torrent_action(Verb.DELETE, "twice", "surplus: seedbox has it", number=2, placement=surplus)
    assert render_texts(make_planned(deletion))[1:] == ["  - delete    0000000002  twice   surplus: seedbox has it"]


def test_a_created_torrent_shows_its_magnet_link() -> None:
    content = ContentResult("made", "/d/made", make_position(7), make_infohash(7), "magnet:?xt=urn:btih:07")
    instance = make_planned(make_torrent_action(Verb.ADD, "made", "not here", number=7))
    assert render_texts(replace(instance, content=(content,)))[1:] == [" " * 26 + "magnet:?xt=urn:btih:07"]


def test_spared_torrents_come_last_and_are_grouped_above_five() -> None:
    spared = tuple(SparedTorrent(make_infohash(n), f"s{n}", "policy upsert does not delete") for n in range(6))
    addition = make_torrent_action(Verb.ADD, "new", "not here", number=1)
    few, many = (render_texts(replace(make_planned(addition), spared=spared[:count])) for count in (5, 6))
    assert few[1] == "  = spared    0000000000  s0   policy upsert does not delete"
    assert len(few) == 6
    assert many[1] == "  = spared    6 torrents   policy upsert does not delete"


def test_a_pending_torrent_shows_its_group_and_reason() -> None:
    pending = PendingTorrent(make_infohash(9), "tears.mkv", "wide", "no member can take it", make_position(9))
    assert [render_plain(line) for line in render_pending([pending])] == [
        "  ? pending   0000000009  tears.mkv   desired.yaml:9:5",
        " " * 26 + "wide: no member can take it",
    ]
