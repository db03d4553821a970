"""The rows of drift: what runs found to change on each instance and what they left, kept when it changes.

See docs/decisions/0160-the-journal-keeps-drift-when-it-changes.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.journal.database import read_rows
from reconciler.model.history import MAX_SILENCE, DriftSample
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.run import InstanceResult

if TYPE_CHECKING:
    from reconciler.engine.events import FinishedRun

MAX_ROWS: Final = 50_000  # of all instances together
CONFIRMATION_INTERVAL: Final = timedelta(hours=1)  # after which a run writes that nothing has changed
_SAMPLES_QUERY: Final = """
WITH settled AS (
    SELECT owner, instance, max(number) AS last FROM drift WHERE seen < ? AND remaining = 0 GROUP BY owner, instance
)
SELECT owner, instance, began, ended, found, remaining, seen FROM drift LEFT JOIN settled USING (owner, instance)
WHERE seen >= ? OR number > ifnull(last, 0) ORDER BY number
"""
_ROW_TYPES: Final = (str, str, float, float, int | None, int | None, float)


class LastDrift(NamedTuple):
    """The last row of an instance."""

    number: int
    left: int | None
    seen: float


@dataclass(frozen=True, slots=True)
class DriftUpdate:
    """The writes after a run: new rows, and the numbers of rows that hold on.

    A row is an instance with what was found and left there.
    """

    rows: tuple[tuple[str, int | None, int | None], ...] = ()
    confirmed: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.confirmed)


def compute_drift_update(finished_run: FinishedRun, last: Mapping[str, LastDrift]) -> DriftUpdate:
    """Return what to write. A run that finds what the last one has left, and leaves it, is no news for an hour.

    After a long time without a run it is: nobody knows what was in between.
    """
    rows, confirmed, ended = [], [], finished_run.ended_at.timestamp()
    for result in finished_run.run.instances:
        found, left = _count_drift(result)
        before = last.get(result.name)
        silence = timedelta(seconds=ended - before.seen if before else 0)
        if before is None or not found == left == before.left or silence > MAX_SILENCE:
            rows.append((result.name, found, left))
        elif not timedelta() <= silence < CONFIRMATION_INTERVAL:
            confirmed.append(before.number)
    return DriftUpdate(tuple(rows), tuple(confirmed))


def _count_drift(result: InstanceResult) -> tuple[int | None, int | None]:
    """Return the number of planned changes, and how many are still to do; None if it was not read."""
    if not result.is_read:
        return None, None
    return len(result.results), sum(item.outcome is not Outcome.APPLIED for item in result.results)


def read_last_drift(connection: sqlite3.Connection, owner: str, instances: Iterable[str]) -> dict[str, LastDrift]:
    """Return the last row of each of these instances."""
    query = "SELECT number, remaining, seen FROM drift WHERE owner = ? AND instance = ? ORDER BY number DESC LIMIT 1"
    last = {}
    for name in instances:
        for row in read_rows(connection, query, (owner, name), int, int | None, float):
            last[name] = LastDrift(*row)
    return last


def write_drift(
    connection: sqlite3.Connection, owner: str, finished_run: FinishedRun, update: DriftUpdate, oldest: float
) -> None:
    """Write the rows of a run. Delete rows last seen before `oldest`, and the first beyond the limit."""
    began, ended = finished_run.started_at.timestamp(), finished_run.ended_at.timestamp()
    connection.executemany(
        "INSERT INTO drift (owner, instance, began, ended, found, remaining, seen) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((owner, name, began, ended, found, left, ended) for name, found, left in update.rows),
    )
    connection.executemany("UPDATE drift SET seen = ? WHERE number = ?", ((ended, key) for key in update.confirmed))
    query = "DELETE FROM drift WHERE seen < ? OR number <= (SELECT max(number) FROM drift) - ?"
    connection.execute(query, (oldest, MAX_ROWS))


def read_drift_rows(
    connection: sqlite3.Connection, since: datetime, instances: tuple[str, ...] = ()
) -> list[DriftSample]:
    """Return what was so at that time and after it, in the order in which it was written. No instances: all.

    Of an instance that was out of sync at that time, all rows since it was in sync before are returned.
    """
    rows = read_rows(connection, _SAMPLES_QUERY, (since.timestamp(), since.timestamp()), *_ROW_TYPES)
    return [
        DriftSample(owner, name, _to_time(began), _to_time(ended), found, left, _to_time(seen))
        for owner, name, began, ended, found, left, seen in rows
        if not instances or name in instances
    ]


def _to_time(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
