r"""Characters beyond U+FFFF as JSON writes them: "\ud83d\ude00"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.edit import parse_layout
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from tests.support.examples import run_examples

PRIVATE_USE = st.characters(min_codepoint=0xE000, max_codepoint=0xF8FF)
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\x7f")  # half a character; refused by YAML
MIXED = ANY | st.characters(min_codepoint=0x10000) | PRIVATE_USE | st.sampled_from('\\"ud8')
TEXTS = st.text(MIXED, max_size=20)  # also a key: YAML allows 1024 characters, and an escaped one takes up to twelve
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)


def read(text: str) -> Any:
    """Return the data of the only document."""
    (root,), problem = compose_nodes("f.yaml", text)
    document = YamlDocument("f.yaml", Path(), root)
    assert (problem, document.problems) == (None, [])
    return document.data


@run_examples(50, searched=1000)
@given(st.dictionaries(st.just("key"), VALUES, min_size=1))
def test_json_means_in_yaml_what_it_means_in_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=True, indent=1)
    if '"<<"' not in text:
        assert read(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "😀"),
        (r'"\uD83D\uDE00 \uD83d\ude01"', "😀 😁"),
        (r'"\\ud83d\\ude00"', r"\ud83d\ude00"),
        (r'"\\\ud83d\ude00"', "\\😀"),
        (r"'\ud83d\ude00'", r"\ud83d\ude00"),
        (r"C:\ud83d\Ude00", r"C:\ud83d\Ude00"),
        (r'C:\ud83d"\ud83d"', r'C:\ud83d"\ud83d"'),
        ('|\n  "\\ud83d\n', '"\\ud83d\n'),
        ('"\\ud83d\\ude00\ue000\\ue801"', "😀\ue000\ue801"),
        ('"a" # "\\ud83d', "a"),
        (r'"\/\b\f\n\r\t\"\\\u00e9"', '/\b\f\n\r\t"\\é'),
    ],
)
def test_halves_are_joined_in_double_quotes_only(text: str, value: str) -> None:
    assert read(f"key: {text}") == {"key": value}


def test_keys_and_aliases_have_them_too() -> None:
    assert read(r'{"\ud83d\ude00": &a ["\ud83d\ude01"], b: *a}') == {"😀": ["😁"], "b": ["😁"]}


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (r'"\ud83d"', 7),
        (r'"a\ude00"', 8),
        (r'"\ude00\ud83d"', 7),
        (r'"\ud83d \ude00"', 7),
        (r'"\ud83d\n"', 7),
        (r'"\ud83d\ud83d\ude00"', 7),
        (r'"\ud83d\ude00\ude00"', 19),
        (r'"\ud83d\\ude00"', 7),
    ],
)
def test_a_half_alone_is_reported_at_its_place(text: str, column: int) -> None:
    roots, problem = compose_nodes("f.yaml", f"# 😀\nkey: {text}\n")
    assert roots == []
    assert str(problem).startswith(f"f.yaml:2:{column}: this escape is half of a character. Write both")


def test_another_fault_is_reported_as_it_is() -> None:
    _, problem = compose_nodes("f.yaml", 'key: "\\ud83d\\ude00"\nother: "\\ud83d\\ude00')
    assert "Close the quotes" in str(problem)


def test_positions_after_them_stay_right() -> None:
    text = r'{"\ud83d\ude00": "\ud83d\ude00", key: 1}'
    (root,), _ = compose_nodes("f.yaml", text)
    assert YamlDocument("f.yaml", Path(), root).find_position("key").column == text.index("1") + 1
    (layout,) = parse_layout(text)
    assert [text[node.start : node.end] for node in layout.items[:2]] == [r'"\ud83d\ude00"'] * 2
    assert [node.text for node in layout.items] == ["😀", "😀", "key", "1"]
