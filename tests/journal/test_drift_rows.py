"""The rows of drift: what is worth a row, how long it holds, and that there are never too many."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME, JournalHistory
from reconciler.journal.database import MIGRATIONS
from reconciler.model.history import DriftSample, HistoryFilter
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import InstanceResult, RunMode
from tests.support.journal_runs import (
    EPOCH,
    JournalRecorder,
    make_action_result,
    make_read_instance,
    make_unread_instance,
)

IN_SYNC = make_read_instance()
DONE = make_read_instance(make_action_result(Verb.ADD, 1), make_action_result(Verb.ADD, 2))
HALF_DONE = make_read_instance(make_action_result(Verb.ADD, 1), make_action_result(Verb.ADD, 2, Outcome.DEFERRED))
WAITING = make_read_instance(make_action_result(Verb.ADD, 2, Outcome.DEFERRED))
UNREAD = make_unread_instance()


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def read_samples(diary: JournalRecorder, *instances: str) -> list[DriftSample]:
    """Return all samples."""
    trend = JournalHistory(diary.folder).read_trend(EPOCH, HistoryFilter(instances=instances))
    assert diary.warnings == []
    return list(trend.drift)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([IN_SYNC, IN_SYNC, IN_SYNC], [(0, 0)]),
        ([DONE, IN_SYNC], [(2, 0)]),
        ([DONE, DONE], [(2, 0), (2, 0)]),
        ([IN_SYNC, HALF_DONE, WAITING, WAITING, IN_SYNC], [(0, 0), (2, 1), (0, 0)]),
        ([IN_SYNC, UNREAD, UNREAD, IN_SYNC], [(0, 0), (None, None), (0, 0)]),
    ],
    ids=["in sync", "healed", "healed twice", "one waits", "down"],
)
def test_a_run_that_finds_what_the_last_has_left_is_no_news(
    diary: JournalRecorder, runs: list[InstanceResult], expected: list[tuple[int | None, int | None]]
) -> None:
    for result in runs:
        diary.record(result)
    assert [(sample.found, sample.left) for sample in read_samples(diary)] == expected


def test_once_in_an_hour_it_is_noted_that_nothing_has_changed(diary: JournalRecorder) -> None:
    diary.record(IN_SYNC)
    began = diary.now
    for minutes, confirmed in ((58, 0), (1, 61), (30, 61), (40, 133)):
        diary.now += timedelta(minutes=minutes)
        diary.record(IN_SYNC)
        (sample,) = read_samples(diary)
        assert sample.began == began and sample.ended == began + timedelta(seconds=1.5)
        assert sample.seen_until == sample.ended + timedelta(minutes=confirmed)


def test_a_time_without_runs_is_not_taken_for_one_in_which_nothing_changed(diary: JournalRecorder) -> None:
    diary.record(IN_SYNC)
    diary.now += timedelta(hours=2)
    diary.record(IN_SYNC)
    first, second = read_samples(diary)
    assert first.seen_until == first.ended
    assert second.began == first.began + timedelta(hours=2, minutes=1)


def test_a_time_in_the_future_is_put_right(diary: JournalRecorder) -> None:
    diary.record(IN_SYNC)
    diary.now -= timedelta(hours=5)  # the clock was wrong
    diary.record(IN_SYNC)
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as connection:
        assert connection.execute("SELECT seen FROM drift").fetchall() == [(diary.now.timestamp() + 1.5,)]


def test_a_dry_run_leaves_none(diary: JournalRecorder) -> None:
    diary.record(DONE, mode=RunMode.DRY_RUN)
    assert read_samples(diary) == []
    assert not diary.folder.exists()


def test_instances_are_apart_and_can_be_selected(diary: JournalRecorder) -> None:
    diary.record(DONE, make_read_instance(name="box"))
    diary.record(IN_SYNC, make_read_instance(make_action_result(Verb.ADD, 1), name="box"))
    assert [(s.owner, s.instance, s.found) for s in read_samples(diary)] == [
        ("me", "home", 2),
        ("me", "box", 0),
        ("me", "box", 1),
    ]
    assert [s.found for s in read_samples(diary, "box")] == [0, 1]


def test_what_another_process_has_written_counts(diary: JournalRecorder) -> None:
    diary.record(WAITING)
    other = diary.open_journal()
    diary.journal, watch = other, diary.journal
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2)))
    diary.journal = watch
    diary.record(IN_SYNC)
    assert [(s.found, s.left) for s in read_samples(diary)] == [(1, 1), (1, 0)]


def test_they_are_bounded_by_number_and_age(diary: JournalRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.journal.drift_rows.MAX_ROWS", 3)
    for _ in range(6):
        diary.record(DONE)
    assert len(read_samples(diary)) == 3
    diary.now += timedelta(days=401)
    diary.record(DONE)
    assert len(read_samples(diary)) == 1


def test_a_journal_of_an_older_version_is_read_and_extended(diary: JournalRecorder) -> None:
    diary.folder.mkdir()
    with sqlite3.connect(diary.folder / JOURNAL_FILE_NAME) as file:
        file.executescript(";".join(MIGRATIONS[:5]) + "; PRAGMA user_version = 5; PRAGMA journal_mode = WAL")
        file.execute("INSERT INTO owned VALUES ('me', 'home', 'http://home', 7, 0)")
    assert read_samples(diary) == []
    diary.record(make_read_instance(owned=7))
    assert [s.found for s in read_samples(diary)] == [0]
    assert diary.owned == {"home": 7}


def test_what_began_before_the_time_is_read_from_its_beginning(diary: JournalRecorder) -> None:
    diary.record(DONE)
    diary.now += timedelta(days=1)
    diary.record(HALF_DONE)
    began = diary.now
    diary.record(UNREAD)
    diary.now += timedelta(days=2)
    diary.record(WAITING)

    def read(since: timedelta) -> list[tuple[int | None, int | None]]:
        trend = JournalHistory(diary.folder).read_trend(EPOCH + since, HistoryFilter())
        return [(sample.found, sample.left) for sample in trend.drift]

    assert began < EPOCH + timedelta(days=2)
    assert read(timedelta(days=2)) == [(2, 1), (None, None), (1, 1)]
    assert read(timedelta(hours=2)) == [(2, 1), (None, None), (1, 1)]
    assert read(timedelta()) == [(2, 0), (2, 1), (None, None), (1, 1)]
