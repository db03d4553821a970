"""Problems of a desired state as text, Markdown and annotations."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.position import Problem
from reconciler.report.github import MAX_ANNOTATIONS, render_problem_annotations
from reconciler.report.markdown import render_problems_markdown
from reconciler.report.text.lines import render_plain
from reconciler.report.text.problems import render_problems
from tests.support.example_runs import (
    make_position,
    planned,
)
from tests.support.golden_reports import github

PROBLEMS = (Problem(make_position(3), "unknown key", 'Did you mean "tags"?'), Problem(make_position(9), "two of them"))


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
