"""`reconcile history`: what past runs did, as people and as machines read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from reconciler.model.history import PastAction, PastRun
from reconciler.model.plan import Outcome
from reconciler.report.json.common import FORMAT_VERSION, iso_utc
from reconciler.report.phrases import outcome_symbol, strip_instance_prefix
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, make_line, render_table

MAX_ACTIONS: Final = 20  # actions of one run
_COLUMN_TITLES: Final = ("", "torrent", "instance", "infohash", "what", "why not")


def render_history(runs: Sequence[PastRun], journal_path: str) -> Iterator[Line]:
    """The runs as they come, each with a table of what it did. Times are those of this machine, with their zone."""
    if not runs:
        yield make_line(f"Nothing of that is in the journal: {journal_path}")
    for run in runs:
        if run is not runs[0]:
            yield EMPTY_LINE
        yield _render_head(run)
        for instance in run.instances:
            why = strip_instance_prefix(instance.name, instance.error or instance.status)
            yield make_line("  ", (f"{instance.name}: {why}", Style.BAD))
        rows = [_build_action_cells(action) for action in run.actions[:MAX_ACTIONS]]
        yield from (make_line("  ", *row) for row in render_table(_COLUMN_TITLES, rows, ())) if rows else ()
        if len(run.actions) > MAX_ACTIONS:
            yield make_line((f"  … and {len(run.actions) - MAX_ACTIONS:,} more   --output json shows all", Style.DIM))


def write_history(runs: Sequence[PastRun], stream: TextIO) -> None:
    """The same as JSON, format version 1; times in UTC."""
    stream.write(
        json.dumps(
            {"format_version": FORMAT_VERSION, "exit_code": 0, "runs": [past_run_json(run) for run in runs]}, indent=1
        )
    )
    stream.write("\n")


def _render_head(run: PastRun) -> Line:
    failed = sum(action.outcome is not Outcome.APPLIED for action in run.actions)
    facts = [
        f"{len(run.actions) - failed:,} done",
        *([f"{failed:,} not done"] if failed else []),
        f"{run.seconds:.1f} s",
        f"trigger: {run.trigger}",
        f"exit code {run.exit_code}",
        f"owner {run.owner}",
    ]
    when = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return make_line(
        (when, Style.STRONG), "  ", (" · ".join(facts), Style.BAD if failed or run.exit_code else Style.DIM)
    )


def _build_action_cells(action: PastAction) -> Sequence[Span]:
    undone = "" if action.outcome is Outcome.APPLIED else f"{action.outcome}: {action.error or 'no reason known'}"
    kind = "" if action.infohash else f"{action.kind} "
    return (
        outcome_symbol(action.verb, action.outcome),
        (f"{kind}{action.name}", Style.PLAIN),
        (action.instance, Style.PLAIN),
        ((action.infohash or "-")[:10], Style.DIM),
        (action.changes or str(action.verb), Style.PLAIN),
        (undone, Style.BAD),
    )


def past_run_json(run: PastRun) -> dict[str, object]:
    """One run as JSON holds it."""
    return {
        "began": iso_utc(run.started_at),
        "seconds": round(run.seconds, 3),
        "owner": run.owner,
        "mode": run.mode,
        "trigger": run.trigger,
        "plan_hash": run.plan_hash,
        "exit_code": run.exit_code,
        "instances": [{"name": one.name, "status": one.status, "error": one.error} for one in run.instances],
        "actions": [
            {
                "instance": one.instance,
                "verb": one.verb,
                "kind": one.kind,
                "infohash": one.infohash,
                "name": one.name,
                "changes": one.changes,
                "outcome": one.outcome,
                "error": one.error,
            }
            for one in run.actions
        ],
    }
