"""The rows of a run: its actions and problems, and the counts of owned torrents."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from reconciler.model.desired import DesiredState
from reconciler.model.fields.names import OWNER
from reconciler.model.plan import Action, Change, ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run

if TYPE_CHECKING:
    from reconciler.engine.events import FinishedRun

MAX_RUNS: Final = 10_000
MAX_ACTIONS: Final = 100_000  # of all runs together
MAX_AGE_DAYS: Final = 400
_ACTIONS_PER_STATEMENT: Final = 100
Row = tuple[str | int | float | None, ...]

RECORDED_OUTCOMES: Final = (Outcome.APPLIED, Outcome.FAILED, Outcome.DROPPED)
# sqlite3 looks for an adapter for each value of a subclass of `str`
_PLAIN_TEXTS: Final = {value: str(value) for value in (*Verb, *ObjectKind, *Outcome)}
_MAX_TEXT_LENGTH: Final = 500  # characters; an error may quote a whole page


def has_action_rows(run: Run) -> bool:
    """True if an action was tried."""
    return any(True for _ in action_rows(run))


def problem_rows(run: Run) -> tuple[Row, ...]:
    """Return the problems of a run, to be compared with the problems of the run before."""
    return tuple(instance_rows(run))


def instance_rows(run: Run) -> list[Row]:
    """Return name, status and error of each instance that had a problem or was refused by the guard."""
    return [
        (instance.name, str(instance.status), _truncate(reason))
        for instance in run.instances
        if (reason := _problem_reason(instance))
    ]


def action_rows(run: Run) -> Iterator[tuple[Row, Row]]:
    """Yield each action that was tried: what thousands share with the one before, and what it has alone.

    That is instance, verb, kind, changes, outcome and error, and name and infohash.
    """
    change_texts: dict[tuple[Verb, int], str] = {}  # by the id of the changes, which the run keeps: many are the same
    for instance in run.instances:
        for result in instance.results:
            if result.outcome not in RECORDED_OUTCOMES and not result.has_effect:
                continue
            action = result.action
            key = action.verb, id(action.changes)
            changes = change_texts.get(key)
            if changes is None:
                changes = change_texts[key] = _truncate(_describe_changes(action))
            shared = (
                instance.name,
                _PLAIN_TEXTS[action.verb],
                _PLAIN_TEXTS[action.kind],
                changes,
                _PLAIN_TEXTS[result.outcome],
                _truncate(result.error) if result.error else None,
            )
            yield shared, (_truncate(action.name), action.infohash)


def _problem_reason(result: InstanceResult) -> str | None:
    if result.verdict.refused:
        return "refused by the guard: " + "; ".join(result.verdict.reasons)
    return None if result.status.is_ok else result.error


def _describe_changes(action: Action) -> str:
    return "; ".join(_change_text(change) for change in action.changes if _is_informative(action, change))


def _is_informative(action: Action, change: Change) -> bool:
    """False for the owner of a torrent that is added or deleted, which is obvious."""
    return change.field != OWNER or action.verb in (Verb.ADOPT, Verb.UPDATE)


@lru_cache(1024)  # many torrents have the same changes
def _change_text(change: Change) -> str:
    from reconciler.model.fields.registry import to_declared_value

    before, after = (value_text(to_declared_value(change.field, value)) for value in (change.before, change.after))
    return f"{change.field}: {before} -> {after}"


def value_text(value: object) -> str:
    """Return a value as the recorded text of a change shows it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def _truncate(text: str | None) -> str:
    text = text or ""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # a name may contain half a surrogate pair
    return text if len(text) <= _MAX_TEXT_LENGTH else text[: _MAX_TEXT_LENGTH - 1] + "…"


def next_owned_count(result: InstanceResult, before: int | None) -> int | None:
    """Return the number of owned torrents to save after a run, given the number `before`; None: unknown.

    If the instance now has less than half of `before`, only our own deletions lower the number until every declared
    torrent is there again and nothing waits to be deleted. A plan approved by its hash lowers it at once.
    """
    applied = _list_applied_verbs(result)
    gained, lost = applied.count(Verb.ADD) + applied.count(Verb.ADOPT), applied.count(Verb.DELETE)
    if not result.status.is_ok:
        return before if before is None or result.version is None else max(0, before - lost)
    if before is not None and not _is_settled(result):
        from reconciler.plan.guard import is_probably_wiped  # the journal is opened before a run plans

        if is_probably_wiped(result.owned, before):
            return max(0, before - lost)
    return max(0, result.owned + gained - lost)


def _list_applied_verbs(result: InstanceResult) -> list[Verb]:
    """Return the verb of each action that had an effect on a torrent."""
    return [item.action.verb for item in result.results if item.action.kind is ObjectKind.TORRENT and item.has_effect]


def _is_settled(result: InstanceResult) -> bool:
    """True if no torrent was missing, and every deletion was applied."""
    return not any(_is_unsettled(item) for item in result.results)


def _is_unsettled(result: ActionResult) -> bool:
    action = result.action
    if action.kind is not ObjectKind.TORRENT:
        return False
    return action.verb is Verb.ADD or (action.verb is Verb.DELETE and not result.has_effect)


def insert_run(connection: sqlite3.Connection, owner: str, finished_run: FinishedRun) -> None:
    """Insert a run with its problems and actions."""
    run = finished_run.run
    number = connection.execute(
        "INSERT INTO run (owner, began, seconds, mode, trigger, plan_hash, exit_code) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            owner,
            finished_run.started_at.timestamp(),
            finished_run.seconds,
            str(run.mode),
            str(finished_run.trigger),
            run.plan_hash,
            run.exit_code,
        ),
    ).lastrowid
    connection.executemany("INSERT INTO instance VALUES (?, ?, ?, ?)", ((number, *row) for row in instance_rows(run)))
    for shared, rows in groupby(action_rows(run), itemgetter(0)):
        _insert_actions(connection, (number, *shared), (own for _, own in rows))


def _insert_actions(connection: sqlite3.Connection, shared: Row, rows: Iterator[Row]) -> None:
    """Insert actions that differ in their name and infohash only: a value takes as long as half of a short row."""
    while batch := tuple(islice(rows, _ACTIONS_PER_STATEMENT)):
        connection.execute(
            "INSERT INTO action (run, instance, verb, kind, changes, outcome, error, name, infohash) "
            f"SELECT ?, ?, ?, ?, ?, ?, ?, column1, column2 FROM (VALUES {', '.join(['(?, ?)'] * len(batch))})",
            (*shared, *chain.from_iterable(batch)),
        )


def write_owned_counts(
    connection: sqlite3.Connection, desired: DesiredState, counts: Mapping[str, int], now: float
) -> None:
    """Replace the numbers of owned torrents of these instances."""
    rows = ((desired.owner, name, desired.instances[name].url, count, now) for name, count in counts.items())
    connection.executemany("INSERT OR REPLACE INTO owned VALUES (?, ?, ?, ?, ?)", rows)


def delete_old_runs(connection: sqlite3.Connection, now: float) -> None:
    """Delete whole runs, the oldest first."""
    newest = connection.execute("SELECT max(number) FROM run").fetchone()[0]
    connection.execute(
        "DELETE FROM run WHERE number <= ? OR began < ?", (newest - MAX_RUNS, now - MAX_AGE_DAYS * 86_400)
    )
    action_count = connection.execute("SELECT count(*) FROM action").fetchone()[0]
    while action_count > MAX_ACTIONS:
        oldest = connection.execute("SELECT min(number) FROM run").fetchone()[0]
        if oldest == newest:
            return
        action_count -= connection.execute("SELECT count(*) FROM action WHERE run = ?", (oldest,)).fetchone()[0]
        connection.execute("DELETE FROM run WHERE number = ?", (oldest,))
