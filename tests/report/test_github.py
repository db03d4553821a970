"""Runs and problems as workflow commands of GitHub."""

from __future__ import annotations

from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.report.github import (
    MAX_ANNOTATIONS,
    render_problem_annotations,
    render_run_annotations,
    render_warning,
    render_warning_annotations,
)
from tests.support.example_runs import (
    PLAN_HASH,
    make_instance_result,
    make_position,
    make_torrent_action,
    planned,
    refused,
)
from tests.support.golden_reports import github

PROBLEMS = (
    Problem(make_position(3), "E030", "unknown key", 'Did you mean "tags"?'),
    Problem(make_position(9), "E030", "two of them"),
)


def test_annotations_have_repository_paths_and_are_limited() -> None:
    lines = github(planned()).splitlines()
    assert any(line.startswith("::warning file=infra/desired.yaml,line=28,col=5,title=") for line in lines)
    errors = list(render_problem_annotations([PROBLEMS[0]] * 500, "invalid", str))
    assert sum(line.startswith("::error") for line in errors) == MAX_ANNOTATIONS


def test_the_plan_is_a_group_and_its_counts_are_the_last_line() -> None:
    lines = list(render_run_annotations(Run(RunMode.APPLY, PLAN_HASH, 0), "reconcile", str))
    assert lines[0] == "::group::reconcile: nothing to do, 0 unchanged"
    assert lines[-2:] == ["::endgroup::", "nothing to do, 0 unchanged"]


def test_errors_come_before_warnings_and_notices_and_the_remainder_is_counted() -> None:
    results = [
        ActionResult(make_torrent_action(Verb.ADD, "new", "not on the instance", number=1), Outcome.APPLIED),
        ActionResult(make_torrent_action(Verb.ADD, "late", "not on the instance", number=2), Outcome.DROPPED),
        *(
            ActionResult(
                make_torrent_action(Verb.ADD, f"t{n}", "not on the instance", number=n), Outcome.FAILED, "full"
            )
            for n in range(10, 22)
        ),
    ]
    run = Run(RunMode.APPLY, PLAN_HASH, 1, (make_instance_result("home", tuple(results)),))
    lines = list(render_run_annotations(run, "reconcile", str))
    lines = lines[lines.index("::endgroup::") + 1 : -1]
    assert len(lines) == MAX_ANNOTATIONS + 3
    assert lines[0] == ("::error file=desired.yaml,line=10,col=5,title=home%3A failed t10::not on the instance%0Afull")
    assert lines[MAX_ANNOTATIONS:] == [
        "… and 2 more errors; --output json shows all",
        "::warning file=desired.yaml,line=2,col=5,title=home%3A dropped late::not on the instance",
        "::notice file=desired.yaml,line=1,col=5,title=home%3A added new::not on the instance",
    ]


def test_a_refusal_is_an_error_with_the_approval_of_the_plan() -> None:
    (line,) = [line for line in github(refused()).splitlines() if "refused by the guard::" in line]
    assert line.startswith(
        "::error title=home%3A refused by the guard::12 deletions are more than max_delete 10%0A12 of 60 owned"
    )
    assert line.endswith(f"%0ATo approve exactly this plan: --accept-plan {PLAN_HASH}")


def test_a_failure_without_problems_is_one_error_without_a_position() -> None:
    assert list(render_problem_annotations((), "50% failed\nhere", str)) == [
        "::error title=reconcile::50%25 failed\\x0ahere",
        "50% failed\\x0ahere",
    ]
    assert list(render_problem_annotations((), "::error::x ##[y", str))[-1] == "\\x3a:error::x ##\\x5by"


def test_a_warning_has_its_position_and_its_hint() -> None:
    assert list(render_warning_annotations(PROBLEMS, lambda file: f"infra/{file}")) == [
        '::warning file=infra/desired.yaml,line=3,col=5,title=desired state (E030)::unknown key. Did you mean "tags"?',
        "::warning file=infra/desired.yaml,line=9,col=5,title=desired state (E030)::two of them",
    ]
    assert list(render_warning_annotations((), str)) == []


def test_deletions_are_warnings_and_come_first() -> None:
    results = [
        ActionResult(
            make_torrent_action(Verb.UPDATE, f"t{n}", "save_path differs", number=n, disruptive=True), Outcome.PLANNED
        )
        for n in range(1, 20)
    ]
    results.append(
        ActionResult(make_torrent_action(Verb.DELETE, "old", "no longer declared", number=40), Outcome.PLANNED)
    )
    run = Run(RunMode.DRY_RUN, PLAN_HASH, 0, (make_instance_result("home", tuple(results)),))
    warnings = [line for line in render_run_annotations(run, "reconcile", str) if line.startswith("::warning")]
    assert len(warnings) == MAX_ANNOTATIONS
    assert warnings[0] == "::warning title=home%3A delete old::no longer declared"


def test_a_warning_without_a_position() -> None:
    assert render_warning("no space: 0%\n") == "::warning title=reconcile::no space: 0%25\\x0a"
