"""A pytest plugin: run a test marked `flaky` a second time when it fails, and count these tests in the summary.

Nothing else is ever retried: an unmarked test that fails has failed.
"""

from __future__ import annotations

from typing import Final

import pytest
from _pytest.runner import runtestprotocol

_PROPERTY: Final = "flaky"
_MARKER: Final = "flaky(reason): may fail although the program is right; is run once more if it fails"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a marked test at most twice and report the last attempt. Return None for all others: pytest runs them."""
    marker = item.get_closest_marker("flaky")
    if marker is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    retried = any(report.failed for report in reports)
    if retried:
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    note = f"{'retried' if retried else 'passed at once'}: {marker.kwargs['reason']}"
    for report in reports:
        if report.when == "call":
            report.user_properties = [*report.user_properties, (_PROPERTY, note)]
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the flaky tests that ran and say which were retried."""
    notes = [
        (report.nodeid, note)
        for category in ("passed", "failed")
        for report in terminalreporter.stats.get(category, [])
        for name, note in report.user_properties
        if name == _PROPERTY
    ]
    if notes:
        terminalreporter.section(f"{len(notes)} flaky tests")
        for nodeid, note in sorted(notes):
            terminalreporter.line(f"{nodeid} {note}")
