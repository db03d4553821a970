"""A torrent is explained by the last run, with its fields as its row has them now, and without a request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.engine.events import FinishedRun
from reconciler.model.explanation import Explanation, InstanceExplanation
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.plan import Outcome
from reconciler.model.rows import InstanceRows
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.plan import PlanInput, make_plan
from reconciler.queries.explain_run import explain_run
from tests.support.catalogues import make_row, make_rows
from tests.support.planner_inputs import make_desired_state, make_snapshot, parse_hashes

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
A = str(parse_hashes("a").v1)
CASE: dict[str, Any] = {
    "desired": [{"hash": "a", "category": "linux"}, {"hash": "b", "paused": False}],
    "live": [{"hash": "a", "category": "films", "tags": ["reconcile:home"]}],
}


def end_run(outcome: Outcome = Outcome.PLANNED, *more: LiveInstance, is_stopped: bool = False) -> FinishedRun:
    """A run on the case, whose actions have an outcome."""
    snapshot = make_snapshot([{**live, "stopped": is_stopped} for live in CASE["live"]])
    plan = make_plan(PlanInput(make_desired_state(CASE), {"box": snapshot}, now=NOON))
    results = tuple(ActionResult(action, outcome) for action in plan.instances[0].actions)
    run = Run(RunMode.APPLY, plan.hash, 0, (InstanceResult("box", Status.OK, version="v5.1.0", results=results),))
    live_state = LiveState(NOON, "home", (LiveInstance("box", snapshot=snapshot), *more))
    return FinishedRun(run, "interval", NOON, 1.0, live_state=live_state, plan=plan)


def explained(finished_run: FinishedRun, ids: tuple[str, ...] = (A,), *rows: InstanceRows) -> Explanation:
    """The explanation, which is there."""
    explanation = explain_run(finished_run, "Debian", ids, {instance.name: instance for instance in rows})
    assert explanation
    return explanation


def list_fields(instance: InstanceExplanation) -> Mapping[str, tuple[object, object, bool]]:
    """The declared and the live values."""
    return {view.field: (view.declared, view.live, view.differs) for view in instance.fields}


def put_row(**fields: Any) -> InstanceRows:
    """The box with one torrent, as its rows show it."""
    return make_rows("box", make_row("a", hash=A, infohash_v1=A, **fields))


def test_the_outcomes_of_the_run_are_shown() -> None:
    (box,) = explained(end_run(Outcome.FAILED)).instances
    assert [(result.outcome, result.action.reason) for result in box.results] == [(Outcome.FAILED, "category differs")]
    assert (box.owned, str(box.entry and box.entry.position)) == (True, "desired.yaml:1:1")


def test_fields_are_compared_with_the_row_as_it_is_now() -> None:
    before = explained(end_run())
    assert list_fields(before.instances[0])["category"] == ("linux", "films", True)
    rows = put_row(category="linux", tags="reconcile:home, new", state="stoppedUP")
    (box,) = explained(end_run(Outcome.APPLIED), (A,), rows).instances
    assert list_fields(box)["category"] == ("linux", "linux", False)
    assert box.live_torrents[0].tags == {"new", "reconcile:home"}


def test_a_torrent_that_was_added_since_is_live() -> None:
    b = str(parse_hashes("b").v1)
    rows = make_rows("box", make_row("b", hash=b, infohash_v1=b))
    (box,) = explained(end_run(Outcome.APPLIED), (b,), rows).instances
    assert box.has_comparison
    assert not explained(end_run(), (b,)).instances[0].live_torrents


def test_a_torrent_that_is_gone_since_is_not_here() -> None:
    (box,) = explained(end_run(), (A,), make_rows("box")).instances
    assert not box.live_torrents


def test_rows_of_an_instance_that_is_away_say_nothing_about_it_now() -> None:
    away = make_rows("box", is_read=False, reason="no connection")
    assert explained(end_run(), (A,), away).instances[0].live_torrents


def test_a_hidden_stop_intent_is_that_of_the_run() -> None:
    (box,) = explained(end_run(), (A,), put_row(state="checkingUP")).instances
    assert not box.live_torrents[0].stopped
    (box,) = explained(end_run(is_stopped=True), (A,), put_row(state="checkingUP")).instances
    assert box.live_torrents[0].stopped
    (box,) = explained(end_run(is_stopped=True), (A,), put_row(state="uploading")).instances
    assert not box.live_torrents[0].stopped, "it was started since"


def test_a_stop_intent_that_nobody_knows_is_not_compared() -> None:
    b = str(parse_hashes("b").v1)
    states = {}
    for state in ("checkingResumeData", "stoppedUP"):
        rows = make_rows("box", make_row("b", hash=b, infohash_v1=b, state=state))
        (box,) = explained(end_run(Outcome.APPLIED), (b,), rows).instances
        states[state] = list_fields(box).get("paused")
    assert states == {"checkingResumeData": None, "stoppedUP": (False, True, True)}


def test_an_instance_that_could_not_be_read_says_so() -> None:
    attic = LiveInstance("attic", status=Status.UNREACHABLE, error="attic: connection refused")
    _, explanation = explained(end_run(Outcome.PLANNED, attic)).instances
    assert (explanation.status, explanation.error) == (Status.UNREACHABLE, "attic: connection refused")


def test_an_instance_that_is_no_part_of_the_run_is_left_out() -> None:
    linked = LiveInstance("linked", snapshot=make_snapshot([]))
    assert [instance.instance for instance in explained(end_run(Outcome.PLANNED, linked)).instances] == ["box"]


def test_without_a_plan_nothing_is_explained() -> None:
    assert explain_run(FinishedRun(Run(RunMode.APPLY, "", 0), "start", NOON, 1.0), "a", (A,), {}) is None
