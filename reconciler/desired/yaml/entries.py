"""Composes nodes from text, the usual entries of `torrents` without the parser.

Thousands of entries repeat the same few lines. Each line is read once, and the parser gets an outline of the text, with
`~` and spaces in the place of each entry. If each `~` is an item of the list there, the text means what was read.
Otherwise the parser reads the whole text.

See docs/decisions/0131-usual-entries-are-read-without-the-parser.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.desired.yaml.document import SCALAR_WORDS, NodeReader, parse_scalar
from reconciler.desired.yaml.parser import EntryNode, compose_all_nodes
from reconciler.model.position import Problem

_LIST_KEY: Final = "torrents"
_LIST_START: Final = re.compile(rf"^{_LIST_KEY}:\n( *)- ", re.MULTILINE)
_LINE: Final = re.compile(
    r"([a-z_]+): (?:([A-Za-z0-9/][^\n]*)|\"([^\"\\\n]*)\"|'([^'\n]*)')"  # plain, or in quotes without an escape
    r"(?:\n *(?:#[^\n]*)?)*"  # blank lines and comments after it
)
_ANCHOR_OR_TAG: Final = re.compile(r"[&!\r\x85\u2028\u2029]")  # or a line break that is not counted here
_BLANK: Final = "~"
_MAX_CACHED_LINES: Final = 4096
_DEPTH: Final = 2  # the document and its list


def compose_nodes(file: str, text: str) -> tuple[list[Node], Problem | None]:
    """Return the root node of every document in `text`; no nodes and a problem where it is not YAML."""
    entries = _find_entries(text)
    if entries:
        roots, problem = compose_all_nodes(file, _blank_entries(text, entries))
        if problem is None and _insert_entries(roots, text, entries):
            return roots, None
    return compose_all_nodes(file, text)


_Entries = dict[int, tuple[int, dict[str, Any]]]
"""The end and the data of each entry, by the offset of its first key."""


def _find_entries(text: str) -> _Entries:
    match = _LIST_START.search(text)
    if match is None:
        return {}
    indent = match[1]
    dash = f"\n{indent}- "
    reader = _EntryReader(len(indent) + 2)
    foreign_line = re.compile(rf"^(?!{indent}[ -]| *(?:#|$))", re.MULTILINE).search(text, match.start(1))
    offset = match.end()
    chunks = text[offset : foreign_line.start() if foreign_line else None].split(dash)
    last = chunks.pop()
    if last.endswith("\n"):  # otherwise a text in it may have another value
        chunks.append(last[:-1])
    entries: _Entries = {}
    for chunk in chunks:
        start = reader.find_first_key(chunk) if chunk.startswith("#") else 0
        if data := reader.read_entry(chunk[start:]):
            entries[offset + start] = offset + len(chunk) + 1, data
        offset += len(chunk) + len(dash)
    return entries


class _EntryReader:
    """Reads entries whose keys are in the same column."""

    def __init__(self, column: int) -> None:
        self._indent = " " * column
        self._next_key = re.compile(rf"\n{self._indent}(?=[a-z])")
        self._cache: dict[str, tuple[str, Any]] = {}

    def find_first_key(self, chunk: str) -> int:
        """Return the offset of the first key of an entry that begins with a comment, as an import writes it."""
        second_line = chunk.find("\n") + 1
        return second_line + len(self._indent) if second_line and chunk.startswith(self._indent, second_line) else 0

    def read_entry(self, text: str) -> dict[str, Any] | None:
        """Return the data of an entry; None for one that is left to the parser."""
        data: dict[str, Any] = {}
        lines = self._next_key.split(text)
        for line in lines:
            pair = self._cache.get(line) or self._read_pair(line)
            if pair is None:
                return None
            data[pair[0]] = pair[1]
        return data if len(data) == len(lines) else None  # otherwise a key is there twice

    def _read_pair(self, text: str) -> tuple[str, Any] | None:
        """Return a key and its value, from one line or more; None where only its surroundings say what it means."""
        pair = _read_line(text) or self._parse_pair(text)
        if pair:
            if len(self._cache) == _MAX_CACHED_LINES:  # most of them are links, which do not repeat
                self._cache.clear()
            self._cache[text] = pair
        return pair

    def _parse_pair(self, text: str) -> tuple[str, Any] | None:
        if not text[:1].islower() or _ANCHOR_OR_TAG.search(text):
            return None
        roots, problem = compose_all_nodes("", f"{self._indent}{text}\n", depth=_DEPTH)
        if problem or len(roots) != 1 or not isinstance(roots[0], MappingNode):
            return None
        reader = NodeReader("")
        pairs = list(reader.read_value(roots[0]).items())
        return pairs[0] if len(pairs) == 1 and not reader.problems else None


def _read_line(text: str) -> tuple[str, Any] | None:
    """Return the key and the value of a line without anything special."""
    match = _LINE.fullmatch(text)
    if match is None or match[1] in SCALAR_WORDS or not (text.isprintable() or text.replace("\n", "").isprintable()):
        return None
    key, plain, *quoted = match.groups()
    if plain is None:
        return key, quoted[0] if quoted[1] is None else quoted[1]
    if ": " in plain or " #" in plain or plain[-1] in ": ":
        return None
    return key, parse_scalar(plain)


def _blank_entries(text: str, entries: _Entries) -> str:
    """Return the text, as long as it is and with its lines, with a scalar in the place of each entry."""
    parts = []
    previous_end = 0
    for start, (end, _) in entries.items():
        lines = text[start + 1 : end].split("\n")
        parts += [text[previous_end:start], _BLANK, "\n".join([" " * len(line) for line in lines])]
        previous_end = end
    return "".join([*parts, text[previous_end:]])


def _insert_entries(roots: list[Node], text: str, entries: _Entries) -> bool:
    """Put the entries into the outline. Return False if one of them is not an item of the list there."""
    count = 0
    for items in _iter_lists(roots):
        for number, item in enumerate(items):
            if type(item) is ScalarNode and item.value == _BLANK and (entry := entries.get(item.start_mark.index)):
                end, data = entry
                items[number] = EntryNode(data, item, end, text)
                count += 1
    return count == len(entries)


def _iter_lists(roots: list[Node]) -> Iterator[list[Node]]:
    for root in roots:
        for key, value in root.value if isinstance(root, MappingNode) else ():
            if isinstance(key, ScalarNode) and key.value == _LIST_KEY and isinstance(value, SequenceNode):
                yield value.value
