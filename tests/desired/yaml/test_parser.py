"""YAML nodes from text, and libyaml's errors in plain words. Each message has a file in the corpus `broken`."""

from __future__ import annotations

import pytest

from reconciler.desired.yaml.entries import compose_nodes
from reconciler.desired.yaml.parser import MAX_DEPTH, position_of
from reconciler.model.position import Position


def problem_text(text: str) -> str:
    roots, problem = compose_nodes("a.yaml", text)
    assert roots == []
    return str(problem)


def test_each_document_has_a_root_at_its_position() -> None:
    roots, problem = compose_nodes("a.yaml", "a: 1\n---\n# b\n  - 2\n")
    assert problem is None
    assert [position_of("a.yaml", root) for root in roots] == [Position("a.yaml", 1, 1), Position("a.yaml", 4, 3)]


def test_scalars_stay_text_and_an_alias_is_its_anchor() -> None:
    (root,), problem = compose_nodes("a.yaml", "- &a [1, true]\n- *a\n")
    assert problem is None
    first, second = root.value
    assert [item.value for item in first.value] == ["1", "true"]
    assert second is first


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_a_file_of_comments_is_not_a_document(text: str) -> None:
    assert problem_text(text) == 'a.yaml:1:1: this file contains only comments. Begin it with "version: 1"'


def test_the_depth_is_limited() -> None:
    roots, problem = compose_nodes("a.yaml", "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    assert (len(roots), problem) == (1, None)
    assert "this nests more than 40 levels deep" in problem_text("[" * 500 + "]" * 500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c\n", 'a.yaml:1:5: a ":" is not expected here. Check the indentation, and put text'),
        ("a:\n\tb: 1\n", "a.yaml:2:1: a tab cannot indent YAML. Use spaces"),
        ("a: 1\nb: [1, 2\n", 'a.yaml:2:4: a list that begins with "[" is not closed. Add the "]"'),
        ("a: @b\n", "a.yaml:1:4: this character cannot begin a value. Text that begins with one of"),
        ("a: {{ b }}: c\n", "a.yaml:1:4: the placeholder {{ name }} is not filled in"),
        ("a: 1\nb: \x07\n", "a.yaml:2:4: the control character U+0007 is not allowed in YAML. Remove it"),
        ('a: "\\ud83d"\n', "a.yaml:1:5: this escape is half of a character. Write both halves"),
        ("a: &x 1\nb: &x 2\n", "a.yaml:2:4: this anchor (&) is already defined at a.yaml:1:4. Rename one of the two"),
    ],
)
def test_an_error_is_explained_at_its_cause(text: str, expected: str) -> None:
    assert problem_text(text).startswith(expected)


def test_an_error_never_quotes_the_file() -> None:
    assert "hunter2" not in problem_text("password: hunter2: x\n") + problem_text("hunter2: [hunter2\n")
