"""The main command with `--dry-run --live FILE`: plan against a saved snapshot, and contact nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.loading import load_desired
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState
from reconciler.model.run import Run, SnapshotAge

if TYPE_CHECKING:
    from reconciler.engine.selection import RunOptions


def plan_offline(
    path: Path, settings: Settings, options: RunOptions, stopping: StopSignals
) -> tuple[DesiredState, Run]:
    """Return the desired state, and the dry-run that a read of the instances would have given when it was saved.

    What the snapshot cannot be compared with is a warning of the run alone. Raises `CommandFailure`.
    """
    from reconciler.desired import TorrentFileCache
    from reconciler.engine.recall import make_recall_context, prepare_recall
    from reconciler.engine.run import run_once
    from reconciler.engine.selection import UnknownInstance
    from reconciler.retry import utc_now
    from reconciler.saved.document import SavedFileError
    from reconciler.saved.snapshot_reader import read_snapshot_file

    try:
        file = read_snapshot_file(path)
    except SavedFileError as error:
        raise CommandFailure(str(error), 4) from None
    desired = load_desired(
        settings,
        resolve_secrets=False,
        stop_signals=stopping,
        torrents=TorrentFileCache(file.fetch),
        contacts_instances=False,
    )
    prepared = prepare_recall(desired)
    context = make_recall_context(prepared, file.build_live_state(prepared), stopping.event)
    try:
        run = run_once(prepared, options, context)
    except UnknownInstance as error:
        raise CommandFailure(str(error), 4) from error
    age = SnapshotAge(file.taken_at, (utc_now() - file.taken_at).total_seconds())
    return desired, replace(run, snapshot_age=age)
