"""The record of a run: all of it that is new to the journal, in one transaction.

Each transaction waits for the disk, and may wait for another process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.journal.database import open_for_reading, open_for_writing, report_damaged_values
from reconciler.journal.declared_rows import (
    collect_declared_ids,
    find_new_declarations,
    has_removed,
    write_declared_ids,
)
from reconciler.journal.drift_rows import LastDrift, compute_drift_update, read_last_drift, write_drift
from reconciler.journal.placement_rows import write_placement_facts
from reconciler.journal.run_rows import (
    MAX_AGE_DAYS,
    Row,
    delete_old_runs,
    has_action_rows,
    insert_run,
    next_owned_count,
    problem_rows,
    write_owned_counts,
)
from reconciler.journal.unchanged_reads import UnchangedReads
from reconciler.model.desired import DesiredState
from reconciler.model.history import OwnedCount
from reconciler.model.run import InstanceResult, Run

if TYPE_CHECKING:
    from reconciler.engine.events import FinishedRun
    from reconciler.engine.placement_memory import PlacementMemory


class RunRecorder:
    """Records one run after the other in the file at `path`. A run without news leaves the file alone."""

    def __init__(self, path: Path, unchanged: UnchangedReads) -> None:
        self._path = path
        self._unchanged = unchanged
        self._last_problems: tuple[Row, ...] = ()
        self._declared: dict[str, DesiredState] = {}  # whose declarations were saved last, by instance

    def record(
        self,
        desired: DesiredState,
        finished_run: FinishedRun,
        saved_counts: Mapping[str, OwnedCount],
        placement_memory: PlacementMemory | None,
        now: datetime,
    ) -> None:
        """Write what is new: all of it or nothing. `saved_counts`: those of owned torrents. Raises `JournalError`."""
        run, time = finished_run.run, now.timestamp()
        problems = problem_rows(run)
        is_new = has_action_rows(run) or (bool(problems) and problems != self._last_problems)
        drift = compute_drift_update(finished_run, self._read_last_drift(desired.owner, run))
        owned = _next_owned_counts(run, saved_counts)
        are_counts_new = owned != {name: saved.count for name, saved in saved_counts.items() if name in owned}
        memory = placement_memory if placement_memory and placement_memory.is_dirty else None
        results = self._list_unsaved(desired, run)
        declared = collect_declared_ids(desired) if results else {}
        find_declarations = partial(find_new_declarations, desired=desired, declared=declared, results=results)
        if is_new or drift or are_counts_new or memory or (results and self._can_find(find_declarations)):
            with open_for_writing(self._path) as file:
                if is_new:
                    insert_run(file, desired.owner, finished_run)
                    delete_old_runs(file, time)
                if drift:
                    write_drift(file, desired.owner, finished_run, drift, time - MAX_AGE_DAYS * 86_400)
                write_owned_counts(file, desired, owned, time)
                with report_damaged_values(self._path):
                    declarations = find_declarations(file)  # another process may have written since
                for name, ids in declarations.items():
                    write_declared_ids(file, desired, name, ids)
                if memory:
                    write_placement_facts(file, desired, memory.saved_facts, memory.facts)
        self._last_problems = problems
        self._declared |= {result.name: desired for result in results}
        if memory:
            memory.saved_facts = memory.facts

    def _read_last_drift(self, owner: str, run: Run) -> dict[str, LastDrift]:
        names = tuple(instance.name for instance in run.instances)

        def read() -> dict[str, LastDrift]:
            with open_for_reading(self._path, min_version=6) as file:
                return read_last_drift(file, owner, names) if file else {}

        return self._unchanged.get(("drift", owner, names), read)

    def _list_unsaved(self, desired: DesiredState, run: Run) -> list[InstanceResult]:
        """Return the results of the instances that were read and whose declarations may have changed."""
        return [
            result
            for result in run.instances
            if result.version and (self._declared.get(result.name) is not desired or has_removed(result))
        ]

    def _can_find(self, find: Callable[[sqlite3.Connection | None], object]) -> bool:
        """Return True if there is something to be found in the file as it is."""
        with open_for_reading(self._path, min_version=5) as file:
            return bool(find(file))


def _next_owned_counts(run: Run, saved_counts: Mapping[str, OwnedCount]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for instance in run.instances:
        before = saved_counts.get(instance.name)
        after = next_owned_count(instance, before.count if before else None)
        if after is not None:
            counts[instance.name] = after
    return counts
