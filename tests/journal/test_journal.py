"""The rows that the journal keeps, and the history that it returns."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME, get_default_state_dir, read_past_runs
from reconciler.journal.journal import ContestedField
from reconciler.model.history import AddKey, HistoryFilter, UntaggedAdds
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import RunMode
from tests.support.journal_runs import (
    DESIRED,
    EPOCH,
    JournalRecorder,
    make_action_result,
    make_read_instance,
    make_unread_instance,
)


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def test_a_dry_run_and_a_run_that_did_nothing_leave_no_trace(diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1, Outcome.PLANNED)), mode=RunMode.DRY_RUN)
    assert not diary.folder.exists()
    diary.record(make_read_instance(make_action_result(Verb.UPDATE, 1, Outcome.DEFERRED), owned=3))
    assert read_past_runs(diary.folder, HistoryFilter()) == []
    assert diary.owned == {"home": 3}


def test_lasting_problem_is_recorded_once(diary: JournalRecorder) -> None:
    for reason in ("a", "a", "a", "b", "b"):
        diary.record(make_unread_instance(reason))
    diary.record(make_read_instance())
    diary.record(make_unread_instance("b"))
    assert [run.instances[0].error for run in read_past_runs(diary.folder, HistoryFilter())] == ["b", "b", "a"]


def test_it_is_bounded_by_runs_actions_and_age(diary: JournalRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = "reconciler.journal.run_rows"
    monkeypatch.setattr(f"{journal}.MAX_RUNS", 5)
    for number in range(9):
        diary.record(make_read_instance(make_action_result(Verb.ADD, number)))
    assert [run.actions[0].name for run in read_past_runs(diary.folder, HistoryFilter())] == [
        "t8",
        "t7",
        "t6",
        "t5",
        "t4",
    ]
    monkeypatch.setattr(f"{journal}.MAX_ACTIONS", 6)
    diary.record(make_read_instance(*(make_action_result(Verb.ADD, number) for number in range(4))))
    assert [len(run.actions) for run in read_past_runs(diary.folder, HistoryFilter())] == [4, 1, 1]
    diary.record(make_read_instance(*(make_action_result(Verb.ADD, number) for number in range(50))))
    assert [len(run.actions) for run in read_past_runs(diary.folder, HistoryFilter())] == [50], (
        "the newest stays, however large"
    )
    diary.now += timedelta(days=500)
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1)))
    assert [len(run.actions) for run in read_past_runs(diary.folder, HistoryFilter())] == [1]


def test_thousands_of_actions_come_back_in_their_order_each_with_its_own_outcome(diary: JournalRecorder) -> None:
    results = [make_action_result(Verb.ADD, number) for number in range(250)]
    results[120:130] = [make_action_result(Verb.UPDATE, 1, Outcome.FAILED, f"reason {n // 5}") for n in range(10)]
    diary.record(make_read_instance(*results[:200]), make_read_instance(*results[200:], name="box"))
    (run,) = read_past_runs(diary.folder, HistoryFilter())
    assert [(action.instance, action.verb, action.name, action.infohash, action.error) for action in run.actions] == [
        (instance, result.action.verb, result.action.name, result.action.infohash, result.error)
        for instance, result in zip(["home"] * 200 + ["box"] * 50, results, strict=True)
    ]


def test_the_file_does_not_grow_for_ever(diary: JournalRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.journal.run_rows.MAX_ACTIONS", 500)
    sizes = []
    for _ in range(30):
        diary.record(make_read_instance(*(make_action_result(Verb.ADD, number) for number in range(250))))
        sizes.append((diary.folder / JOURNAL_FILE_NAME).stat().st_size)
    assert max(sizes) <= sizes[2] * 1.5
    assert diary.warnings == []


def test_owned_counts_belong_to_an_owner_and_a_url(diary: JournalRecorder) -> None:

    from tests.support.journal_runs import DESIRED

    diary.record(make_read_instance(owned=7))
    assert diary.owned == {"home": 7}
    moved = {**DESIRED.instances, "home": replace(DESIRED.instances["home"], url="http://elsewhere")}
    assert diary.journal.read_owned_counts(replace(DESIRED, instances=moved)) == {}
    assert diary.journal.read_owned_counts(replace(DESIRED, owner="you")) == {}


def test_a_run_without_news_does_not_open_a_file_that_nobody_has_written_to(
    diary: JournalRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary.record(make_read_instance(owned=3))
    assert diary.journal.read_owned_counts(DESIRED)["home"].count == 3  # SQLite begins an empty log
    for file in diary.folder.iterdir():
        os.utime(file, (0, 0))
    diary.record(make_read_instance(owned=3))
    monkeypatch.setattr("reconciler.journal.journal.open_for_reading", None)
    monkeypatch.setattr("reconciler.journal.run_recorder.open_for_reading", None)
    monkeypatch.setattr("reconciler.journal.run_recorder.open_for_writing", None)
    assert diary.journal.read_owned_counts(DESIRED)["home"].count == 3
    diary.record(make_read_instance(owned=3))
    monkeypatch.undo()
    another = JournalRecorder(diary.folder)
    another.record(make_read_instance(owned=5))
    assert diary.journal.read_owned_counts(DESIRED)["home"].count == 5
    assert diary.warnings == []


def test_contested_fields_are_kept_until_they_expire(diary: JournalRecorder) -> None:
    fought = ContestedField("home", "torrent", "a" * 40, "paused", EPOCH + timedelta(minutes=30), "contested")
    diary.journal.save_contested("me", ["home"], [fought])
    assert diary.open_journal().read_contested("me") == [fought]
    assert diary.open_journal().read_contested("you") == []
    another = replace(fought, instance="attic")
    diary.open_journal().save_contested("me", ["attic"], [another])
    assert diary.journal.read_contested("me") == [another, fought], "two processes with a shard each"
    diary.now += timedelta(minutes=31)
    assert diary.open_journal().read_contested("me") == []
    diary.journal.save_contested("me", ["home"], [])
    file = sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)
    assert file.execute("SELECT count(*) FROM contested").fetchone() == (0,)


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/reconcile"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/reconcile"),
        ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/reconcile"),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_default_state_dir(environ: dict[str, str], place: str | None) -> None:
    assert get_default_state_dir(environ) == (Path(place) if place else None)


DAMAGED_VALUES = {
    "broken text": "UPDATE owned SET instance = CAST(x'ff41' AS TEXT)",
    "text for a count": "UPDATE owned SET torrents = 'many'",
    "text for a time": "UPDATE owned SET at = 'yesterday'",
    "a time beyond all calendars": "UPDATE owned SET at = 1e300",
    "an endless time": "UPDATE owned SET at = 9e999",
    "an unknown kind": "INSERT INTO contested VALUES ('me', 'home', 'planet', 'x', 'paused', 2e9, 'why')",
    "a blob for a reason": "INSERT INTO contested VALUES ('me', 'home', 'torrent', 'x', 'paused', 2e9, x'00')",
    "text for a start": "INSERT INTO down VALUES ('me', 'home', 'http://home', 'then', 'why')",
    "broken ids": "INSERT INTO held VALUES ('me', 'home', 'http://home', x'0102')",
    "text for ids": "INSERT INTO held VALUES ('me', 'home', 'http://home', 'abc')",
    "text for a line": "INSERT INTO pending VALUES ('me', 'g', 'x', 'n', 'why', 'f', 'first', 1, NULL, 0)",
}


@pytest.mark.parametrize("statement", DAMAGED_VALUES.values(), ids=DAMAGED_VALUES)
def test_values_that_make_no_sense_set_the_file_aside_at_the_next_write(diary: JournalRecorder, statement: str) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), owned=3))
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as connection, connection:
        connection.execute(statement)
    diary.journal = diary.open_journal()
    diary.journal.read_owned_counts(DESIRED)
    diary.journal.read_contested(DESIRED.owner)
    diary.journal.read_placement_facts(DESIRED)
    assert diary.warnings and all("is damaged" in warning for warning in diary.warnings)
    assert not list(diary.folder.glob("*.damaged-*")), "a read changes no file"
    diary.record(make_read_instance(owned=3))
    assert len(list(diary.folder.glob("*.damaged-*"))) == 1
    assert diary.owned == {"home": 3}


def test_untagged_adds_are_kept_by_owner_instance_and_address_until_they_are_done(diary: JournalRecorder) -> None:
    here, there = AddKey("me", "home", "http://home"), AddKey("me", "home", "http://elsewhere")
    adds = UntaggedAdds(frozenset({"a" * 40, "b" * 40}), diary.now)
    assert diary.journal.save_untagged_adds(here, adds)
    assert diary.journal.save_untagged_adds(there, replace(adds, ids=frozenset({"c" * 40})))
    assert diary.open_journal().read_untagged_adds() == {here: adds, there: replace(adds, ids=frozenset({"c" * 40}))}
    assert diary.journal.save_untagged_adds(there, None)
    diary.now -= timedelta(days=1)  # their time lies in the future now
    assert diary.open_journal().read_untagged_adds() == {here: replace(adds, added_at=diary.now)}


def test_untagged_adds_that_cannot_be_saved_are_a_warning(diary: JournalRecorder) -> None:
    diary.folder.write_text("a file where the folder should be")
    key = AddKey("me", "home", "http://home")
    assert not diary.journal.save_untagged_adds(key, UntaggedAdds(frozenset({"a" * 40}), diary.now))
    assert len(diary.warnings) == 1
