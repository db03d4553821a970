"""Problems of a desired state as text."""

from __future__ import annotations

import pytest

from reconciler.model.position import Excerpt, Problem
from reconciler.report.text.lines import render_plain
from reconciler.report.text.problems import (
    measure_cells,
    render_problem_list,
    render_problem_page,
    render_problems,
)
from tests.support.example_runs import make_position

PROBLEMS = (
    Problem(make_position(3), "E030", "unknown key", 'Did you mean "tags"?'),
    Problem(make_position(9), "E030", "two of them"),
)


def render(*parts: str, level: str = "error", line: int = 3) -> list[str]:
    """Return the lines of a problem with that excerpt."""
    problem = Problem(make_position(line), "E030", "no", excerpt=Excerpt(*parts))
    return [render_plain(shown) for shown in render_problems([problem], level)]


def test_a_problem_without_an_excerpt_is_one_line() -> None:
    assert [render_plain(line) for line in render_problems(PROBLEMS, "error")] == [
        'desired.yaml:3:5: error[E030]: unknown key. Did you mean "tags"?',
        "desired.yaml:9:5: error[E030]: two of them",
    ]


def test_the_place_is_underlined() -> None:
    assert render("owner: ", "my home", " x", level="warning") == [
        "desired.yaml:3:5: warning[E030]: no",
        "    3 | owner: my home x",
        "      |        ^^^^^^^",
    ]


@pytest.mark.parametrize(
    ("before", "marked", "shown", "underline"),
    [
        ("进: ", "x", "进: x", "    ^"),
        ("e\u0301: ", "x", "e\u0301: x", "   ^"),
        ("👩‍👩‍👧: ", "x", "👩‍👩‍👧: x", "    ^"),
        ("\t", "x", "→   x", "    ^"),
        ("\x1b[31m", "x", "\\x1b[31mx", "        ^"),
        ("name: ", "进进", "name: 进进", "      ^^^^"),
        ("a: ", "", "a:", "   ^"),
    ],
)
def test_the_underline_is_below_wide_and_control_characters(
    before: str, marked: str, shown: str, underline: str
) -> None:
    assert render(before, marked, "")[1:] == [f"    3 | {shown}", f"      | {underline}"]


def test_a_long_line_is_cut_around_the_place() -> None:
    line, underline = render("a" * 100, "bad", "c" * 100)[1:]
    assert len(line) == 80
    assert line[8] == line[-1] == "…"
    assert line[underline.index("^") : underline.rindex("^") + 1] == "bad"
    line, underline = render("进" * 100, "x" * 100, "")[1:]
    assert max(measure_cells(line), measure_cells(underline)) <= 80
    assert line.endswith("…")


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
def test_the_line_is_cut_to_the_terminal(width: int) -> None:
    problem = Problem(make_position(3), "E030", "no", excerpt=Excerpt("a: b, " * 9, "bad", ": c" * 30))
    line, underline = [render_plain(shown) for shown in render_problems([problem], "error", width)][1:]
    assert len(line) <= min(width, 80)
    assert line[underline.index("^") : underline.rindex("^") + 1] == "bad"


def test_a_page_fits_80_columns_and_indents_its_examples() -> None:
    page = "word " * 30 + "\n\nWrong:\n\n```yaml\na: b\n\nc: d\n```\n\nRight:"
    lines = [render_plain(line) for line in render_problem_page("E030", "an unknown key", page)]
    assert lines[0] == "E030: an unknown key"
    assert max(map(len, lines)) <= 80
    assert lines[-8:] == ["Wrong:", "", "    a: b", "", "    c: d", "", "Right:", ""]


def test_the_list_of_codes() -> None:
    assert [render_plain(line) for line in render_problem_list([("E030", "an unknown key")])] == [
        "E030  an unknown key"
    ]
