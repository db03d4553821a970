"""The counts of a run and its last line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import ActionResult, Run, RunMode, Status
from reconciler.report.summary import COUNT_KEYS, brief_summary_text, instance_summary_text, summarize_run, summary_text
from tests.support.example_runs import (
    PLAN_HASH,
    UNREACHABLE_RESULT,
    make_instance_result,
    make_torrent_action,
)


def run_of(*results: tuple[Verb, Outcome, int], mode: RunMode = RunMode.APPLY) -> Run:
    """A run on one instance, of torrents by verb, outcome and number."""
    actions = tuple(
        ActionResult(make_torrent_action(verb, "x", "r", number=n), outcome) for verb, outcome, n in results
    )
    return Run(mode, PLAN_HASH, 0, (make_instance_result("home", actions),))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], {}),
        ([(Verb.ADD, Outcome.PLANNED, 1), (Verb.ADD, Outcome.APPLIED, 2)], {"add": 2}),
        ([(Verb.DELETE, Outcome.FAILED, 1)], {"failed": 1}),
        # one torrent, two actions: it counts once, as what needs attention most
        ([(Verb.UPDATE, Outcome.APPLIED, 1), (Verb.UPDATE, Outcome.DEFERRED, 1)], {"deferred": 1}),
        ([(Verb.UPDATE, Outcome.DEFERRED, 1), (Verb.UPDATE, Outcome.BLOCKED, 1)], {"blocked": 1}),
        ([(Verb.UPDATE, Outcome.BLOCKED, 1), (Verb.UPDATE, Outcome.FAILED, 1)], {"failed": 1}),
        ([(Verb.ADOPT, Outcome.APPLIED, 1), (Verb.ADD, Outcome.DROPPED, 2)], {"adopt": 1, "dropped": 1}),
    ],
)
def test_each_torrent_counts_once(results: list[tuple[Verb, Outcome, int]], expected: dict[str, int]) -> None:
    counts = summarize_run(run_of(*results))
    assert list(counts) == list(COUNT_KEYS)
    assert {key: count for key, count in counts.items() if count} == expected


def test_the_same_torrent_on_two_instances_counts_twice() -> None:
    instance = run_of((Verb.ADD, Outcome.APPLIED, 1)).instances[0]
    assert summarize_run(Run(RunMode.APPLY, PLAN_HASH, 0, (instance, replace(instance, name="other"))))["add"] == 2


def test_the_last_line_of_a_dry_run_and_of_a_run() -> None:
    results = [(Verb.ADD, Outcome.PLANNED, 1), (Verb.ADD, Outcome.PLANNED, 2), (Verb.UPDATE, Outcome.PLANNED, 3)]
    planned_run = run_of(*results, mode=RunMode.DRY_RUN)
    assert summary_text(planned_run) == "2 to add, 1 to change, 0 to delete, 0 unchanged"
    done = run_of(*[(verb, Outcome.APPLIED, n) for verb, _, n in results])
    assert summary_text(done) == "2 added, 1 changed, 0 deleted, 0 unchanged"
    assert brief_summary_text(done) == "2 added, 1 changed"
    assert brief_summary_text(run_of()) == "nothing to do"


def test_an_instance_that_was_not_read_is_unknown_and_not_zero() -> None:
    assert summary_text(Run(RunMode.DRY_RUN, PLAN_HASH, 1, (UNREACHABLE_RESULT,))) == "1 instance unknown"
    both = (UNREACHABLE_RESULT, make_instance_result("home", unchanged=3))
    assert summary_text(Run(RunMode.DRY_RUN, PLAN_HASH, 1, both)) == "3 unchanged, 1 instance unknown"
    lost = make_instance_result("home", unchanged=3, status=Status.UNREACHABLE, error="it went away")
    assert summary_text(Run(RunMode.APPLY, PLAN_HASH, 1, (lost,))) == "3 unchanged, 1 instance in error"


def test_an_instance_is_summed_up_in_the_words_of_the_whole_run() -> None:
    run = run_of((Verb.UPDATE, Outcome.APPLIED, 1), (Verb.UPDATE, Outcome.DEFERRED, 1), (Verb.ADD, Outcome.APPLIED, 2))
    assert instance_summary_text(run.instances[0], run.mode) == summary_text(run)
