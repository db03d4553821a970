"""Queries of past runs."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from reconciler.journal.database import JOURNAL_FILE_NAME, open_for_reading, read_rows
from reconciler.journal.drift_rows import read_drift_rows
from reconciler.model.history import (
    ActionCount,
    HistoryFilter,
    PastAction,
    PastInstance,
    PastRun,
    RunActivity,
    Trend,
)
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode, Status

_RUN_TYPES: Final = (int, str, float, float, str, str, str, int)
_ACTION_TYPES: Final = (str, str, str, str, object, str, str, object)
_RUNS_QUERY: Final = """
SELECT number, owner, began, seconds, mode, trigger, plan_hash, exit_code FROM run
WHERE number < :before AND (
    :every OR number IN (SELECT run FROM action WHERE {matching})
    OR (:any AND number IN (SELECT run FROM instance WHERE name IN (SELECT value FROM json_each(:instances))))
)
ORDER BY number DESC LIMIT :limit
"""
_MATCH_CONDITION: Final = """
(:instances = '[]' OR instance IN (SELECT value FROM json_each(:instances)))
AND (:torrent = '' OR name = :torrent OR (infohash >= lower(:torrent) AND infohash < lower(:torrent) || 'g'))
AND (:text = '' OR instr(lower(name), lower(:text)) OR (infohash >= lower(:text) AND infohash < lower(:text) || 'g'))
"""


_ACTIVITY_QUERY: Final = f"""
SELECT began, sum(outcome = 'applied'), sum(outcome <> 'applied') FROM run JOIN action ON run = number
WHERE began >= :since AND {_MATCH_CONDITION} GROUP BY number ORDER BY began
"""
_ALL: Final = 2**62  # runs or actions


class JournalHistory:
    """The past runs in the journal of a folder. Its methods raise `JournalError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_runs(self, history_filter: HistoryFilter) -> list[PastRun]:
        """Return the runs, newest first, each with the matching actions."""
        return read_past_runs(self._folder, history_filter)

    def read_trend(self, since: datetime, history_filter: HistoryFilter) -> Trend:
        """Return what runs have found and done since then. Drift is that of instances, whatever the torrent."""
        path = self._folder / JOURNAL_FILE_NAME
        with open_for_reading(path, min_version=6) as file:
            drift = read_drift_rows(file, since, history_filter.instances) if file else []
        with open_for_reading(path) as file:
            values = {**_make_values(history_filter), "since": since.timestamp()}
            rows = list(read_rows(file, _ACTIVITY_QUERY, values, float, int, int)) if file else []
        activity = (RunActivity(datetime.fromtimestamp(began, UTC), *counts) for began, *counts in rows)
        return Trend(tuple(drift), tuple(activity))


def read_past_runs(folder: Path, history_filter: HistoryFilter) -> list[PastRun]:
    """Return the runs, newest first, each with the matching actions. Raises `JournalError`."""
    with open_for_reading(folder / JOURNAL_FILE_NAME) as file:
        if file is None:
            return []
        values = _make_values(history_filter)
        rows = list(read_rows(file, _RUNS_QUERY.format(matching=_MATCH_CONDITION), values, *_RUN_TYPES))
        return [_read_run(file, row, values) for row in rows]


def _make_values(history_filter: HistoryFilter) -> dict[str, object]:
    """Return the values of all queries."""
    return {
        "every": not (history_filter.instances or history_filter.torrent or history_filter.text),
        "any": not (history_filter.torrent or history_filter.text),
        "instances": json.dumps(history_filter.instances),
        "torrent": history_filter.torrent,
        "text": history_filter.text,
        "before": _ALL if history_filter.before is None else history_filter.before,
        "limit": history_filter.limit,
        "max_actions": _ALL if history_filter.max_actions is None else history_filter.max_actions,
    }


def _read_run(connection: sqlite3.Connection, row: tuple[Any, ...], values: dict[str, object]) -> PastRun:
    number, owner, began, seconds, mode, trigger, plan_hash, exit_code = row
    rows = read_rows(connection, "SELECT name, status, error FROM instance WHERE run = ?", (number,), str, str, object)
    instances = tuple(PastInstance(name, Status(status), _read_text(error)) for name, status, error in rows)
    query = "SELECT instance, verb, kind, name, infohash, changes, outcome, error FROM action WHERE run = :run AND "
    values = {**values, "run": number}
    actions = read_rows(connection, f"{query}{_MATCH_CONDITION} LIMIT :max_actions", values, *_ACTION_TYPES)
    query = f"SELECT verb, kind, outcome, count(*) FROM action WHERE run = :run AND {_MATCH_CONDITION} GROUP BY 1, 2, 3"
    counts = read_rows(connection, query, values, str, str, str, int)
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
        tuple(ActionCount(Verb(c[0]), ObjectKind(c[1]), Outcome(c[2]), c[3]) for c in counts),
    )


def _read_text(value: object) -> str | None:
    """Return a text that may be missing. Raises `ValueError`."""
    if value is None or isinstance(value, str):
        return value
    raise ValueError("not a text")
