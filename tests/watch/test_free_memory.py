"""Freed memory is given back after a long run."""

from __future__ import annotations

import ctypes

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.model.run import Run, RunMode
from reconciler.retry import utc_now
from reconciler.watch.free_memory import LONG_RUN, MemoryReleaser, find_release


@pytest.mark.parametrize(("seconds", "count"), [(LONG_RUN / 2, 0), (LONG_RUN, 1)])
def test_memory_is_given_back_after_a_long_run(seconds: float, count: int) -> None:
    calls: list[None] = []
    listener = MemoryReleaser(lambda: calls.append(None))
    listener.on_run_end(FinishedRun(Run(RunMode.APPLY, "", 0), "interval", utc_now(), seconds))
    assert len(calls) == count


def test_nothing_is_done_without_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    find_release()()


def test_the_function_of_this_machine_can_be_called() -> None:
    find_release()()
