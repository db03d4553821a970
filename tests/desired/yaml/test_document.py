"""One YAML document as plain data with positions. The messages for wrong documents are in the corpus `broken`."""

from __future__ import annotations

import pytest

from reconciler.desired.yaml.document import parse_scalar
from reconciler.model.position import Position
from tests.support.desired_yaml import list_texts, parse_document

TEXT = """\
base: &base {tags: [x], paused: true}
torrents:
  - name: "a"
  - <<: *base
    paused: false
"""


def position(line: int, column: int) -> Position:
    return Position("desired.yaml", line, column)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"),
        ("true", True), ("False", False), ("yes", "yes"), ("y", "y"), ("off", "off"),
        ("0", 0), ("-1", -1), ("+1", 1), ("0123", 123), ("0o17", 15), ("0xfF", 255),
        ("0b1", "0b1"), ("1_0", "1_0"), ("0x", "0x"), ("0o8", "0o8"), ("-0x1", "-0x1"),
        ("1.", 1.0), (".5", 0.5), ("-1.5e3", -1500.0), ("1e3", 1000.0), ("1e", "1e"),
        (".", "."), ("-", "-"), ("+", "+"), ("1 2", "1 2"), ("2024-01-01", "2024-01-01"), ("1:30", "1:30"),
        (".inf", float("inf")), ("-.INF", float("-inf")), ("inf", "inf"), ("nan", "nan"),
    ],
)  # fmt: skip
def test_yaml_1_2_scalars(text: str, value: object) -> None:
    assert parse_scalar(text) == value
    assert type(parse_scalar(text)) is type(value)


def test_an_endless_number_is_still_a_number() -> None:
    assert isinstance(parse_scalar("9" * 5000), float)


def test_a_key_overrides_what_is_merged() -> None:
    document = parse_document(TEXT)
    assert document.problems == []
    assert document.data["torrents"] == [{"name": "a"}, {"tags": ["x"], "paused": False}]


def test_a_merged_value_has_the_position_of_its_anchor() -> None:
    document = parse_document(TEXT)
    assert document.find_position("torrents", 1, "tags", 0) == position(1, 21)
    assert document.find_position("torrents", 1, "paused") == position(5, 13)
    assert document.find_key_position("torrents", 1, "paused") == position(5, 5)


def test_a_value_that_does_not_exist_has_the_position_of_what_is_around_it() -> None:
    document = parse_document(TEXT)
    assert document.find_position("torrents", 0, "category") == position(3, 5)
    assert document.find_position("torrents", 7) == position(3, 3)


def test_items_and_keys_have_their_positions_in_order() -> None:
    document = parse_document(TEXT)
    assert document.find_item_positions("torrents") == [position(3, 5), position(4, 5)]
    assert document.find_item_positions("base") == []
    assert document.find_key_positions("base") == {"paused": position(1, 25), "tags": position(1, 14)}


def test_the_text_of_a_scalar_is_as_it_is_written_without_quotes() -> None:
    document = parse_document("version: 0x1\nname: 'a''b'\ntags: [x]\n")
    assert document.data == {"version": 1, "name": "a'b", "tags": ["x"]}
    assert [document.get_text(key) for key in ("version", "name", "tags")] == ["0x1", "a'b", ""]


def test_of_a_key_that_appears_twice_the_first_counts() -> None:
    document = parse_document("a: 1\nb: 2\na: 3\n")
    assert document.data == {"a": 1, "b": 2}
    assert list_texts(document.problems) == [
        '3:1: "a" appears twice in one mapping, first at desired.yaml:1:1. Keep one of the two'
    ]


def test_below_a_secret_nothing_is_quoted() -> None:
    document = parse_document("password: {12345: x, 'hunter2': 1, 'hunter2': 2}\n")
    assert list_texts(document.problems) == [
        "1:12: a key must be text. Put it in quotes",
        "1:36: this key appears twice in one mapping, first at desired.yaml:1:22. Keep one of the two",
    ]
