"""The placement of a torrent has a reason, also where all is well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.plan.plan import Plan
from reconciler.testing.memory import MemoryInstance
from reconciler.web.placements import find_placements
from tests.support.example_runs import converged
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import make_desired_state, make_v1_hash
from tests.support.status_site import make_finished_run

CASE: dict[str, Any] = {
    "groups": {"g": {"strategy": "failover", "members": ["a", "b"]}},
    "instances": ["a", "b"],
    "desired": [{"hash": "u", "instance": "g"}, {"hash": "v", "instance": "a"}],
}


@pytest.mark.parametrize(
    ("name", "expected"), [("u", {"a": "it is here"}), ("v", {}), ("w", {})], ids=["group", "instance", "unknown"]
)
def test_a_torrent_of_a_group_has_a_reason_where_it_is(name: str, expected: dict[str, str]) -> None:
    boxes, plans = {name: MemoryInstance() for name in ("a", "b")}, list[Plan]()
    desired = make_desired_state(CASE)
    context = fake_context(lambda instance, stop: boxes[instance.name])
    run_once(desired, RunOptions(), context)
    run = run_once(desired, RunOptions(), replace(context, keep_plan=plans.append))
    assert not any(instance.results for instance in run.instances), "all is well"
    finished_run = replace(make_finished_run(run), plan=plans[-1])
    assert find_placements(finished_run, [make_v1_hash(name)]) == expected


def test_without_a_plan_there_is_none() -> None:
    assert find_placements(None, ["a" * 40]) == find_placements(make_finished_run(converged()), ["a" * 40]) == {}
