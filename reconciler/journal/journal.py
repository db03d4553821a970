"""The journal as runs use it: it remembers, and it never fails them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from reconciler.engine.events import Finished
from reconciler.engine.placement_memory import Roster
from reconciler.journal.database import FILE_NAME, JournalError, reading, set_aside, writing
from reconciler.journal.placement_rows import read_known, write_known
from reconciler.journal.run_rows import Row, action_rows, instance_rows, owned_after, trouble, worth_a_row
from reconciler.model.desired import Desired
from reconciler.model.groups import NOTHING, Known
from reconciler.model.history import Remembered
from reconciler.model.run import Mode, Run

T = TypeVar("T")

RUNS: Final = 10_000  # kept at most, and
ACTIONS: Final = 100_000  # of all of them together, and
DAYS: Final = 400  # a year and a bit


@dataclass(frozen=True, slots=True)
class Fought:
    """A field that something else keeps changing back: left alone until then (UTC), for that reason."""

    instance: str
    kind: str
    item: str
    field: str
    until: datetime
    reason: str


class Journal:
    """Remembers in `folder`. Never raises: what goes wrong is told to `warn`, once for as long as it stays the same."""

    def __init__(self, folder: Path, warn: Callable[[str], None], utc: Callable[[], datetime]) -> None:
        self._path = folder / FILE_NAME
        self._warn = warn
        self._utc = utc
        self._said: str | None = None
        self._trouble: tuple[Row, ...] = ()

    def remembered(self, desired: Desired) -> dict[str, Remembered]:
        """What we owned on each instance after the last good read of it; nothing where nothing is known."""

        return self._safely(lambda: self._remembered(desired), {})

    def known(self, desired: Desired) -> Known:
        """What placement knew when it was kept last."""

        def read() -> Known:
            with reading(self._path, since=2) as file:
                return read_known(file, desired) if file else NOTHING

        return self._safely(read, NOTHING)

    def record(self, desired: Desired, finished: Finished, roster: Roster | None = None) -> None:
        """Keep what a run did, what was in trouble, what is ours now and where. A dry-run leaves no trace."""
        if finished.run.mode is Mode.APPLY:
            self._safely(lambda: self._record(desired, finished), None, writes=True)
            if roster and roster.news:
                self._safely(lambda: self._keep(desired, roster), None, writes=True)

    def fought(self, owner: str) -> list[Fought]:
        """The fields that were contested when they were kept last and are to be left alone still."""

        def read() -> list[Fought]:
            query = "SELECT instance, kind, item, field, until, reason FROM contested WHERE owner = ? AND until > ?"
            with reading(self._path) as file:
                rows = file.execute(query, (owner, self._utc().timestamp())).fetchall() if file else []
            return [
                Fought(instance, kind, item, field, datetime.fromtimestamp(until, UTC), reason)
                for instance, kind, item, field, until, reason in rows
            ]

        return self._safely(read, [])

    def keep_fought(self, owner: str, instances: Collection[str], fought: Iterable[Fought]) -> None:
        """Remember these and no others of these instances; what another process keeps of others stays."""
        rows = [
            (owner, one.instance, one.kind, one.item, one.field, one.until.timestamp(), one.reason)
            for one in fought
            if one.instance in instances
        ]

        def write() -> None:
            with writing(self._path) as file:
                old = ((owner, name, self._utc().timestamp()) for name in instances)
                file.executemany("DELETE FROM contested WHERE owner = ? AND (instance = ? OR until <= ?)", old)
                file.executemany("INSERT INTO contested VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        self._safely(write, None, writes=True)

    def _remembered(self, desired: Desired) -> dict[str, Remembered]:
        query = "SELECT instance, url, torrents, at FROM owned WHERE owner = ?"
        with reading(self._path) as file:
            rows = file.execute(query, (desired.owner,)).fetchall() if file else []
        return {
            name: Remembered(torrents, datetime.fromtimestamp(at, UTC))
            for name, url, torrents, at in rows
            if name in desired.instances and desired.instances[name].url == url
        }

    def _record(self, desired: Desired, finished: Finished) -> None:
        run, known = finished.run, self._remembered(desired)
        owned = _owned(run, known)
        news = worth_a_row(run) and (any(True for _ in action_rows(run)) or trouble(run) != self._trouble)
        self._trouble = trouble(run)
        if news or owned != {name: one.owned for name, one in known.items() if name in owned}:
            self._write(desired, finished, owned, news)

    def _keep(self, desired: Desired, roster: Roster) -> None:
        before, after = roster.kept, roster.known
        with writing(self._path) as file:
            write_known(file, desired, before, after)
        roster.kept = after

    def _write(self, desired: Desired, finished: Finished, owned: Mapping[str, int], news: bool) -> None:
        now = self._utc().timestamp()
        with writing(self._path) as file:
            if news:
                _insert_run(file, desired.owner, finished)
                _forget_old(file, now)
            for name, torrents in owned.items():
                file.execute(
                    "INSERT OR REPLACE INTO owned VALUES (?, ?, ?, ?, ?)",
                    (desired.owner, name, desired.instances[name].url, torrents, now),
                )

    def _safely(self, work: Callable[[], T], otherwise: T, *, writes: bool = False) -> T:
        try:
            result = work()
        except JournalError as error:
            if writes and error.damaged and self._set_aside(error):
                return self._safely(work, otherwise)
            self._tell(str(error))
            return otherwise
        except Exception as error:  # a bug of ours in a memory that one can do without
            self._tell(f"the journal {self._path}: internal error: {type(error).__name__}: {error}; please report it")
            return otherwise
        self._said = None
        return result

    def _set_aside(self, error: JournalError) -> bool:
        """Only before something is written: what reads, a dry-run above all, changes no file."""
        try:
            aside = set_aside(self._path, f"{self._utc():%Y%m%dT%H%M%SZ}")
        except OSError:
            return False
        self._warn(f"{error}; it is {aside} now, and a new one begins")
        return True

    def _tell(self, message: str) -> None:
        if message != self._said:
            self._said = message
            self._warn(message)


def _owned(run: Run, known: Mapping[str, Remembered]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in run.instances:
        before = known.get(part.name)
        after = owned_after(part, before.owned if before else None)
        if after is not None:
            found[part.name] = after
    return found


def _insert_run(file: sqlite3.Connection, owner: str, finished: Finished) -> None:
    run = finished.run
    number = file.execute(
        "INSERT INTO run (owner, began, seconds, mode, trigger, plan_hash, exit_code) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            owner,
            finished.began.timestamp(),
            finished.seconds,
            str(run.mode),
            str(finished.trigger),
            run.plan_hash,
            run.exit_code,
        ),
    ).lastrowid
    file.executemany("INSERT INTO instance VALUES (?, ?, ?, ?)", ((number, *row) for row in instance_rows(run)))
    file.executemany(
        "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", ((number, *row) for row in action_rows(run))
    )


def _forget_old(file: sqlite3.Connection, now: float) -> None:
    """Whole runs go, the oldest first."""
    newest = file.execute("SELECT max(number) FROM run").fetchone()[0]
    file.execute("DELETE FROM run WHERE number <= ? OR began < ?", (newest - RUNS, now - DAYS * 86_400))
    kept = file.execute("SELECT count(*) FROM action").fetchone()[0]
    while kept > ACTIONS:
        oldest = file.execute("SELECT min(number) FROM run").fetchone()[0]
        if oldest == newest:
            return
        kept -= file.execute("SELECT count(*) FROM action WHERE run = ?", (oldest,)).fetchone()[0]
        file.execute("DELETE FROM run WHERE number = ?", (oldest,))
