"""The queries of past runs: what the journal has recorded, filtered by instance and torrent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME, JournalError, JournalHistory, read_past_runs
from reconciler.model.history import HistoryFilter
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode, Status
from tests.support.example_runs import HOSTILE_NAME, make_infohash
from tests.support.journal_runs import (
    EPOCH,
    JournalRecorder,
    make_action_result,
    make_read_instance,
    make_unread_instance,
)


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def test_a_run_is_read_back_as_it_was(diary: JournalRecorder) -> None:
    failed = make_action_result(Verb.UPDATE, 2, Outcome.FAILED, "409 Conflict")
    diary.record(
        make_read_instance(make_action_result(Verb.ADD, 1), failed),
        make_unread_instance(name="box", error="box: no connection"),
        exit_code=1,
    )
    (run,) = read_past_runs(diary.folder, HistoryFilter())
    assert (run.owner, run.trigger, run.exit_code, run.seconds, run.mode) == ("me", "interval", 1, 1.5, RunMode.APPLY)
    assert run.started_at == EPOCH + timedelta(minutes=1)
    assert [(instance.name, instance.status, instance.error) for instance in run.instances] == [
        ("box", Status.UNREACHABLE, "box: no connection")
    ]
    assert [(a.verb, a.name, a.infohash, a.changes, a.outcome, a.error) for a in run.actions] == [
        (Verb.ADD, "t1", make_infohash(1), "category: none -> films", Outcome.APPLIED, None),
        (Verb.UPDATE, "t2", make_infohash(2), "paused: false -> true", Outcome.FAILED, "409 Conflict"),
    ]
    assert diary.warnings == []


def test_history_filters_find_the_runs(diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), make_action_result(Verb.ADD, 2)))
    diary.record(make_read_instance(make_action_result(Verb.UPDATE, 2), name="box"))
    diary.record(make_unread_instance())

    def found(wanted: HistoryFilter) -> list[list[str]]:
        return [[action.name for action in run.actions] for run in read_past_runs(diary.folder, wanted)]

    assert found(HistoryFilter()) == [[], ["t2"], ["t1", "t2"]]
    assert found(HistoryFilter(limit=1)) == [[]]
    assert found(HistoryFilter(torrent="t2")) == [["t2"], ["t2"]]
    assert found(HistoryFilter(torrent=make_infohash(1)[:10].upper())) == [["t1"]]
    assert found(HistoryFilter(instances=("box",))) == [["t2"]]
    assert found(HistoryFilter(instances=("home",), torrent="t2")) == [["t2"]]
    assert found(HistoryFilter(instances=("home",))) == [[], ["t1", "t2"]]
    assert found(HistoryFilter(torrent="nobody")) == []
    assert found(HistoryFilter(torrent="T")) == []
    assert found(HistoryFilter(text="T")) == [["t2"], ["t1", "t2"]]
    assert found(HistoryFilter(text="2")) == [["t2"], ["t2"]]
    assert found(HistoryFilter(text=make_infohash(1)[:10].upper())) == [["t1"]]
    assert found(HistoryFilter(before=3)) == [["t2"], ["t1", "t2"]]
    assert found(HistoryFilter(before=3, instances=("home",))) == [["t1", "t2"]]
    assert found(HistoryFilter(before=1)) == []


def test_all_actions_are_counted_also_those_that_are_not_read(diary: JournalRecorder) -> None:
    failed = make_action_result(Verb.UPDATE, 2, Outcome.FAILED, "no")
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), failed, make_action_result(Verb.ADD, 3)))
    (run,) = read_past_runs(diary.folder, HistoryFilter(max_actions=1))
    assert [action.name for action in run.actions] == ["t1"]
    assert {(count.verb, count.kind, count.outcome): count.number for count in run.counts} == {
        (Verb.ADD, ObjectKind.TORRENT, Outcome.APPLIED): 2,
        (Verb.UPDATE, ObjectKind.TORRENT, Outcome.FAILED): 1,
    }
    (run,) = read_past_runs(diary.folder, HistoryFilter(torrent="t2"))
    assert [count.number for count in run.counts] == [1], "of what the filter selects"


def test_activity_counts_what_runs_did_since_a_time(diary: JournalRecorder) -> None:
    failed = make_action_result(Verb.UPDATE, 2, Outcome.FAILED, "no")
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), failed))
    diary.record(make_unread_instance())
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), name="box"))

    def read(since: int, history_filter: HistoryFilter) -> list[tuple[float, int, int]]:
        trend = JournalHistory(diary.folder).read_trend(EPOCH + timedelta(minutes=since), history_filter)
        return [((run.began - EPOCH) / timedelta(minutes=1), run.done, run.not_done) for run in trend.activity]

    assert read(0, HistoryFilter()) == [(1, 1, 1), (3, 1, 0)]
    assert read(2, HistoryFilter()) == [(3, 1, 0)]
    assert read(0, HistoryFilter(instances=("home",))) == [(1, 1, 1)]
    assert read(0, HistoryFilter(torrent="t2")) == [(1, 0, 1)]


def test_names_may_contain_any_character(diary: JournalRecorder) -> None:
    result = make_action_result(Verb.ADD, 1)
    object.__setattr__(result.action, "name", HOSTILE_NAME)
    diary.record(make_read_instance(result))
    assert read_past_runs(diary.folder, HistoryFilter())[0].actions[0].name == HOSTILE_NAME.replace("\ud800", "?")
    assert diary.warnings == []


def test_without_a_journal_there_are_no_runs(tmp_path: Path) -> None:
    assert read_past_runs(tmp_path / "nowhere", HistoryFilter()) == []
    assert not (tmp_path / "nowhere").exists(), "a query creates no file"


def test_a_row_of_an_unknown_verb_is_an_error_of_the_journal(diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1)))
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as connection, connection:
        connection.execute("UPDATE action SET verb = 'explode'")
    with pytest.raises(JournalError):
        read_past_runs(diary.folder, HistoryFilter())
