"""The progress of drained members: what is unknown is never shown as nothing, and empty only where nothing is left."""

from __future__ import annotations

import io
import json

import pytest

from reconciler.model.groups import DrainProgress
from reconciler.model.run import Run, RunMode
from reconciler.model.status import StatusReport
from reconciler.report.drains import drain_json, drain_reasons, drain_text, render_drains
from reconciler.report.json.run import write_run
from reconciler.report.json.status import write_status
from reconciler.report.markdown import render_run_markdown
from reconciler.report.text.lines import render_plain
from reconciler.report.text.run import render_run
from reconciler.report.text.status import render_status
from tests.support.example_runs import PLAN_HASH

MOVING = DrainProgress("attic", "films", 1200, 1190, (("moves to home later", 7), ("it is full", 3)))
LINES = [
    "  attic of films: drained, 1,200 left: 1,190 moving, 10 waiting",
    "    7 × moves to home later",
    "    3 × it is full",
]


@pytest.mark.parametrize(
    ("drain", "text"),
    [
        (MOVING, "drained, 1,200 left: 1,190 moving, 10 waiting"),
        (DrainProgress("attic", "films", 1, 1), "drained, 1 left: 1 moving"),
        (DrainProgress("attic", "films", 0), "drained and empty: it can be removed from the members of films"),
        (DrainProgress("attic", "films", 0, unknown=2), "drained, 0 left: 2 more not known now"),
        (DrainProgress("attic", "films", None), "drained; what is left there is not known"),
    ],
)
def test_the_progress_in_a_sentence(drain: DrainProgress, text: str) -> None:
    assert drain_text(drain) == text


def test_the_most_frequent_reasons_are_named() -> None:
    waiting = tuple((f"reason {number}", 9 - number) for number in range(5))
    assert drain_reasons(DrainProgress("a", "g", 35, 0, waiting)) == [
        "9 × reason 0",
        "8 × reason 1",
        "7 × reason 2",
        "… and 2 more reasons",
    ]


def test_what_is_unknown_is_null_in_json() -> None:
    row = drain_json(DrainProgress("attic", "films", None))
    assert (row["left"], row["moving"], row["waiting"], row["empty"]) == (None, None, None, False)


def test_every_report_shows_the_progress() -> None:
    run, status = Run(RunMode.DRY_RUN, PLAN_HASH, 0, drains=(MOVING,)), StatusReport(drains=(MOVING,))
    assert list(map(render_plain, render_drains([MOVING]))) == LINES
    for lines in (render_run(run, "reconcile"), render_status(status)):
        text = "\n".join(map(render_plain, lines))
        assert "\n".join(LINES) in text
    assert f"- `attic` {drain_text(MOVING)}\n  - `7 × moves to home later`" in render_run_markdown(run)
    run_stream, status_stream = io.StringIO(), io.StringIO()
    write_run(run, run_stream)
    write_status(status, status_stream)
    rows = [json.loads(stream.getvalue())["drains"] for stream in (run_stream, status_stream)]
    assert rows == [[drain_json(MOVING)]] * 2
    assert rows[0][0]["reasons"] == [
        {"torrents": 7, "reason": "moves to home later"},
        {"torrents": 3, "reason": "it is full"},
    ]
