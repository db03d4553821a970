"""A value is made once for each run."""

from __future__ import annotations

from reconciler.web.per_run import PerRun
from tests.support.example_runs import converged
from tests.support.status_site import make_finished_run


def test_a_value_is_made_once_for_each_run() -> None:
    values = PerRun[int]()
    calls: list[int] = []

    def make() -> int:
        calls.append(len(calls))
        return calls[-1]

    first, second = make_finished_run(converged()), make_finished_run(converged())
    assert [values.read(run, make) for run in (first, first, second, second)] == [0, 0, 1, 1]
    assert calls == [0, 1]
