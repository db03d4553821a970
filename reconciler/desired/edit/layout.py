"""Parses a YAML text into nodes with the exact offsets of every value, which editing needs.

The composed nodes of `yaml.parser` replace aliases with their anchors, and end where the next token begins. So this
module builds its nodes from the events of the same parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from reconciler.desired.yaml.parser import YamlParser
from reconciler.desired.yaml.surrogates import replace_surrogates

LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the line breaks of libyaml
_SPACE_OR_COMMENTS = re.compile(
    "(?:[ \t\r\n\x85\u2028\u2029\ufeff]|(?<![^ \t\r\n\x85\u2028\u2029])#[^\r\n\x85\u2028\u2029]*)*"
)
_NODE_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*")


@dataclass(slots=True)
class LayoutNode:
    """One value: `kind` is scalar, alias, sequence or mapping; `start` and `end` are offsets in the text.

    `end` is the end of the last value in it; a block scalar ends after its line break. `items` are the values of a
    sequence, or the alternating keys and values of a mapping. `line` and `column` count from 1.
    """

    kind: str
    start: int
    end: int
    line: int
    column: int
    is_flow: bool = False
    text: str = ""
    has_anchor: bool = False
    items: list[LayoutNode] = field(default_factory=list)

    def iter_pairs(self) -> Iterator[tuple[LayoutNode, LayoutNode]]:
        """Iterate over the keys and values of a mapping; nothing for other kinds."""
        if self.kind == "mapping":
            yield from zip(self.items[::2], self.items[1::2], strict=True)

    def get(self, name: str) -> tuple[LayoutNode, LayoutNode] | None:
        """Return the key of that name and its value, if they are written in this mapping itself, not merged."""
        pairs = self.iter_pairs()
        return next(((key, value) for key, value in pairs if key.kind == "scalar" and key.text == name), None)

    def walk(self) -> Iterator[LayoutNode]:
        """Iterate over this value and all values in it."""
        yield self
        for item in self.items:
            yield from item.walk()


def parse_layout(text: str) -> list[LayoutNode]:
    """Return the root of every document of a text that is valid YAML."""
    replaced = replace_surrogates(text)
    parser: Any = YamlParser(replaced.text)
    roots: list[LayoutNode] = []
    open_nodes: list[LayoutNode] = []
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, CollectionEndEvent):
            closed_node = open_nodes.pop()
            if closed_node.is_flow:
                closed_node.end = event.end_mark.index
            if open_nodes:
                open_nodes[-1].end = max(open_nodes[-1].end, closed_node.end)
        elif isinstance(event, NodeEvent):
            node = _node_from_event(event)
            node.text = replaced.restore(node.text)
            (open_nodes[-1].items if open_nodes else roots).append(node)
            if open_nodes:
                open_nodes[-1].end = max(open_nodes[-1].end, node.end)
            if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
                open_nodes.append(node)
        else:
            assert isinstance(event, DocumentStartEvent) or not open_nodes
    return roots


def _node_from_event(event: Any) -> LayoutNode:
    start, end = event.start_mark, event.end_mark
    match event:
        case ScalarEvent():
            kind = "scalar"
        case AliasEvent():
            kind = "alias"
        case SequenceStartEvent():
            kind = "sequence"
        case _:
            kind = "mapping"
    return LayoutNode(
        kind,
        start.index,
        end.index if kind in ("scalar", "alias") else start.index,
        start.line + 1,
        start.column + 1,
        bool(getattr(event, "flow_style", False)),
        event.value if kind == "scalar" else "",
        event.anchor is not None,
    )


def skip_space_and_comments(text: str, offset: int) -> int:
    """Return the offset of the next character from `offset` on that is not space, a line break or in a comment."""
    match = _SPACE_OR_COMMENTS.match(text, offset)
    return match.end() if match else offset


def skip_properties(text: str, offset: int) -> int:
    """Return the offset of a value after its anchor and its tag."""
    while match := _NODE_PROPERTY.match(text, offset):
        offset = skip_space_and_comments(text, match.end())
    return offset


def find_line_start(text: str, offset: int) -> int:
    """Return the start of the line of `offset`."""
    while offset and text[offset - 1] not in "\n\r\x85\u2028\u2029":
        offset -= 1
    return offset


def find_line_end(text: str, offset: int) -> int:
    """Return the end of the line of `offset`, before its line break."""
    match = LINE_BREAK.search(text, offset)
    return match.start() if match else len(text)


def find_next_line(text: str, offset: int) -> int:
    """Return the start of the line after the line of `offset`, or the end of the text."""
    match = LINE_BREAK.search(text, offset)
    return match.end() if match else len(text)


def is_line_start(text: str, offset: int) -> bool:
    """True if a line begins at `offset`."""
    return offset == 0 or text[offset - 1] in "\n\r\x85\u2028\u2029"
