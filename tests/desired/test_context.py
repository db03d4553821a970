"""The problems and warnings of one load."""

from __future__ import annotations

import pytest

from reconciler.desired.context import DesiredStateError, InvalidValue, LoadContext
from reconciler.model.position import Position, Problem

FIRST, SECOND = Position("a.yaml", 2, 1), Position("a.yaml", 10, 1)


@pytest.mark.parametrize("requires_secrets", [True, False])
def test_what_this_machine_lacks_is_a_warning_unless_secrets_are_required(requires_secrets: bool) -> None:
    context = LoadContext({}, requires_secrets=requires_secrets)
    context.add_missing(FIRST, "E030", "there is no such file", "Check the path")
    missing = [Problem(FIRST, "E030", "there is no such file", "Check the path")]
    assert (context.problems, context.warnings) == ((missing, []) if requires_secrets else ([], missing))


def test_a_warning_is_no_problem() -> None:
    context = LoadContext({})
    context.add_warning(FIRST, "E030", "anyone can read it")
    assert not context.has_problem_at(FIRST)
    context.add_problem(FIRST, "E030", "this server does not answer")
    assert context.has_problem_at(FIRST) and not context.has_problem_at(SECOND)
    assert context.problems == [Problem(FIRST, "E030", "this server does not answer")]


def test_the_environment_is_never_shown() -> None:
    assert "hunter2" not in repr(LoadContext({"PASSWORD": "hunter2"}))


def test_an_error_lists_each_problem_once_in_the_order_of_the_file() -> None:
    late, early = Problem(SECOND, "E030", "late", "Fix it"), Problem(FIRST, "E030", "early")
    error = DesiredStateError([late, early, late], ["b", "a", "b"])
    assert error.problems == (early, late)
    assert error.files == ("b", "a")
    assert str(error) == "a.yaml:2:1: early\na.yaml:10:1: late. Fix it"


def test_an_invalid_value_has_a_message_and_a_hint() -> None:
    error = InvalidValue("E030", "it is empty", "Fill it in")
    assert (str(error), error.message, error.hint) == ("it is empty", "it is empty", "Fill it in")
    assert InvalidValue("E030", "it is empty").hint == ""
