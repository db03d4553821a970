"""The garbage collector is switched on once, after the first run."""

from __future__ import annotations

import gc

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState, Policy
from reconciler.model.run import Run, RunMode
from reconciler.retry import utc_now
from reconciler.watch.garbage_collection import CollectorStarter

DESIRED = DesiredState(Policy.SYNC, {})
RUN = FinishedRun(Run(RunMode.APPLY, "", 0), "start", utc_now(), 1)
STARTED = ["freeze", "enable"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of the collector."""
    calls: list[str] = []
    for name in STARTED:
        monkeypatch.setattr(gc, name, lambda name=name: calls.append(name))
    return calls


def test_it_starts_at_the_end_of_the_first_run(calls: list[str]) -> None:
    starter = CollectorStarter()
    starter.on_run_start(DESIRED)
    assert not calls
    for _ in range(2):
        starter.on_run_end(RUN)
        starter.on_run_start(DESIRED)
    assert calls == STARTED


def test_it_starts_with_the_second_run_if_the_first_one_failed(calls: list[str]) -> None:
    starter = CollectorStarter()
    starter.on_run_start(DESIRED)
    assert not calls
    starter.on_run_start(DESIRED)
    assert calls == STARTED
