"""The exact offsets of values in a text, which editing needs."""

from __future__ import annotations

import pytest

from reconciler.desired.edit import layout
from reconciler.desired.edit.layout import LayoutNode, parse_layout

TEXT = """\
version: 1  # one
torrents:
  - &film {name: "a b", tags: [x, y]}
  - *film
"""


def source(node: LayoutNode, text: str = TEXT) -> str:
    return text[node.start : node.end]


def test_values_have_the_offsets_of_their_text() -> None:
    (root,) = parse_layout(TEXT)
    pair = root.get("torrents")
    assert pair is not None
    key, torrents = pair
    film, alias = torrents.items
    assert (source(key), source(film), source(alias)) == ("torrents", '&film {name: "a b", tags: [x, y]}', "*film")
    assert source(root) == TEXT.rstrip("\n")
    assert (film.kind, film.is_flow, film.has_anchor, film.line, film.column) == ("mapping", True, True, 3, 5)
    assert (torrents.kind, torrents.is_flow, torrents.has_anchor) == ("sequence", False, False)
    assert alias.kind == "alias"


def test_a_block_scalar_ends_after_its_line_break() -> None:
    text = "name: |\n  a\n  b\nnext: 1\n"
    (root,) = parse_layout(text)
    assert source(root.items[1], text) == "|\n  a\n  b\n"
    assert root.items[1].text == "a\nb\n"


def test_each_document_has_a_root_and_a_walk_visits_every_value() -> None:
    first, second = parse_layout("a: [1, {b: 2}]\n---\nc\n")
    assert [node.text for node in first.walk() if node.kind == "scalar"] == ["a", "1", "b", "2"]
    assert (second.kind, second.text, second.line) == ("scalar", "c", 3)
    assert list(second.iter_pairs()) == []


def test_merged_keys_are_not_keys_of_the_mapping_itself() -> None:
    _, merging = parse_layout("- &a {name: x}\n- {<<: *a, tags: []}\n")[0].items
    assert merging.get("name") is None
    assert merging.get("tags") is not None


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [("  # a\n\n b", 0, 8), ("a", 0, 0), ("x # a", 1, 5), ("x#a", 1, 1), (" \r\n#é\x85c", 0, 6)],
)
def test_space_and_comments_are_skipped(text: str, offset: int, expected: int) -> None:
    assert layout.skip_space_and_comments(text, offset) == expected


@pytest.mark.parametrize(("text", "expected"), [("&a !!map {}", 9), ("!x\n  - 1", 5), ("plain", 0)])
def test_anchor_and_tag_are_skipped(text: str, expected: int) -> None:
    assert layout.skip_properties(text, 0) == expected


def test_lines_end_at_every_line_break_of_libyaml() -> None:
    text = "ab\r\ncd\u2028ef"
    assert [layout.find_line_start(text, offset) for offset in (1, 5, 9)] == [0, 4, 7]
    assert [layout.find_line_end(text, offset) for offset in (0, 4, 7)] == [2, 6, 9]
    assert [layout.find_next_line(text, offset) for offset in (0, 4, 7)] == [4, 7, 9]
    assert [layout.is_line_start(text, offset) for offset in (0, 1, 4, 6, 7)] == [True, False, True, False, True]
