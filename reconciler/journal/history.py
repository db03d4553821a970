"""Past runs, read back."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.journal.database import FILE_NAME, reading
from reconciler.model.history import PastAction, PastInstance, PastRun
from reconciler.model.plan import Kind, Outcome, Verb
from reconciler.model.run import Mode, Status


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs: the last `limit` of those that concern one of `instances` and `torrent`.

    Empty means any. `torrent` is a name, or the beginning of an infohash.
    """

    limit: int = 20
    instances: tuple[str, ...] = ()
    torrent: str = ""


_RUNS = """
SELECT number, owner, began, seconds, mode, trigger, plan_hash, exit_code FROM run
WHERE (:every OR number IN (SELECT run FROM action WHERE {matching}) OR (:any AND number IN (SELECT run FROM instance
    WHERE name IN (SELECT value FROM json_each(:instances)))))
ORDER BY number DESC LIMIT :limit
"""
_MATCHING = """
(:instances = '[]' OR instance IN (SELECT value FROM json_each(:instances)))
AND (:torrent = '' OR name = :torrent OR (infohash >= lower(:torrent) AND infohash < lower(:torrent) || 'g'))
"""


def past_runs(folder: Path, wanted: Wanted) -> list[PastRun]:
    """The runs, newest first, each with the actions that match. Raises `JournalError`."""
    with reading(folder / FILE_NAME) as file:
        if file is None:
            return []
        names = "[" + ",".join(f'"{name}"' for name in wanted.instances) + "]"  # instance names hold no quotes
        values = {
            "every": not (wanted.instances or wanted.torrent),
            "any": not wanted.torrent,
            "instances": names,
            "torrent": wanted.torrent,
            "limit": wanted.limit,
        }
        rows = file.execute(_RUNS.format(matching=_MATCHING), values).fetchall()
        return [_run(file, row, values) for row in rows]


def _run(file: sqlite3.Connection, row: sqlite3.Row, values: dict[str, object]) -> PastRun:
    number, owner, began, seconds, mode, trigger, plan_hash, exit_code = row
    found = file.execute("SELECT name, status, error FROM instance WHERE run = ?", (number,))
    instances = tuple(PastInstance(name, Status(status), error) for name, status, error in found)
    query = "SELECT instance, verb, kind, name, infohash, changes, outcome, error FROM action WHERE run = :run AND "
    actions = file.execute(query + _MATCHING, {**values, "run": number})
    return PastRun(
        number,
        owner,
        datetime.fromtimestamp(began, UTC),
        seconds,
        Mode(mode),
        trigger,
        plan_hash,
        exit_code,
        instances,
        tuple(PastAction(a[0], Verb(a[1]), Kind(a[2]), a[3], a[4], a[5], Outcome(a[6]), a[7]) for a in actions),
    )
