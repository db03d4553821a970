"""A run is recorded as a whole, or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.journal import JOURNAL_FILE_NAME, read_past_runs
from reconciler.model.desired import DesiredState
from reconciler.model.groups import NO_PLACEMENT_FACTS, Outage, PlacementFacts
from reconciler.model.history import HistoryFilter
from reconciler.model.plan import Verb
from reconciler.model.run import InstanceResult, Run, RunMode
from tests.support.desired_yaml import load_text
from tests.support.example_runs import PLAN_HASH, make_infohash
from tests.support.journal_runs import (
    EPOCH,
    JournalRecorder,
    make_action_result,
    make_read_instance,
    make_unread_instance,
)

ADDS = make_read_instance(*(make_action_result(Verb.ADD, number) for number in range(2000)), owned=4)
FACTS = PlacementFacts({"home": Outage(EPOCH, "no connection")})


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


@pytest.fixture
def desired(tmp_path: Path) -> DesiredState:
    text = (
        "version: 1\npolicy: sync\nowner: me\ninstances: {home: {url: 'http://home'}, box: {url: 'http://box'}}\n"
        "groups: {both: {strategy: failover, members: [home, box]}}\n"
        f"torrents: [{{infohash: '{make_infohash(1)}', instance: home}}]\n"
    )
    return load_text(tmp_path, text)


def record(
    diary: JournalRecorder, desired: DesiredState, result: InstanceResult, memory: PlacementMemory | None = None
) -> None:
    finished_run = FinishedRun(Run(RunMode.APPLY, PLAN_HASH, 0, (result,)), "interval", diary.now, 1.5)
    diary.journal.record_run(desired, finished_run, memory)


def test_a_run_that_does_not_fit_leaves_nothing_and_the_next_one_catches_up(
    diary: JournalRecorder, desired: DesiredState, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = PlacementMemory()
    memory.facts = FACTS
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.journal.database.MAX_PAGES", 30)
        record(diary, desired, ADDS, memory)
    assert len(diary.warnings) == 1 and "full" in diary.warnings[0]
    assert diary.journal.read_owned_counts(desired) == {}
    assert diary.journal.find_unread_files(DesiredState(desired.policy, desired.instances, owner="me")) == {}
    assert (diary.journal.read_placement_facts(desired), memory.is_dirty) == (NO_PLACEMENT_FACTS, True)
    record(diary, desired, make_read_instance(owned=4), memory)
    assert diary.journal.read_owned_counts(desired)["home"].count == 4
    assert "home" in diary.journal.find_unread_files(DesiredState(desired.policy, desired.instances, owner="me"))
    assert (diary.journal.read_placement_facts(desired), memory.is_dirty) == (FACTS, False)


def test_a_problem_that_could_not_be_recorded_is_recorded_when_it_lasts(
    diary: JournalRecorder, desired: DesiredState
) -> None:
    record(diary, desired, make_read_instance(owned=4))
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        record(diary, desired, make_unread_instance())
    assert len(diary.warnings) == 1 and "locked" in diary.warnings[0]
    for _ in range(2):
        record(diary, desired, make_unread_instance())
    assert [run.instances[0].error for run in read_past_runs(diary.folder, HistoryFilter())] == ["home: no connection"]


@pytest.mark.parametrize("owned", [4, 5])
def test_declarations_that_make_no_sense_set_the_file_aside(
    diary: JournalRecorder, desired: DesiredState, owned: int
) -> None:
    """Both when there is other news and when there is none."""
    record(diary, desired, make_read_instance(owned=4))
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file, file:
        file.execute("UPDATE declared SET ids = x'0102'")
    diary.journal = diary.open_journal()
    record(diary, desired, make_read_instance(owned=owned))
    assert len(diary.warnings) == 1 and "a new one begins" in diary.warnings[0]
    assert diary.journal.read_owned_counts(desired)["home"].count == owned
