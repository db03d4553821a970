"""Composes nodes from text, the usual entries of `torrents` without the parser.

Thousands of entries repeat the same few lines. What repeats is read once, and the parser gets an outline of the text,
in which one `~` stands for all entries that follow each other. If each `~` is an item of the list there, the text means
what was read. Otherwise the parser reads the whole text.

See docs/decisions/0131-usual-entries-are-read-without-the-parser.md.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from ruamel.yaml.error import StreamMark
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.desired.yaml.document import SCALAR_WORDS, NodeReader, parse_scalar
from reconciler.desired.yaml.parser import EntryNode, compose_all_nodes, iter_children
from reconciler.model.position import Problem

_Value = TypeVar("_Value")
_EntryData = tuple[dict[str, Any], dict[str, Any] | None]
"""The data of an entry, and what of it follows the first key: one object for all entries in which that is the same."""

_LIST_KEY: Final = "torrents"
_LIST_START: Final = re.compile(rf"^{_LIST_KEY}:(?: *| +#[^\n]*)\n(?: *(?:#[^\n]*)?\n)*( *)- ", re.MULTILINE)
_LINE: Final = re.compile(
    r"([a-z_]+): (?:([A-Za-z0-9/][^\n]*)|\"([^\"\\\n]*)\"|'([^'\n]*)')"  # plain, or in quotes without an escape
    r"(?:\n *(?:#[^\n]*)?)*"  # blank lines and comments after it
)
_LINK: Final = re.compile(r"(magnet|torrent): ([a-z]+:[!-~]*[!-9;-~])")  # the usual line of an entry, found faster
_ANCHOR_OR_TAG: Final = re.compile(r"[&!\r\x85\u2028\u2029]")  # or a line break that is not counted here
_STAND_IN: Final = "~"
_MAX_CACHED_TEXTS: Final = 4096
_DEPTH: Final = 2  # the document and its list
_NO_VALUES: Final[dict[str, Any]] = {}


def compose_nodes(file: str, text: str) -> tuple[list[Node], Problem | None]:
    """Return the root node of every document in `text`; no nodes and a problem where it is not YAML."""
    runs = _find_runs(text)
    if runs:
        outline = _Outline(text, runs)
        roots, problem = compose_all_nodes(file, outline.text)
        if problem is None and outline.insert_entries(roots):
            return roots, None
    return compose_all_nodes(file, text)


_Run = list[EntryNode]
"""Entries of a list that follow each other. Until the outline is read, only their distances in lines are known."""


def _find_runs(text: str) -> list[_Run]:
    runs: list[_Run] = []
    readers: dict[str, _EntryReader] = {}
    end = 0
    while match := _LIST_START.search(text, end):
        indent = match[1]
        foreign_line = re.compile(rf"\n(?!{indent}[ -]| *(?:#|\n|\Z))").search(text, match.start(1))
        end = foreign_line.start() + 1 if foreign_line else len(text)
        if indent not in readers:
            readers[indent] = _EntryReader(indent)
        runs += readers[indent].read_list(text, match.end(), end)
    return runs


class _EntryReader:
    """Reads the entries of lists that are indented equally."""

    def __init__(self, indent: str) -> None:
        self._dash = f"\n{indent}- "
        self._column = len(indent) + 2
        self._line_start = "\n" + " " * self._column
        self._next_key = re.compile(rf"{self._line_start}(?=[a-z])")
        self._comments = re.compile(rf"(?:#[^\n]*{self._line_start})+")
        self._values: dict[str, dict[str, Any]] = {"": _NO_VALUES}  # by the lines after the first
        self._pairs: dict[str, tuple[str, Any]] = {}

    def read_list(self, text: str, start: int, end: int) -> list[_Run]:
        """Return the entries from the first one, at the offset `start`, except entries for the parser."""
        runs: list[_Run] = []
        run: _Run | None = None  # that is open
        line = 0
        known_values, line_start, column = self._values, self._line_start, self._column
        for offset, chunk in self._iter_chunks(text, start, end):
            stop = offset + len(chunk) + 1
            key_line = line
            first, _, others = chunk.partition(line_start)
            values = known_values.get(others)
            data: dict[str, Any] | None
            if values is not None and (link := _LINK.fullmatch(first)) and link[1] not in values:
                data = {link[1]: link[2], **values}  # as for thousands of entries
            else:
                if chunk.startswith("#") and (comments := self._find_first_key(chunk)):
                    offset += comments
                    key_line += chunk.count("\n", 0, comments)
                data, values = self._read_entry(text[offset : stop - 1]) or (None, None)
            if data is None:
                run = None
            else:
                if run is None:
                    runs.append(run := [])
                run.append(EntryNode(data, values, text, offset, stop, key_line, column))
            line += chunk.count("\n") + 1
        return runs

    def _iter_chunks(self, text: str, offset: int, end: int) -> Iterator[tuple[int, str]]:
        """Iterate over the texts of all entries, from dash to dash, and their offsets."""
        while (dash := text.find(self._dash, offset, end)) >= 0:
            yield offset, text[offset:dash]
            offset = dash + len(self._dash)
        if text.endswith("\n", offset, end):  # otherwise a text in it may have another value
            yield offset, text[offset : end - 1]

    def _find_first_key(self, chunk: str) -> int:
        """Return the offset of the first key of an entry that begins with comments, as an import writes them."""
        comments = self._comments.match(chunk)
        return comments.end() if comments and comments[0].replace("\n", "").isprintable() else 0

    def _read_entry(self, text: str) -> _EntryData | None:
        """Return the data of an entry; None for one that is left to the parser.

        Usually its first line is a link that no other entry has, and many entries have the same other lines.
        """
        first, separator, others = text.partition(self._line_start)
        values = self._values.get(others) if others else _NO_VALUES
        if separator and not "a" <= others[:1] <= "z":  # the first value has more lines
            data = self._read_lines(text)
            return (data, None) if data else None
        if values is None and (values := self._read_values(others)) is None:
            return None
        pair = _read_line(first) or self._read_pair(first)
        if pair is None or pair[0] in values:
            return None
        return {pair[0]: pair[1], **values}, values

    def _read_values(self, text: str) -> dict[str, Any] | None:
        """Return the data of the lines after the first, which are new; None where they are for the parser.

        Often the first of them is a name that no other entry has, and many entries have the same lines after that.
        """
        first, _, others = text.partition(self._line_start)
        if "a" <= others[:1] <= "z":
            if (values := self._values.get(others)) is None and (values := self._read_lines(others)):
                _put_into_cache(self._values, others, values)
            pair = _read_line(first) or self._read_pair(first)
            if not values or pair is None or pair[0] in values:
                return None
            values = {pair[0]: pair[1], **values}
        else:
            values = self._read_lines(text)
        if values:
            _put_into_cache(self._values, text, values)
        return values

    def _read_lines(self, text: str) -> dict[str, Any] | None:
        data: dict[str, Any] = {}
        lines = self._next_key.split(text)
        for line in lines:
            pair = self._read_pair(line)
            if pair is None:
                return None
            data[pair[0]] = pair[1]
        return data if len(data) == len(lines) else None  # otherwise a key is there twice

    def _read_pair(self, text: str) -> tuple[str, Any] | None:
        """Return a key and its value, from one line or more; None where only its surroundings say what it means."""
        pair = self._pairs.get(text)
        if pair is None and (pair := _read_line(text) or self._parse_pair(text)):
            _put_into_cache(self._pairs, text, pair)
        return pair

    def _parse_pair(self, text: str) -> tuple[str, Any] | None:
        if not text[:1].islower() or _ANCHOR_OR_TAG.search(text):
            return None
        roots, problem = compose_all_nodes("", f"{self._line_start[1:]}{text}\n", depth=_DEPTH)
        if problem or len(roots) != 1 or not isinstance(roots[0], MappingNode):
            return None
        reader = NodeReader("")
        pairs = list(reader.read_value(roots[0]).items())
        return pairs[0] if len(pairs) == 1 and not reader.problems else None


def _put_into_cache(cache: dict[str, _Value], text: str, value: _Value) -> None:
    if len(cache) == _MAX_CACHED_TEXTS:  # most of them are texts that do not repeat
        cache.clear()
    cache[text] = value


def _read_line(text: str) -> tuple[str, Any] | None:
    """Return the key and the value of a line without anything special."""
    if link := _LINK.fullmatch(text):
        return link[1], link[2]
    match = _LINE.fullmatch(text)
    if match is None or match[1] in SCALAR_WORDS or not (text.isprintable() or text.replace("\n", "").isprintable()):
        return None
    key, plain, *quoted = match.groups()
    if plain is None:
        return key, quoted[0] if quoted[1] is None else quoted[1]
    if ": " in plain or " #" in plain or plain[-1] in ": ":
        return None
    return key, parse_scalar(plain)


class _Outline:
    """A text with one scalar in the place of each run, for the parser."""

    def __init__(self, text: str, runs: Sequence[_Run]) -> None:
        self._offsets: list[int] = []  # of the scalars
        self._shifts = [(0, 0)]  # the characters and lines that the outline lacks, before and after each scalar
        parts: list[str] = []
        end = characters = lines = 0
        for run in runs:
            start = run[0].start
            parts += text[end:start], f"{_STAND_IN}\n"
            self._offsets.append(start - characters)
            end = run[-1].end
            characters += end - start - len(parts[-1])
            lines += text.count("\n", start, end) - 1
            self._shifts.append((characters, lines))
        self._runs = dict(zip(self._offsets, runs, strict=True))
        self.text = "".join([*parts, text[end:]])

    def insert_entries(self, roots: list[Node]) -> bool:
        """Put the entries into the nodes of the outline. Return False if a run is not in its list there."""
        count = 0
        for items in _iter_lists(roots):
            expanded_items: list[Node] = []
            for item in items:
                if run := self._find_run(item):
                    expanded_items += self._place_entries(run, item.start_mark)
                    count += 1
                else:
                    expanded_items.append(item)
            items[:] = expanded_items
        if count != len(self._runs):
            return False
        self._move_nodes(roots)
        return True

    def _find_run(self, item: Node) -> _Run | None:
        is_stand_in = type(item) is ScalarNode and item.value == _STAND_IN
        return self._runs.get(item.start_mark.index) if is_stand_in else None

    def _place_entries(self, run: _Run, start: StreamMark) -> _Run:
        lines = self._move_mark(start).line - run[0].line
        for entry in run:
            entry.line += lines
        return run

    def _move_nodes(self, roots: list[Node]) -> None:
        """Move all nodes of the parser down to where they are in the text."""
        nodes = list(roots)
        visited_ids = set()
        while nodes:
            node = nodes.pop()
            if id(node) in visited_ids or type(node) is EntryNode:
                continue
            visited_ids.add(id(node))
            node.start_mark, node.end_mark = self._move_mark(node.start_mark), self._move_mark(node.end_mark)
            nodes += iter_children(node)

    def _move_mark(self, mark: StreamMark) -> StreamMark:
        characters, lines = self._shifts[bisect_left(self._offsets, mark.index)]
        return StreamMark(mark.name, mark.index + characters, mark.line + lines, mark.column) if characters else mark


def _iter_lists(roots: list[Node]) -> Iterator[list[Node]]:
    for root in roots:
        for key, value in root.value if isinstance(root, MappingNode) else ():
            if isinstance(key, ScalarNode) and key.value == _LIST_KEY and isinstance(value, SequenceNode):
                yield value.value
