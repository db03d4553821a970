"""Counts, lengths and problems, which the golden files do not show."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from reconciler.model.plan import GuardVerdict, Outcome, Verb
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.report.github import MAX_ANNOTATIONS, render_problem_annotations
from reconciler.report.markdown import MAX_COMMENT_LENGTH, render_problems_markdown, render_run_markdown
from reconciler.report.summary import COUNT_KEYS, summarize_run, summary_text
from reconciler.report.text.lines import render_plain
from reconciler.report.text.problems import render_problems
from tests.support.example_runs import (
    PLAN_HASH,
    UNREACHABLE_RESULT,
    huge,
    make_instance_result,
    make_position,
    make_torrent_action,
    planned,
)
from tests.support.golden_reports import FORMS, github, render_case, text

PROBLEMS = (Problem(make_position(3), "unknown key", 'Did you mean "tags"?'), Problem(make_position(9), "two of them"))


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


def test_an_instance_that_was_not_read_does_not_count_as_in_sync() -> None:
    assert summary_text(Run(RunMode.DRY_RUN, PLAN_HASH, 1, (UNREACHABLE_RESULT,))) == "0 unchanged, 1 instance in error"


@pytest.mark.parametrize(("form", "lines"), [("txt", 60), ("md", 70), ("github", 90)])
def test_ten_thousand_changes_are_short_and_fast(form: str, lines: int) -> None:
    run = huge()
    began = time.process_time()
    report = FORMS[form](run)
    assert time.process_time() - began < 1.0
    assert len(report.splitlines()) < lines
    assert "it said no" in report, "a single failure among ten thousand must be visible"


def test_many_different_changes_are_cut() -> None:
    actions = tuple(
        ActionResult(make_torrent_action(Verb.DELETE, f"{n}.iso", f"reason {n}", number=n), Outcome.PLANNED)
        for n in range(5_000)
    )
    report = text(Run(RunMode.DRY_RUN, PLAN_HASH, 0, (make_instance_result("home", actions),)))
    assert "… and 4,900 more" in report
    assert len(report.splitlines()) < 110


@pytest.mark.parametrize(("form", "size"), [("txt", 40_000), ("md", 60_000), ("github", 40_000)])
def test_ten_thousand_different_changes_of_each_verb_are_cut(form: str, size: int) -> None:
    report = render_case("mass", form)
    assert len(report) < size
    assert report.count("and 9,980 more") == 5, "of each verb and kind, and where to see the rest"
    assert report.count("and 9,900 more") == 2, "deletions are for a person to read"
    assert "deletions: 10,000 torrents, 333.8 TiB on disk" in report


def test_a_comment_always_fits_into_github() -> None:
    names = ["n" * 5_000, "`" * 2_000]
    actions = tuple(
        ActionResult(make_torrent_action(Verb.ADD, name, "r" * 900, number=n), Outcome.PLANNED)
        for n, name in enumerate(names * 10)
    )
    verdict = GuardVerdict(True, ("v" * 5_000,) * 3)
    many = tuple(
        replace(make_instance_result("home", actions), name=f"instance-{n}", error="e" * 5_000, verdict=verdict)
        for n in range(150)
    )
    warnings = (Problem(replace(make_position(1), file="f" * 4_000), "m" * 5_000),) * 1_000
    assert len(render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, many, warnings))) <= MAX_COMMENT_LENGTH < 65_536
    assert len(render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, many[:2]))) <= MAX_COMMENT_LENGTH


def test_annotations_have_repository_paths_and_are_limited() -> None:
    lines = github(planned()).splitlines()
    assert any(line.startswith("::warning file=infra/desired.yaml,line=28,col=5,title=") for line in lines)
    errors = list(render_problem_annotations([PROBLEMS[0]] * 500, "invalid", str))
    assert sum(line.startswith("::error") for line in errors) == MAX_ANNOTATIONS


def test_each_problem_is_one_line() -> None:
    assert [render_plain(line) for line in render_problems(PROBLEMS, "error")] == [
        'desired.yaml:3:5: error: unknown key. Did you mean "tags"?',
        "desired.yaml:9:5: error: two of them",
    ]


def test_the_caret_is_under_the_column_after_wide_and_control_characters() -> None:
    problem = Problem(replace(make_position(3), column=6), "no")
    shown = [render_plain(line) for line in render_problems([problem], "error", lambda _: "进\t: x: y\n")]
    assert shown[1:] == ["      3 | 进\\x09: x: y", "        |          ^"]


def test_problems_as_a_markdown_comment() -> None:
    assert render_problems_markdown(PROBLEMS, "the desired state is invalid") == (
        "### reconcile: `the desired state is invalid`\n\n"
        '- `desired.yaml:3:5` `unknown key. Did you mean "tags"?`\n'
        "- `desired.yaml:9:5` `two of them`\n"
    )
