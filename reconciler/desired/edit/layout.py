"""A text → where everything in it stands, down to the character: what surgery needs and nodes do not tell.

Nodes hide aliases and end where the next token begins. The events of the same parser know better.
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

LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what ends a line for libyaml
_SPACE_OR_COMMENTS = re.compile(
    "(?:[ \t\r\n\x85\u2028\u2029\ufeff]|(?<![^ \t\r\n\x85\u2028\u2029])#[^\r\n\x85\u2028\u2029]*)*"
)
_NODE_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*")


@dataclass(slots=True)
class LayoutNode:
    """One value: `kind` is scalar, alias, sequence or mapping; `start` and `end` are offsets in the text.

    `end` is where the last thing in it ends; a block scalar ends after its line break. `items` are the values of a
    sequence, or keys and values of a mapping in turn. `line` and `column` count from 1.
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
        """Keys and values of a mapping."""
        if self.kind == "mapping":
            yield from zip(self.items[::2], self.items[1::2], strict=True)

    def get(self, name: str) -> tuple[LayoutNode, LayoutNode] | None:
        """The key of that name and its value, as they are written here: merged ones are not."""
        return next(((key, one) for key, one in self.iter_pairs() if key.kind == "scalar" and key.text == name), None)

    def walk(self) -> Iterator[LayoutNode]:
        """This value and all that is in it."""
        yield self
        for item in self.items:
            yield from item.walk()


def parse_layout(text: str) -> list[LayoutNode]:
    """The root of every document of a text that is known to be YAML."""
    parser: Any = YamlParser(text)
    roots: list[LayoutNode] = []
    open_: list[LayoutNode] = []
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, CollectionEndEvent):
            done = open_.pop()
            if done.is_flow:
                done.end = event.end_mark.index
            if open_:
                open_[-1].end = max(open_[-1].end, done.end)
        elif isinstance(event, NodeEvent):
            piece = _node_from_event(event)
            (open_[-1].items if open_ else roots).append(piece)
            if open_:
                open_[-1].end = max(open_[-1].end, piece.end)
            if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
                open_.append(piece)
        else:
            assert isinstance(event, DocumentStartEvent) or not open_
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
    """The next thing from `at` on that is neither space, nor a line break, nor in a comment."""
    found = _SPACE_OR_COMMENTS.match(text, offset)
    return found.end() if found else offset


def skip_properties(text: str, offset: int) -> int:
    """Past the anchor and the tag that may stand before a value."""
    while found := _NODE_PROPERTY.match(text, offset):
        offset = skip_space_and_comments(text, found.end())
    return offset


def find_line_start(text: str, offset: int) -> int:
    """Where the line of `at` begins."""
    while offset and text[offset - 1] not in "\n\r\x85\u2028\u2029":
        offset -= 1
    return offset


def find_line_end(text: str, offset: int) -> int:
    """Where the line of `at` ends, before its line break."""
    found = LINE_BREAK.search(text, offset)
    return found.start() if found else len(text)


def find_next_line(text: str, offset: int) -> int:
    """Where the line after that of `at` begins, or the end of the text."""
    found = LINE_BREAK.search(text, offset)
    return found.end() if found else len(text)


def is_line_start(text: str, offset: int) -> bool:
    """Does a line begin at `at`?"""
    return offset == 0 or text[offset - 1] in "\n\r\x85\u2028\u2029"
