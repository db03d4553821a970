"""Decisions about the torrents of one instance, one row of the module's tables after another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model.content import Content
from reconciler.model.desired import DesiredTorrent, Policy
from reconciler.model.plan import AddTorrent, AdoptTorrent, Change, DeleteTorrent, Outcome, SparedTorrent, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.adds import EntryFacts
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.match import Match
from reconciler.plan.resolve import TO_BE_CREATED, UnresolvedEntry
from reconciler.plan.torrents import (
    build_delete,
    deletion_spared_reason,
    plan_absent,
    plan_entry,
    plan_prune,
    plan_unresolved_entry,
)
from tests.support.planner_inputs import (
    CONTEXT,
    OWNER_TAG,
    make_content_entry,
    make_desired_torrent,
    make_live_torrent,
    make_snapshot,
)

SNAPSHOT = make_snapshot([])
UPSERT = replace(CONTEXT, policy=Policy.UPSERT)
CREATE_ONLY = replace(CONTEXT, policy=Policy.CREATE_ONLY)
TAKE_OVER = replace(CONTEXT, take_over=True)
FILM_ROW = {"content": "/data/film", "name": "film", "instance": "attic"}
FILM = make_content_entry(FILM_ROW, 7, [])
COPY = make_content_entry({"content_of": "film"}, 8, [FILM_ROW])


def _declare(**row: Any) -> DesiredTorrent:
    return make_desired_torrent({"hash": "a", **row}, 1)


def _live(*tags: str, **row: Any) -> LiveTorrent:
    return make_live_torrent({"hash": "a", "tags": tags, **row})


def _summarize(decision: Decision) -> tuple[type, Outcome | None]:
    return type(decision), None if isinstance(decision, SparedTorrent) else decision.hold


@pytest.mark.parametrize(
    ("context", "tags", "decision"),
    [
        (CREATE_ONLY, ["reconcile:ignore"], (SparedTorrent, None)),
        (CONTEXT, [OWNER_TAG, "reconcile:ignore"], (SparedTorrent, None)),
        (CREATE_ONLY, ["reconcile:amy"], (SparedTorrent, None)),
        (CONTEXT, ["reconcile:amy"], (AdoptTorrent, Outcome.BLOCKED)),
        (TAKE_OVER, ["reconcile:amy"], (AdoptTorrent, None)),
        (CREATE_ONLY, [], (SparedTorrent, None)),
        (UPSERT, [], (AdoptTorrent, None)),
        (CREATE_ONLY, [OWNER_TAG], (SparedTorrent, None)),
        (UPSERT, [OWNER_TAG], (UpdateTorrent, None)),
    ],
)
def test_a_live_torrent_that_differs_from_its_entry(
    context: PlanContext, tags: list[str], decision: tuple[type, Outcome | None]
) -> None:
    (planned,) = plan_entry(Match(_declare(category="c"), (_live(*tags),)), context, SNAPSHOT)
    assert _summarize(planned) == decision


def test_a_torrent_of_ours_without_drift_and_an_absent_one_that_is_gone_need_nothing() -> None:
    assert plan_entry(Match(_declare(category=""), (_live(OWNER_TAG),)), CONTEXT, SNAPSHOT) == []
    assert plan_entry(Match(_declare(state="absent")), CONTEXT, SNAPSHOT) == []


def test_a_take_over_replaces_the_tag_of_the_other_owner() -> None:
    (action,) = plan_entry(Match(_declare(), (_live("reconcile:amy"),)), TAKE_OVER, SNAPSHOT)
    assert isinstance(action, AdoptTorrent)
    assert action.changes == (Change("owner", "amy", "home"),)


def test_a_conflict_blocks_the_action_of_its_entry() -> None:
    live_torrent, absent = _live(OWNER_TAG), _declare(state="absent")
    for match, action_type in (
        (Match(_declare(), (live_torrent,), "twice"), UpdateTorrent),
        (Match(_declare(), (), "twice"), AddTorrent),
        (Match(absent, (live_torrent,), "twice"), DeleteTorrent),
    ):
        (action,) = plan_entry(match, CONTEXT, SNAPSHOT)
        assert (_summarize(action), action.reason) == ((action_type, Outcome.BLOCKED), "twice")


@pytest.mark.parametrize(
    ("context", "tags", "decision"),
    [
        (CONTEXT, ["reconcile:protect"], (SparedTorrent, None)),
        (UPSERT, ["reconcile:amy"], (SparedTorrent, None)),
        (CONTEXT, ["reconcile:amy"], (DeleteTorrent, Outcome.BLOCKED)),
        (TAKE_OVER, ["reconcile:amy"], (DeleteTorrent, None)),
        (UPSERT, [OWNER_TAG], (SparedTorrent, None)),
        (CONTEXT, [OWNER_TAG], (DeleteTorrent, None)),
        (CONTEXT, [], (DeleteTorrent, None)),
    ],
)
def test_a_live_torrent_that_is_declared_absent(
    context: PlanContext, tags: list[str], decision: tuple[type, Outcome | None]
) -> None:
    (planned,) = plan_absent(_declare(state="absent"), _live(*tags), context)
    assert _summarize(planned) == decision


def test_an_absent_entry_can_decide_about_its_data_itself() -> None:
    with_data = replace(CONTEXT, delete_files=True)
    for declared, expected in ((None, True), (False, False), (True, True)):
        entry = _declare(state="absent", delete_files=declared)
        (action,) = plan_absent(entry, _live(OWNER_TAG), with_data)
        assert isinstance(action, DeleteTorrent)
        assert action.delete_files is expected


def test_only_an_undeclared_torrent_of_ours_is_pruned() -> None:
    assert plan_prune(_live(), CONTEXT) == []
    assert plan_prune(_live("reconcile:amy"), TAKE_OVER) == []
    (deletion,) = plan_prune(_live(OWNER_TAG), CONTEXT)
    assert isinstance(deletion, DeleteTorrent)
    assert (deletion.reason, deletion.changes) == ("no longer declared", (Change("owner", "home", None),))


def test_a_prune_is_spared_with_the_reason() -> None:
    assert [
        (type(decision), decision.reason)
        for live_torrent, unresolved in (
            (_live(OWNER_TAG, "reconcile:ignore"), ()),
            (_live(OWNER_TAG, "reconcile:amy"), ()),
            (_live(OWNER_TAG, name="film"), (FILM,)),
        )
        for decision in plan_prune(live_torrent, CONTEXT, unresolved)
    ] == [
        (SparedTorrent, "it has the tag reconcile:ignore"),
        (SparedTorrent, 'it belongs to the owner "amy" as well'),
        (SparedTorrent, 'it may be what "film" (desired.yaml:7:1) means, which is not known now'),
    ]
    assert deletion_spared_reason(_live(OWNER_TAG), UPSERT) == "policy upsert does not delete"
    assert deletion_spared_reason(_live(OWNER_TAG), CONTEXT) is None


def test_a_prune_begins_a_quarantine_where_it_is_declared() -> None:
    context = replace(CONTEXT, quarantine_days=7, now=datetime(2026, 11, 28, tzinfo=UTC))
    (action,) = plan_prune(_live(OWNER_TAG), context)
    assert isinstance(action, UpdateTorrent)
    assert action.get_new_value("quarantine") == ("2026-12-05",)


def test_data_that_existed_before_its_torrent_is_never_deleted() -> None:
    with_data = replace(CONTEXT, delete_files=True)
    deletion = build_delete(_live(OWNER_TAG, "reconcile:content"), with_data, "no longer declared")
    assert deletion.delete_files is False
    assert deletion.reason == "no longer declared; its data is kept, because the torrent was created from it"
    assert build_delete(_live(OWNER_TAG), with_data, "no longer declared").delete_files is True


def test_content_is_created_once_and_waits_for_a_task() -> None:
    (added,) = plan_unresolved_entry(FILM, TO_BE_CREATED, [], CONTEXT, SNAPSHOT)
    assert _summarize(added) == (AddTorrent, None)
    assert added.reason == "not created yet; it is created from its content, then added"
    hashing = UnresolvedEntry("it is being hashed: 40 %", Outcome.DEFERRED)
    (waiting,) = plan_unresolved_entry(FILM, hashing, [], CONTEXT, SNAPSHOT)
    assert (_summarize(waiting), waiting.reason) == ((AddTorrent, Outcome.DEFERRED), "it is being hashed: 40 %")


def test_a_server_without_torrent_creator_blocks_content() -> None:
    (action,) = plan_unresolved_entry(FILM, TO_BE_CREATED, [], CONTEXT, make_snapshot([], version="4.5.2"))
    assert _summarize(action) == (AddTorrent, Outcome.BLOCKED)
    assert action.reason == "unsupported: qBittorrent v4.5.2 makes no torrents; 5.0 and later do"


def test_content_becomes_a_v1_torrent_without_libtorrent_2_only_where_no_other_format_is_declared() -> None:
    snapshot = make_snapshot([], libtorrent="1.2.20.0")
    (added,) = plan_unresolved_entry(FILM, TO_BE_CREATED, [], CONTEXT, snapshot)
    assert _summarize(added) == (AddTorrent, None)
    assert "it is created from its content, then added, as a v1 torrent: this qBittorrent v5.1.0" in added.reason
    assert isinstance(FILM.content, Content)
    hashing = UnresolvedEntry("it is being hashed: 40 %", Outcome.DEFERRED)
    for declared in ("v2", "hybrid"):
        entry = replace(FILM, content=replace(FILM.content, format=declared))
        for unresolved in (TO_BE_CREATED, hashing):
            (action,) = plan_unresolved_entry(entry, unresolved, [], CONTEXT, snapshot)
            assert _summarize(action) == (AddTorrent, Outcome.BLOCKED)
            assert action.reason.startswith(f'unsupported: "format: {declared}" is declared')


def test_a_torrent_of_another_format_than_declared_is_not_in_sync() -> None:
    assert isinstance(FILM.content, Content)
    live_torrent = _live(
        OWNER_TAG, "reconcile:content", name="film", content_path=FILM.content.path, progress=1.0, size=9
    )
    for declared, planned in (("", []), ("v1", []), ("v2", [(UpdateTorrent, Outcome.BLOCKED)])):
        content = replace(FILM.content, format=declared)
        entry = replace(FILM, name="film", content=content, infohashes=live_torrent.infohashes)
        assert list(map(_summarize, plan_entry(Match(entry, (live_torrent,)), CONTEXT, SNAPSHOT))) == planned


def test_an_unresolved_absent_entry_deletes_nothing() -> None:
    absent = replace(FILM, absent=True)
    assert plan_unresolved_entry(absent, TO_BE_CREATED, [], CONTEXT, SNAPSHOT) == []
    (held,) = plan_unresolved_entry(absent, UnresolvedEntry("x", Outcome.BLOCKED), [], CONTEXT, SNAPSHOT)
    assert _summarize(held) == (DeleteTorrent, Outcome.BLOCKED)


def test_a_copy_that_may_be_a_live_torrent_is_not_shown_as_an_add() -> None:
    waits = UnresolvedEntry("its instance was not read", Outcome.DEFERRED)
    (unknown,) = plan_unresolved_entry(COPY, waits, [_live(OWNER_TAG)], CONTEXT, SNAPSHOT)
    (missing,) = plan_unresolved_entry(COPY, waits, [], CONTEXT, SNAPSHOT)
    assert _summarize(unknown) == (UpdateTorrent, Outcome.DEFERRED)
    assert _summarize(missing) == (AddTorrent, Outcome.DEFERRED)


def test_a_finished_task_is_removed_with_its_torrent() -> None:
    content = replace(FILM, infohashes=_declare().infohashes)
    live_torrent = _live(OWNER_TAG, "reconcile:content", content_path="/data/film", name="film", **{"is": "whole"})
    (action,) = plan_entry(Match(content, (live_torrent,)), CONTEXT, SNAPSHOT, EntryFacts(task="task-1"))
    assert isinstance(action, UpdateTorrent)
    assert (action.creator_task_id, action.get_new_value("creator_task", "unchanged")) == ("task-1", None)


def test_content_whose_data_has_moved_or_changed_is_blocked() -> None:
    content = replace(FILM, infohashes=_declare().infohashes)
    tags = (OWNER_TAG, "reconcile:content")
    moved = _live(*tags, name="film", content_path="/moved/film", **{"is": "whole"})
    damaged = _live(*tags, name="film", content_path="/data/film", **{"is": "half"})
    for live_torrent, reason in ((moved, "the torrent that it creates"), (damaged, "its content is no longer")):
        (action,) = plan_entry(Match(content, (live_torrent,)), CONTEXT, SNAPSHOT)
        assert _summarize(action) == (UpdateTorrent, Outcome.BLOCKED)
        assert action.reason.startswith(reason)
