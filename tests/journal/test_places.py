"""What placement knows, kept from process to process: whole, merged, and never in anyone's way."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.engine.events import Finished
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import Reading
from reconciler.journal import FILE_NAME, Journal
from reconciler.model.errors import Unreachable
from reconciler.model.groups import NOTHING, Down, Group, Known, Member, Pending, Strategy
from reconciler.model.position import Position
from reconciler.model.run import Mode, Run
from reconciler.testing.memory import MemoryInstance
from tests.journal.runs import DESIRED, EPOCH, Diary
from tests.plan.worlds import snapshot, v1
from tests.report.runs import HASH

HERE = Position("desired.yaml", 9, 5)
GROUP = Group("g", HERE, Strategy.FAILOVER, (Member("home"), Member("box")))
GROUPED = replace(DESIRED, groups={"g": GROUP})
WAITS = Pending(v1("x"), "Sintel", "g", "waits", HERE, EPOCH + timedelta(minutes=2), EPOCH)


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "state")


def record(journal: Journal, roster: Roster, mode: Mode = Mode.APPLY) -> None:
    """The end of a run."""
    journal.record(GROUPED, Finished(Run(mode, HASH, 0), "interval", EPOCH, 1.0), roster)


def knowing(journal: Journal) -> Roster:
    """What another process begins with."""
    roster = Roster(journal.known(GROUPED))
    roster.keep(GROUPED)
    return roster


def readings(**found: str | None) -> Mapping[str, Reading]:
    """What reading gave: the torrents of a member, or None where it is down."""
    target = MemoryInstance()
    return {
        name: Reading(target, error=Unreachable(f"{name}: no connection. Is it running?"))
        if has is None
        else Reading(target, snapshot([{"hash": letter} for letter in has]))
        for name, has in found.items()
    }


def test_it_is_read_back_as_it_was(diary: Diary) -> None:
    roster = knowing(diary.journal)
    roster.saw(readings(home="xy", box=None), EPOCH)
    roster.wants([WAITS], ["g"])
    record(diary.journal, roster)
    known = diary.another().known(GROUPED)
    assert known == roster.known
    assert known == Known(
        {"box": Down(EPOCH, "no connection")}, {"home": frozenset({v1("x"), v1("y")})}, {("g", v1("x")): WAITS}
    )
    assert diary.warnings == []


def test_since_when_is_from_the_first_run_that_saw_it(diary: Diary) -> None:
    for minutes in range(3):
        roster = knowing(diary.another())
        roster.saw(readings(box=None), EPOCH + timedelta(minutes=minutes))
        record(diary.journal, roster)
    assert diary.journal.known(GROUPED).down["box"].since == EPOCH
    roster = knowing(diary.journal)
    roster.saw(readings(box=""), EPOCH)
    record(diary.journal, roster)
    assert diary.journal.known(GROUPED) == Known(held={"box": frozenset()})


def test_what_a_member_had_outlives_its_being_down(diary: Diary) -> None:
    roster = knowing(diary.journal)
    roster.saw(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    roster = knowing(diary.another())
    roster.saw(readings(home=None), EPOCH)
    record(diary.another(), roster)
    assert diary.journal.known(GROUPED).held == {"home": frozenset({v1("x")})}


def test_processes_side_by_side_overwrite_nothing_of_each_other(diary: Diary) -> None:
    one, other = knowing(diary.journal), knowing(diary.another())
    one.saw(readings(home="x"), EPOCH)
    one.wants([WAITS], ["g"])
    other.saw(readings(box=None), EPOCH)
    record(diary.journal, one)
    record(diary.another(), other)
    known = diary.journal.known(GROUPED)
    assert set(known.held) == {"home"} and set(known.down) == {"box"} and set(known.pending) == {("g", v1("x"))}


def test_many_writers_at_once(diary: Diary) -> None:
    names = [f"m{number}" for number in range(6)]
    instances = {name: replace(DESIRED.instances["home"], name=name) for name in names}
    group = replace(GROUP, members=tuple(map(Member, names)))
    desired = replace(GROUPED, instances=instances, groups={"g": group})
    ready = threading.Barrier(len(names))

    def write(name: str) -> None:
        roster, journal = Roster(), diary.another()
        roster.keep(desired)
        roster.saw(readings(**{name: "x"}), EPOCH)
        ready.wait(30)
        while roster.news:  # a journal that is locked is a warning, and kept with the next run
            journal.record(desired, Finished(Run(Mode.APPLY, HASH, 0), "interval", EPOCH, 1.0), roster)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(write, names))
    assert set(diary.journal.known(desired).held) == set(names)


def test_a_dry_run_keeps_nothing(diary: Diary) -> None:
    roster = knowing(diary.journal)
    roster.saw(readings(home="x"), EPOCH)
    record(diary.journal, roster, Mode.DRY_RUN)
    assert diary.journal.known(GROUPED) == NOTHING
    assert not diary.folder.exists()


def test_nothing_is_written_where_nothing_has_changed(diary: Diary) -> None:
    roster = knowing(diary.journal)
    roster.saw(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    (diary.folder / FILE_NAME).unlink()
    roster.saw(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    assert not (diary.folder / FILE_NAME).exists()


def test_another_address_is_another_instance(diary: Diary) -> None:
    roster = knowing(diary.journal)
    roster.saw(readings(home="x", box=None), EPOCH)
    record(diary.journal, roster)
    moved = {name: replace(one, url=f"{one.url}2") for name, one in DESIRED.instances.items()}
    assert diary.journal.known(replace(GROUPED, instances=moved)) == NOTHING
    assert diary.journal.known(replace(GROUPED, owner="another")) == NOTHING


def test_a_group_that_is_gone_leaves_nothing_pending(diary: Diary) -> None:
    roster = knowing(diary.journal)
    roster.wants([WAITS], ["g"])
    record(diary.journal, roster)
    roster.keep(DESIRED)
    record(diary.journal, roster)
    assert diary.journal.known(GROUPED) == NOTHING


def test_a_journal_from_before_there_were_groups_goes_on(diary: Diary) -> None:
    from reconciler.journal.database import STEPS

    diary.folder.mkdir(parents=True)
    with sqlite3.connect(diary.folder / FILE_NAME) as file:
        file.executescript(STEPS[0] + "; PRAGMA user_version = 1; PRAGMA journal_mode = WAL")
        file.execute("INSERT INTO owned VALUES ('me', 'home', 'http://home', 7, 0)")
    assert diary.journal.known(GROUPED) == NOTHING
    roster = knowing(diary.journal)
    roster.saw(readings(home="x"), EPOCH)
    record(diary.journal, roster)
    assert diary.journal.known(GROUPED) == roster.known
    assert diary.owned == {"home": 7}
    assert diary.warnings == []
