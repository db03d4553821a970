"""Queries of past runs."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from reconciler.journal.database import JOURNAL_FILE_NAME, open_for_reading, read_rows
from reconciler.model.history import PastAction, PastInstance, PastRun
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode, Status


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """The last `limit` runs that concern one of `instances` and `torrent`; empty: any.

    `torrent` is a name, or the beginning of an infohash.
    """

    limit: int = 20
    instances: tuple[str, ...] = ()
    torrent: str = ""


_RUN_TYPES: Final = (int, str, float, float, str, str, str, int)
_ACTION_TYPES: Final = (str, str, str, str, object, str, str, object)
_RUNS_QUERY = """
SELECT number, owner, began, seconds, mode, trigger, plan_hash, exit_code FROM run
WHERE (:every OR number IN (SELECT run FROM action WHERE {matching}) OR (:any AND number IN (SELECT run FROM instance
    WHERE name IN (SELECT value FROM json_each(:instances)))))
ORDER BY number DESC LIMIT :limit
"""
_MATCH_CONDITION = """
(:instances = '[]' OR instance IN (SELECT value FROM json_each(:instances)))
AND (:torrent = '' OR name = :torrent OR (infohash >= lower(:torrent) AND infohash < lower(:torrent) || 'g'))
"""


def read_past_runs(folder: Path, history_filter: HistoryFilter) -> list[PastRun]:
    """Return the runs, newest first, each with the matching actions. Raises `JournalError`."""
    with open_for_reading(folder / JOURNAL_FILE_NAME) as file:
        if file is None:
            return []
        names = (
            "[" + ",".join(f'"{name}"' for name in history_filter.instances) + "]"
        )  # instance names contain no quotes
        values = {
            "every": not (history_filter.instances or history_filter.torrent),
            "any": not history_filter.torrent,
            "instances": names,
            "torrent": history_filter.torrent,
            "limit": history_filter.limit,
        }
        rows = list(read_rows(file, _RUNS_QUERY.format(matching=_MATCH_CONDITION), values, *_RUN_TYPES))
        return [_read_run(file, row, values) for row in rows]


def _read_run(connection: sqlite3.Connection, row: tuple[Any, ...], values: dict[str, object]) -> PastRun:
    number, owner, began, seconds, mode, trigger, plan_hash, exit_code = row
    rows = read_rows(connection, "SELECT name, status, error FROM instance WHERE run = ?", (number,), str, str, object)
    instances = tuple(PastInstance(name, Status(status), _read_text(error)) for name, status, error in rows)
    query = "SELECT instance, verb, kind, name, infohash, changes, outcome, error FROM action WHERE run = :run AND "
    actions = read_rows(connection, query + _MATCH_CONDITION, {**values, "run": number}, *_ACTION_TYPES)
    return PastRun(
        number,
        owner,
        datetime.fromtimestamp(began, UTC),
        seconds,
        RunMode(mode),
        trigger,
        plan_hash,
        exit_code,
        instances,
        tuple(
            PastAction(
                a[0], Verb(a[1]), ObjectKind(a[2]), a[3], _read_text(a[4]), a[5], Outcome(a[6]), _read_text(a[7])
            )
            for a in actions
        ),
    )


def _read_text(value: object) -> str | None:
    """Return a text that may be missing. Raises `ValueError`."""
    if value is None or isinstance(value, str):
        return value
    raise ValueError("not a text")
