"""The usual entries of `torrents`, which are read without the parser: always as the parser reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.desired.yaml.parser import EntryNode, compose_all_nodes
from tests.support.examples import run_examples

HEAD = "version: 1\ntorrents:\n"
PLAIN_LINES = "    tags: [a]\n    paused: true\n"
TEXT = r"""
version: 1
torrents:
torrents: # all
defaults: {paused: true}
x: &x {a: 1}
x: 'open
---
...
# comment
- magnet: a
  name: b
  # comment
  - magnet: magnet:?xt=urn:btih:aa&dn=b+c
  - # comment
  -
  - []
  - *x
  - name: 'open
  - tags: [open,
  - name: |
  - {name: a}
  - &y name: a
   - name: a
    magnet: a
    name: b c
    name: 1
    name: -1
    paused: true
    null: a
    <<: *x
    name: "a # b: c"
    name: 'it''s'
    name: "\ud83d\ude00\t"
    name: it's "x"
    name: a # cut
    name: a: b
    name: a:
    name: é
    tags: [a, 'b', {c: d}]
    tags: [a,
      b]
    tags:
      - a
    - b
    ]
    name: >-
      folded
    'quoted': a
    ? a
    : b
    name: !!str 1
    name: *x
    name: &y a
     name: deeper
    open'
  ]
    a: {<<: {b: 1}, c: 1, c: 2}
    name:a
      # comment

"""
LINES = [
    *TEXT.splitlines(keepends=True),
    *("    name: a\u2028b\n", "    name: a\xa0b\n", "    name: a\r\n", "    name: \x07\n", "    # \x07\n", "\t\n"),
    *("    name: a \n", "  - \n"),
    *("  - magnet: a\n    tags: [b]\n", "  - # a\n    # b\n    magnet: a\n\n", "- name: a\n  tags: [b]\n"),
    *("---\nversion: 1\ntorrents:\n  - magnet: a\n", "torrents:\n- name: a\n", "  - # \x07\n    name: a\n"),
]


def describe(node: Any) -> Any:
    """A node and all in it, with their positions. Where a block ends is not compared: nothing is there."""
    start, end = ((mark.line, mark.column, mark.index) for mark in (node.start_mark, node.end_mark))
    if isinstance(node, ScalarNode):
        return start, end, node.ctag, node.value, node.style
    parts = [part for child in node.value for part in (child if isinstance(node, MappingNode) else (child,))]
    return start, isinstance(node, MappingNode), node.ctag, bool(node.flow_style), list(map(describe, parts))


def read_documents(roots: list[Node], text: str) -> list[Any]:
    documents = [YamlDocument("", Path(), root, text) for root in roots]
    return [(document.data, document.problems, document.find_item_positions("torrents")) for document in documents]


def count_entries(text: str) -> int:
    """The number of entries that are read without the parser, all of them as the parser reads them."""
    composed, expected = compose_nodes("", text), compose_all_nodes("", text)
    assert composed[1] == expected[1]
    assert read_documents(composed[0], text) == read_documents(expected[0], text)
    assert [describe(root) for root in composed[0]] == [describe(root) for root in expected[0]]
    lists = [value.value for root in composed[0] if isinstance(root, MappingNode) for _, value in root.value]
    return sum(isinstance(item, EntryNode) for items in lists for item in items)


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ("  - magnet: magnet:?xt=urn:btih:aa&dn=b\n    tags: [a, b]\n    paused: true\n  - magnet: b\n", 2),
        ("- magnet: a\n- magnet: b\n\n# the rest\n\n- magnet: c\npolicy: sync\n", 3),
        ('  - # as an import writes it\n    magnet: a\n    name: "It\'s"\n', 1),
        ("  - magnet: a\n    tags:\n      - b\n      - c\n    files:\n    - match: '*'\n      priority: skip\n", 1),
        ("  - magnet: a\n    comment: |\n      two\n\n      lines\n  - magnet: b\n", 2),
        ("  - magnet: a\n  - {magnet: b}\n  - magnet: c\n    magnet: d\n  - magnet: e\n", 2),
        ("  - magnet: a\n    tags: &tags [b]\n  - magnet: c\n    tags: *tags\n  - magnet: d\n", 1),
        ("  - magnet: a\n    name: 'open\n  - magnet: b\n    ', c: d\n", 0),
        ("  - magnet: a\n    tags: [open,\n  - magnet: b\n    ]\n", 0),
        ("  - magnet: a\n    name: b\n     c: d\n  - magnet: e\n", 0),
        ("  - magnet: a\n  - magnet: b\n    name: >+\n      c", 1),
        ("  - magnet: a\n  - # two\n    # comments\n    magnet: b\n  - # tab\t\n    magnet: c\n  - magnet: d\n", 3),
        ("  - magnet: a\n    name: |+\n\n    \n  - magnet: b\n    name: |+\n\n    \npolicy: sync\n", 2),
        ("  - magnet: a\n  - magnet: b\n  - &x\n    magnet: c\n  - magnet: d\npolicy: sync\nguard: *x\n", 3),
        ("  - magnet: a\n---\ntorrents:\n  - magnet: b\n  - magnet: c\nguard: {x: 1}\n---\ntorrents:\n- name: d\n", 4),
        (f"  - magnet: a\n    name: b\n{PLAIN_LINES}  - magnet: c\n    name: d\n{PLAIN_LINES}", 2),
        (f"  - magnet: a\n    name: b\n{PLAIN_LINES}  - magnet: c\n    paused: true\n{PLAIN_LINES}", 1),
        (f"  - magnet: a\n    name: b\n{PLAIN_LINES}  - magnet: c\n    name: *x\n{PLAIN_LINES}", 0),
        (f"  - magnet: a\n    name:\n      b\n{PLAIN_LINES}  - magnet: c\n    name: 'd\n\n     e'\n{PLAIN_LINES}", 2),
        ("\n# all of them\n  # and more\n  - magnet: a\n  # one\n  - magnet: b\n", 2),
        (f"  - magnet: a\n    tags: {'[' * 37}{']' * 37}\n", 1),
        (f"  - magnet: a\n    tags: {'[' * 38}{']' * 38}\n", 0),
    ],
)
def test_entries_are_read_as_the_parser_reads_them(entries: str, count: int) -> None:
    assert count_entries(HEAD + entries) == count


@pytest.mark.parametrize(
    "behind", [" ", " # all", "  #", " #\r", " # a\r  - magnet: c", " # all\n\n  # of them", "\n#- a"]
)
def test_comments_may_stand_before_the_first_entry(behind: str) -> None:
    assert count_entries(f"version: 1\ntorrents:{behind}\n  - magnet: a\n  - magnet: b\n") == 2


@pytest.mark.parametrize("behind", ["# all", " a # all", " 'a", " |"])
def test_what_else_stands_before_the_first_entry_is_for_the_parser(behind: str) -> None:
    assert count_entries(f"version: 1\ntorrents:{behind}\n  - magnet: a\n  - magnet: b\n") == 0


def test_a_list_in_a_text_is_no_list() -> None:
    assert count_entries("version: 1\nx: 'a\ntorrents:\n  - magnet: b'\n") == 0


def test_equal_lines_share_their_value() -> None:
    entries = "".join(f"  - magnet: {name}\n    tags: [x]\n" for name in "abc")
    (root,), _ = compose_nodes("", HEAD + entries)
    first, second, _ = YamlDocument("", Path(), root).data["torrents"]
    assert first["tags"] is second["tags"]


@run_examples(150)
@given(lines=st.lists(st.sampled_from(LINES), max_size=12), head=st.sampled_from(["", HEAD]), cut=st.integers(0, 3))
def test_any_lines_are_read_as_the_parser_reads_them(lines: list[str], head: str, cut: int) -> None:
    text = head + "".join(lines)
    count_entries(text[: len(text) - cut])
