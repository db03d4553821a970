"""Positions in files and problems: their text and their order."""

from __future__ import annotations

from reconciler.model.position import Position, Problem


def test_a_position_reads_like_that_of_a_compiler() -> None:
    assert str(Position("desired.yaml", 12, 3)) == "desired.yaml:12:3"


def test_positions_are_ordered_by_file_line_and_column_as_numbers() -> None:
    positions = [Position("b", 1, 1), Position("a", 10, 1), Position("a", 2, 30), Position("a", 2, 4)]
    assert sorted(positions) == [Position("a", 2, 4), Position("a", 2, 30), Position("a", 10, 1), Position("b", 1, 1)]


def test_a_problem_ends_with_its_hint() -> None:
    problem = Problem(Position("desired.yaml", 1, 2), "E030", "the value is no text", "Put it in quotes")
    assert str(problem) == "desired.yaml:1:2: the value is no text. Put it in quotes"


def test_a_problem_without_a_hint_has_no_full_stop() -> None:
    assert str(Problem(Position("desired.yaml", 1, 2), "E030", "the value is no text")) == (
        "desired.yaml:1:2: the value is no text"
    )


def test_problems_are_ordered_by_position_before_their_text() -> None:
    first, second = Problem(Position("a", 1, 1), "E030", "z"), Problem(Position("a", 2, 1), "E030", "a")
    assert sorted([second, first]) == [first, second]
