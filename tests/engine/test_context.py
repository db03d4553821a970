"""The surroundings of a run: connections that send nothing before they are opened, and a memory of its own."""

from __future__ import annotations

import threading
from dataclasses import replace

from reconciler.engine.context import Planner, RunContext, connect_incremental
from reconciler.model.desired import Instance
from reconciler.model.plan import Outcome
from reconciler.model.position import Position
from reconciler.plan import PlanInput
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context, fake_retry_policy
from tests.support.fake_time import EPOCH
from tests.support.planner_inputs import make_desired_state, make_snapshot

BOX = Instance("box", Position("desired.yaml", 3, 3), "http://127.0.0.1:9")


def test_a_connection_sends_nothing_before_it_is_opened() -> None:
    context = RunContext(threading.Event(), fake_retry_policy())
    targets = [context.make_session(BOX), connect_incremental(BOX, threading.Event())]
    assert [type(target) for target in targets] == [Session, IncrementalSession]
    assert [target.request_count for target in targets] == [0, 0]


def test_the_time_of_a_run_is_that_of_its_clock() -> None:
    context = fake_context(lambda _instance, _stop: MemoryInstance())
    assert context.utc() == EPOCH
    context.retry.clock.sleep(90)
    assert (context.utc() - EPOCH).total_seconds() == 90


def test_two_contexts_share_no_memory() -> None:
    first, second = (RunContext(threading.Event(), fake_retry_policy()) for _ in range(2))
    assert first.placement_memory is not second.placement_memory
    assert first.health_history is not second.health_history


def test_a_single_run_plans_from_scratch_and_holds_nothing_back() -> None:
    desired = make_desired_state({"desired": [{"hash": "a"}]})
    plan_input = PlanInput(desired, {"box": make_snapshot([])})
    plan = Planner().plan_actions(plan_input)
    assert [(action.verb, action.name) for action in plan.instances[0].actions] == [("add", "a")]
    assert Planner().plan_actions(plan_input) is not plan
    held = replace(plan.instances[0].actions[0], hold=Outcome.DEFERRED)
    held_plan = replace(plan, instances=(replace(plan.instances[0], actions=(held,)),))
    assert [Planner().hold_back(either) is either for either in (plan, held_plan)] == [True, True]
