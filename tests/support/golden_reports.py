"""The golden reports. Run as a program, this module regenerates their files."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from reconciler.model.run import Run
from reconciler.report.github import render_run_annotations
from reconciler.report.json.run import write_run
from reconciler.report.markdown import render_run_markdown
from reconciler.report.text.lines import write_lines
from reconciler.report.text.run import render_run
from tests.support.example_runs import CASES

FOLDER: Final = Path(__file__).parents[1] / "report" / "golden"
COMMAND: Final = "reconcile -f desired.yaml"


def text(run: Run, *, colour: bool = False) -> str:
    """The text report."""
    stream = io.StringIO()
    write_lines(render_run(run, COMMAND), stream, colour=colour)
    return stream.getvalue()


def json_text(run: Run) -> str:
    """The JSON report."""
    stream = io.StringIO()
    write_run(run, stream)
    return stream.getvalue()


def github(run: Run) -> str:
    """The report as workflow commands."""
    return "".join(f"{line}\n" for line in render_run_annotations(run, COMMAND, lambda file: f"infra/{file}"))


FORMS: Final[Mapping[str, Callable[[Run], str]]] = {
    "txt": text,
    "ansi": lambda run: text(run, colour=True),
    "json": json_text,
    "md": render_run_markdown,
    "github": github,
}


@cache
def render_case(case: str, form: str) -> str:
    """Return the report of a case in one form."""
    return FORMS[form](CASES[case]())


# ten thousand actions are no reading matter as JSON, and colours are shown once
EXPECTED: Final = [
    (case, form)
    for case in CASES
    for form in FORMS
    if not (case in ("huge", "mass") and form == "json") and (form != "ansi" or case in ("planned", "hostile"))
]


def path(case: str, form: str) -> Path:
    """Return the file of a golden report."""
    return FOLDER / f"{case}.{form}"


if __name__ == "__main__":
    for case, form in EXPECTED:
        path(case, form).write_text(render_case(case, form), encoding="utf-8")
