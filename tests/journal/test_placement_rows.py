"""Placement facts, kept from process to process: complete, merged, and never an obstacle to a run."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.engine.observation import Observation
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.journal import JOURNAL_FILE_NAME, Journal
from reconciler.model.errors import UnreachableError
from reconciler.model.groups import NO_PLACEMENT_FACTS, Group, Member, Outage, PendingTorrent, PlacementFacts, Strategy
from reconciler.model.position import Position
from reconciler.model.run import Run, RunMode
from reconciler.testing.memory import MemoryInstance
from tests.support.example_runs import PLAN_HASH
from tests.support.journal_runs import DESIRED, EPOCH, JournalRecorder
from tests.support.planner_inputs import make_snapshot, make_v1_hash

HERE = Position("desired.yaml", 9, 5)
GROUP = Group("g", HERE, Strategy.FAILOVER, (Member("home"), Member("box")))
GROUPED = replace(DESIRED, groups={"g": GROUP})
WAITS = PendingTorrent(make_v1_hash("x"), "Sintel", "g", "waits", HERE, EPOCH + timedelta(minutes=2), EPOCH)


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def record(journal: Journal, roster: PlacementMemory, mode: RunMode = RunMode.APPLY) -> None:
    """The end of a run."""
    journal.record_run(GROUPED, FinishedRun(Run(mode, PLAN_HASH, 0), "interval", EPOCH, 1.0), roster)


def knowing(journal: Journal) -> PlacementMemory:
    """Return the placement memory that another process starts with."""
    roster = PlacementMemory(journal.read_placement_facts(GROUPED))
    roster.drop_undeclared(GROUPED)
    return roster


def readings(**torrents: str | None) -> Mapping[str, Observation]:
    """Return observations: the torrents of each member, or an error for a member that is None (down)."""
    target = MemoryInstance()
    return {
        name: Observation(target, error=UnreachableError(f"{name}: no connection. Is it running?"))
        if has is None
        else Observation(target, make_snapshot([{"hash": letter} for letter in has]))
        for name, has in torrents.items()
    }


def test_it_is_read_back_as_it_was(diary: JournalRecorder) -> None:
    roster = knowing(diary.journal)
    roster.record_observations(readings(home="xy", box=None), EPOCH)
    roster.set_pending([WAITS], ["g"])
    record(diary.journal, roster)
    facts = diary.open_journal().read_placement_facts(GROUPED)
    assert facts == roster.facts
    assert facts == PlacementFacts(
        {"box": Outage(EPOCH, "no connection")},
        {"home": frozenset({make_v1_hash("x"), make_v1_hash("y")})},
        {("g", make_v1_hash("x")): WAITS},
    )
    assert diary.warnings == []


def test_the_paths_of_shared_files_are_read_back(diary: JournalRecorder) -> None:
    shared = {name: replace(instance, data="nas") for name, instance in GROUPED.instances.items()}
    desired = replace(GROUPED, instances=shared)
    roster = PlacementMemory(diary.journal.read_placement_facts(desired))
    roster.drop_undeclared(desired)
    roster.record_observations(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    facts = diary.open_journal().read_placement_facts(desired)
    assert facts == roster.facts
    assert facts.held_paths == {"home": {make_v1_hash("x"): "/downloads"}}


def test_pending_since_the_first_run_that_saw_it(diary: JournalRecorder) -> None:
    for minutes in range(3):
        roster = knowing(diary.open_journal())
        roster.record_observations(readings(box=None), EPOCH + timedelta(minutes=minutes))
        record(diary.journal, roster)
    assert diary.journal.read_placement_facts(GROUPED).outages["box"].since == EPOCH
    roster = knowing(diary.journal)
    roster.record_observations(readings(box=""), EPOCH)
    record(diary.journal, roster)
    assert diary.journal.read_placement_facts(GROUPED) == PlacementFacts(held_ids={"box": frozenset()})


def test_an_outage_that_began_in_the_future_begins_now(diary: JournalRecorder) -> None:
    ahead, waits = EPOCH + timedelta(days=400), replace(WAITS, since=EPOCH + timedelta(days=400))
    roster = knowing(diary.journal)
    roster.record_observations(readings(box=None), ahead)
    roster.set_pending([waits], ["g"])
    record(diary.journal, roster)
    for minutes in range(2):  # the clock is right again
        roster = knowing(diary.open_journal())
        roster.correct_future_times(EPOCH + timedelta(minutes=minutes))
        roster.record_observations(readings(box=None), EPOCH + timedelta(minutes=minutes))
        record(diary.journal, roster)
    facts = diary.journal.read_placement_facts(GROUPED)
    assert facts.outages["box"].since == EPOCH
    assert [torrent.since for torrent in facts.pending.values()] == [EPOCH]


def test_held_torrents_are_kept_while_a_member_is_down(diary: JournalRecorder) -> None:
    roster = knowing(diary.journal)
    roster.record_observations(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    roster = knowing(diary.open_journal())
    roster.record_observations(readings(home=None), EPOCH)
    record(diary.open_journal(), roster)
    assert diary.journal.read_placement_facts(GROUPED).held_ids == {"home": frozenset({make_v1_hash("x")})}


def test_parallel_processes_do_not_overwrite_each_other(diary: JournalRecorder) -> None:
    memory, other_memory = knowing(diary.journal), knowing(diary.open_journal())
    memory.record_observations(readings(home="x"), EPOCH)
    memory.set_pending([WAITS], ["g"])
    other_memory.record_observations(readings(box=None), EPOCH)
    record(diary.journal, memory)
    record(diary.open_journal(), other_memory)
    facts = diary.journal.read_placement_facts(GROUPED)
    assert (
        set(facts.held_ids) == {"home"}
        and set(facts.outages) == {"box"}
        and set(facts.pending) == {("g", make_v1_hash("x"))}
    )


def test_many_writers_at_once(diary: JournalRecorder) -> None:
    names = [f"m{number}" for number in range(6)]
    instances = {name: replace(DESIRED.instances["home"], name=name) for name in names}
    group = replace(GROUP, members=tuple(map(Member, names)))
    desired = replace(GROUPED, instances=instances, groups={"g": group})
    ready = threading.Barrier(len(names))

    def write(name: str) -> None:
        roster, journal = PlacementMemory(), diary.open_journal()
        roster.drop_undeclared(desired)
        roster.record_observations(readings(**{name: "x"}), EPOCH)
        ready.wait(30)
        while roster.is_dirty:  # a journal that is locked is a warning, and kept with the next run
            journal.record_run(desired, FinishedRun(Run(RunMode.APPLY, PLAN_HASH, 0), "interval", EPOCH, 1.0), roster)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(write, names))
    assert set(diary.journal.read_placement_facts(desired).held_ids) == set(names)


def test_a_dry_run_keeps_nothing(diary: JournalRecorder) -> None:
    roster = knowing(diary.journal)
    roster.record_observations(readings(home="x"), EPOCH)
    record(diary.journal, roster, RunMode.DRY_RUN)
    assert diary.journal.read_placement_facts(GROUPED) == NO_PLACEMENT_FACTS
    assert not diary.folder.exists()


def test_nothing_is_written_without_a_change(diary: JournalRecorder) -> None:
    roster = knowing(diary.journal)
    roster.record_observations(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    (diary.folder / JOURNAL_FILE_NAME).unlink()
    roster.record_observations(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    assert not (diary.folder / JOURNAL_FILE_NAME).exists()


def test_another_address_is_another_instance(diary: JournalRecorder) -> None:
    roster = knowing(diary.journal)
    roster.record_observations(readings(home="x", box=None), EPOCH)
    record(diary.journal, roster)
    moved = {name: replace(instance, url=f"{instance.url}2") for name, instance in DESIRED.instances.items()}
    assert diary.journal.read_placement_facts(replace(GROUPED, instances=moved)) == NO_PLACEMENT_FACTS
    assert diary.journal.read_placement_facts(replace(GROUPED, owner="another")) == NO_PLACEMENT_FACTS


def test_removed_group_leaves_nothing_pending(diary: JournalRecorder) -> None:
    roster = knowing(diary.journal)
    roster.set_pending([WAITS], ["g"])
    record(diary.journal, roster)
    roster.drop_undeclared(DESIRED)
    record(diary.journal, roster)
    assert diary.journal.read_placement_facts(GROUPED) == NO_PLACEMENT_FACTS


def test_journal_of_schema_1_is_migrated(diary: JournalRecorder) -> None:
    from reconciler.journal.database import MIGRATIONS

    diary.folder.mkdir(parents=True)
    with sqlite3.connect(diary.folder / JOURNAL_FILE_NAME) as file:
        file.executescript(MIGRATIONS[0] + "; PRAGMA user_version = 1; PRAGMA journal_mode = WAL")
        file.execute("INSERT INTO owned VALUES ('me', 'home', 'http://home', 7, 0)")
    assert diary.journal.read_placement_facts(GROUPED) == NO_PLACEMENT_FACTS
    roster = knowing(diary.journal)
    roster.record_observations(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    assert diary.journal.read_placement_facts(GROUPED) == roster.facts
    assert diary.owned == {"home": 7}
    assert diary.warnings == []
