"""A worker reports what passes once, and everything that does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support import short_reports

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = """
import pytest

@pytest.fixture
def fails_before():
    raise RuntimeError("no begin")

@pytest.fixture
def fails_after():
    yield
    raise RuntimeError("no end")

def test_passes():
    print("words of a test")

def test_fails():
    assert not "anything"

def test_never_runs(fails_before):
    pass

def test_leaves_something(fails_after):
    pass

@pytest.mark.skip(reason="the rain")
def test_is_skipped():
    pass
"""
LISTENER = """
received = []

def pytest_runtest_logreport(report):
    if hasattr(report, "node"):  # in the process that started the worker
        received.append(f"{report.nodeid.rpartition('::')[2]} {report.when} {report.outcome}")

def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("received")
    for line in received:
        terminalreporter.line(f"- {line}")
"""
SHORT = [
    "test_passes call passed",
    "test_fails call failed",
    "test_never_runs setup failed",
    "test_leaves_something call passed",
    "test_leaves_something teardown failed",
    "test_is_skipped setup skipped",
]


def test_a_worker_reports_what_somebody_reads(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLE)
    (tmp_path / "conftest.py").write_text(LISTENER)
    plugins = ("-p", "tests.support.short_reports", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-n", "1", *plugins, str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert [line[2:] for line in done.stdout.splitlines() if line.startswith("- ")] == SHORT, done.stdout
    for words in ("1 failed, 2 passed, 1 skipped, 2 errors", "no begin", "no end"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("is_worker", "verbose", "durations"), [(False, 0, None), (True, 1, None), (True, 0, 5)], ids=["no", "-v", "slow"]
)
def test_elsewhere_and_for_who_wants_more_pytest_reports(is_worker: bool, verbose: int, durations: int | None) -> None:
    config = SimpleNamespace(option=SimpleNamespace(verbose=verbose, durations=durations))
    if is_worker:
        config.workerinput = {}
    assert short_reports.pytest_runtest_protocol(cast("pytest.Item", SimpleNamespace(config=config)), None) is None
