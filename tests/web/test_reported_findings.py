"""The JSON report of a run says the same about its torrents as the run itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.run import Run
from reconciler.report.json.run import write_run
from reconciler.web.client import parse_document
from reconciler.web.reported_findings import RunReport, collect_reported_findings
from reconciler.web.sync_states import RunFindings, collect_findings
from tests.support.example_runs import (
    accepted,
    applied,
    converged,
    faulty,
    placed,
    planned,
    refused,
    unhealthy,
)

RUNS = (accepted, applied, converged, faulty, placed, planned, refused, unhealthy)


def report(run: Run) -> RunReport:
    stream = io.StringIO()
    write_run(run, stream)
    return parse_document(stream.getvalue().encode(), RunReport)


def of_own_instances(run: Run) -> RunFindings:
    """The findings of a run; a report says nothing about instances that were read only for others."""
    return collect_findings(replace(run, linked_instances=()))


@pytest.mark.parametrize("make_run", RUNS)
def test_a_report_has_the_findings_of_its_run(make_run: Callable[[], Run]) -> None:
    run = make_run()
    assert collect_reported_findings(report(run)) == of_own_instances(run)


def test_the_runs_have_findings_of_every_kind() -> None:
    findings = [of_own_instances(make_run()) for make_run in RUNS]
    assert any(found.pending for found in findings)
    assert any(found.deleted for found in findings)
    assert len({finding.state for found in findings for finding in found.on_instances.values()}) >= 4
