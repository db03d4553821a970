"""`reconcile history` as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from reconciler.model.history import PastAction, PastRun
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.report.json.common import FORMAT_VERSION, escape_runner_commands, iso_utc
from reconciler.report.phrases import outcome_symbol, strip_instance_prefix
from reconciler.report.summary import APPLIED_FORMS
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, make_line
from reconciler.report.text.table import TableFit, render_table

MAX_ACTIONS: Final = 20  # of one run
_INDENT: Final = "  "
_COLUMN_TITLES: Final = ("", "torrent", "instance", "infohash", "what", "problem")
_FIT: Final = TableFit(below=("problem", "what"), names="torrent", expendable=("infohash",))


def render_history(runs: Sequence[PastRun], journal_path: str, width: int | None = None) -> Iterator[Line]:
    """Return the runs, each with a table of its actions. Times are in the zone of this machine.

    `width`: the columns of the terminal, for the tables.
    """
    table_width = None if width is None else width - len(_INDENT)
    if not runs:
        yield make_line(f"No matching runs in the journal: {journal_path}")
    for run in runs:
        if run is not runs[0]:
            yield EMPTY_LINE
        yield _render_head(run)
        for instance in run.instances:
            reason = strip_instance_prefix(instance.name, instance.error or instance.status)
            yield make_line("  ", (f"{instance.name}: {reason}", Style.BAD))
        rows = [_build_action_cells(action) for action in run.actions[:MAX_ACTIONS]]
        if rows:
            table = render_table(_COLUMN_TITLES, rows, (), table_width, _FIT)
            yield from (make_line(_INDENT, *row) for row in table)
        if len(run.actions) > MAX_ACTIONS:
            yield make_line((f"  … and {len(run.actions) - MAX_ACTIONS:,} more   --output json shows all", Style.DIM))


def write_history(runs: Sequence[PastRun], stream: TextIO) -> None:
    """Write the runs as JSON, format version 1, with times in UTC."""
    document = {"format_version": FORMAT_VERSION, "exit_code": 0, "runs": [past_run_json(run) for run in runs]}
    stream.write(escape_runner_commands(json.dumps(document, indent=1)) + "\n")


def summarize_past_run(run: PastRun) -> str:
    """Return what a run did in a few words: `2 added, 1 setting changed, 1 failed`."""
    applied: Counter[Verb] = Counter()
    settings, others = 0, Counter[Outcome]()
    for count in run.counts:
        if count.outcome is not Outcome.APPLIED:
            others[count.outcome] += count.number
        elif count.kind is ObjectKind.TORRENT:
            applied[count.verb] += count.number
        else:
            settings += count.number
    words = [f"{applied[verb]:,} {form}" for verb, form in APPLIED_FORMS.items() if applied[verb]]
    words += [f"{settings:,} {'setting' if settings == 1 else 'settings'} changed"] if settings else []
    words += [f"{number:,} {outcome}" for outcome, number in sorted(others.items())]
    return ", ".join(words) or "nothing changed"


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
    started_at = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return make_line(
        (started_at, Style.STRONG), "  ", (" · ".join(facts), Style.BAD if failed or run.exit_code else Style.DIM)
    )


def _build_action_cells(action: PastAction) -> Sequence[Span]:
    problem = "" if action.outcome is Outcome.APPLIED else f"{action.outcome}: {action.error or 'unknown reason'}"
    kind = "" if action.infohash else f"{action.kind} "
    return (
        outcome_symbol(action.verb, action.outcome),
        (f"{kind}{action.name}", Style.PLAIN),
        (action.instance, Style.PLAIN),
        ((action.infohash or "-")[:10], Style.DIM),
        (action.changes or str(action.verb), Style.PLAIN),
        (problem, Style.BAD),
    )


def past_run_json(run: PastRun) -> dict[str, object]:
    """Return a run as a JSON object."""
    return {
        "began": iso_utc(run.started_at),
        "seconds": round(run.seconds, 3),
        "owner": run.owner,
        "mode": run.mode,
        "trigger": run.trigger,
        "plan_hash": run.plan_hash,
        "exit_code": run.exit_code,
        "instances": [
            {"name": instance.name, "status": instance.status, "error": instance.error} for instance in run.instances
        ],
        "actions": [
            {
                "instance": action.instance,
                "verb": action.verb,
                "kind": action.kind,
                "infohash": action.infohash,
                "name": action.name,
                "changes": action.changes,
                "outcome": action.outcome,
                "error": action.error,
            }
            for action in run.actions
        ],
    }
