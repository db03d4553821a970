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

from reconciler.desired.yaml.parser import Parser

BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what ends a line for libyaml
_BETWEEN = re.compile("(?:[ \t\r\n\x85\u2028\u2029\ufeff]|(?<![^ \t\r\n\x85\u2028\u2029])#[^\r\n\x85\u2028\u2029]*)*")
_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*")


@dataclass(slots=True)
class Piece:
    """One value: `kind` is scalar, alias, sequence or mapping; `start` and `end` are offsets in the text.

    `end` is where the last thing in it ends; a block scalar ends after its line break. `items` are the values of a
    sequence, or keys and values of a mapping in turn. `line` and `column` count from 1.
    """

    kind: str
    start: int
    end: int
    line: int
    column: int
    flow: bool = False
    text: str = ""
    anchored: bool = False
    items: list[Piece] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Piece, Piece]]:
        """Keys and values of a mapping."""
        if self.kind == "mapping":
            yield from zip(self.items[::2], self.items[1::2], strict=True)

    def get(self, name: str) -> tuple[Piece, Piece] | None:
        """The key of that name and its value, as they are written here: merged ones are not."""
        return next(((key, one) for key, one in self.pairs() if key.kind == "scalar" and key.text == name), None)

    def walk(self) -> Iterator[Piece]:
        """This value and all that is in it."""
        yield self
        for item in self.items:
            yield from item.walk()


def layout(text: str) -> list[Piece]:
    """The root of every document of a text that is known to be YAML."""
    parser: Any = Parser(text)
    roots: list[Piece] = []
    open_: list[Piece] = []
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, CollectionEndEvent):
            done = open_.pop()
            if done.flow:
                done.end = event.end_mark.index
            if open_:
                open_[-1].end = max(open_[-1].end, done.end)
        elif isinstance(event, NodeEvent):
            piece = _piece(event)
            (open_[-1].items if open_ else roots).append(piece)
            if open_:
                open_[-1].end = max(open_[-1].end, piece.end)
            if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
                open_.append(piece)
        else:
            assert isinstance(event, DocumentStartEvent) or not open_
    return roots


def _piece(event: Any) -> Piece:
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
    return Piece(
        kind,
        start.index,
        end.index if kind in ("scalar", "alias") else start.index,
        start.line + 1,
        start.column + 1,
        bool(getattr(event, "flow_style", False)),
        event.value if kind == "scalar" else "",
        event.anchor is not None,
    )


def skip(text: str, at: int) -> int:
    """The next thing from `at` on that is neither space, nor a line break, nor in a comment."""
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def after_properties(text: str, at: int) -> int:
    """Past the anchor and the tag that may stand before a value."""
    while found := _PROPERTY.match(text, at):
        at = skip(text, found.end())
    return at


def line_start(text: str, at: int) -> int:
    """Where the line of `at` begins."""
    while at and text[at - 1] not in "\n\r\x85\u2028\u2029":
        at -= 1
    return at


def line_end(text: str, at: int) -> int:
    """Where the line of `at` ends, before its line break."""
    found = BREAK.search(text, at)
    return found.start() if found else len(text)


def next_line(text: str, at: int) -> int:
    """Where the line after that of `at` begins, or the end of the text."""
    found = BREAK.search(text, at)
    return found.end() if found else len(text)


def at_line_start(text: str, at: int) -> bool:
    """Does a line begin at `at`?"""
    return at == 0 or text[at - 1] in "\n\r\x85\u2028\u2029"
