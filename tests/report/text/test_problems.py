"""Problems of a desired state as text."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.position import Problem
from reconciler.report.text.lines import render_plain
from reconciler.report.text.problems import render_problems
from tests.support.example_runs import make_position

PROBLEMS = (Problem(make_position(3), "unknown key", 'Did you mean "tags"?'), Problem(make_position(9), "two of them"))


def test_each_problem_is_one_line() -> None:
    assert [render_plain(line) for line in render_problems(PROBLEMS, "error")] == [
        'desired.yaml:3:5: error: unknown key. Did you mean "tags"?',
        "desired.yaml:9:5: error: two of them",
    ]


def test_a_problem_with_a_whole_file_shows_no_line_of_it() -> None:
    problem = Problem(make_position(1), "a link leads out of its folder", of_file=True)
    assert len(list(render_problems([problem], "error", lambda _: "root:x:0:0\n"))) == 1


def test_the_caret_is_under_the_column_after_wide_and_control_characters() -> None:
    problem = Problem(replace(make_position(3), column=6), "no")
    shown = [render_plain(line) for line in render_problems([problem], "error", lambda _: "进\t: x: y\n")]
    assert shown[1:] == ["      3 | 进\\x09: x: y", "        |          ^"]
