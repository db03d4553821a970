"""A call in a child process: its result, its error, and a call without another core."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import MappingProxyType

import pytest

from reconciler.cli.child_process import call_in_child
from tests.support.planner_inputs import make_desired_state


@pytest.fixture(autouse=True)
def as_in_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores, and no thread: that of the test runner does nothing meanwhile."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1)


def test_the_result_comes_from_another_process() -> None:
    assert call_in_child(os.getpid)() != os.getpid()


def test_a_desired_state_comes_as_it_is() -> None:
    rows = [{"hash": "a", "files": [{"match": "*", "priority": "skip"}]}, {"hash": "7:v1", "source": "infohash"}]
    desired = make_desired_state({"desired": rows, "declared_categories": {"films": "/f"}})
    copy = call_in_child(lambda: desired)()
    assert copy == desired
    assert copy is not desired, "it comes from the child"
    assert call_in_child(lambda: (os.getpid(), MappingProxyType({"a": 1})))()[0] != os.getpid()


def test_an_error_is_raised_here() -> None:
    def fail() -> None:
        raise ValueError(f"in {os.getpid()}")

    with pytest.raises(ValueError, match=f"in {os.getpid()}"):
        call_in_child(fail)()


def test_what_the_child_changes_stays_in_the_child(tmp_path: Path) -> None:
    before = Path.cwd()
    call_in_child(lambda: os.chdir(tmp_path))()
    assert Path.cwd() == before


def test_without_another_core_the_call_is_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert call_in_child(os.getpid)() == os.getpid()
