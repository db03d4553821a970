"""Live states that are saved and read again."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

from reconciler.engine.recall import make_recall_context, prepare_recall
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.live_state import LiveState
from reconciler.model.run import Run
from reconciler.report.json.run import write_run
from reconciler.saved.snapshot_reader import SnapshotFile, read_snapshot_file
from reconciler.saved.snapshot_writer import write_snapshot


def render_snapshot(live_state: LiveState, *, hash_names: bool = False) -> str:
    """Return the text of a saved live state."""
    stream = io.StringIO()
    write_snapshot(live_state, stream, hash_names=hash_names)
    return stream.getvalue()


def save_snapshot(live_state: LiveState, folder: Path, *, hash_names: bool = False) -> SnapshotFile:
    """Save a live state, and read it again."""
    file = folder / "live.json"
    file.write_text(render_snapshot(live_state, hash_names=hash_names))
    return read_snapshot_file(file)


def plan_from_snapshot(desired: DesiredState, file: SnapshotFile, **options: Any) -> Run:
    """Plan against a saved live state."""
    prepared = prepare_recall(desired)
    context = make_recall_context(prepared, file.build_live_state(prepared), threading.Event())
    return run_once(prepared, RunOptions(dry_run=True, **options), context)


def comparable_report(run: Run) -> dict[str, Any]:
    """Return the JSON report of a run, without what only a run that reads has."""
    stream = io.StringIO()
    write_run(run, stream)
    report = dict(json.loads(stream.getvalue()))
    for instance in report["instances"]:
        del instance["requests"]
        if instance["health"]:
            del instance["health"]["probes"]
    return report
