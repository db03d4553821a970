"""YAML nodes -> plain data: scalars by YAML 1.2's rules, aliases and `<<` merges resolved, positions kept.

Everything wrong with a document on this level is reported; what is wrong is left out of the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.desired.yaml.parser import IMPLICIT, position
from reconciler.model.position import Position, Problem
from reconciler.model.preferences import SECRET

Scalar = str | int | float | bool | None

WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
NUMBER_START: Final = frozenset("0123456789+-.")

_INT = re.compile(r"[-+]?[0-9]{1,400}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_OCTAL = re.compile(r"0o[0-7]{1,400}\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,400}\Z")


def plain_value(text: str) -> Scalar:
    """What an unquoted scalar means. Integers of over 400 digits are floats: Python refuses to read them."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMBER_START:
        return text
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if _OCTAL.match(text):
        return int(text[2:], 8)
    if _HEX.match(text):
        return int(text[2:], 16)
    return text


MAX_EXPANDED: Final = 1_000_000  # values that aliases may stand for in one document: 10,000 entries of 100 each
SECRET_KEYS: Final = frozenset({"password", "api_key"})
_HIDDEN: Final = SECRET_KEYS | SECRET  # below these keys nothing is quoted

_STR_TAG = "tag:yaml.org,2002:str"
_OPEN: Final = (None, -1)  # a collection that is being read


class Document:
    """One YAML document: its plain data, and where each of its values stands."""

    def __init__(self, file: str, base: Path, root: Node) -> None:
        self.file = file
        self.base = base
        self._root = root
        reader = _Reader(file)
        self.data: Any = reader.value(root)
        self.problems: list[Problem] = reader.problems

    def at(self, *loc: str | int) -> Position:
        """Where the value at `loc` begins, or the nearest thing around it that exists."""
        return position(self.file, self._find(loc)[1])

    def key_at(self, *loc: str | int) -> Position:
        """Where the key of the value at `loc` begins; a list item has none, so there it is the value."""
        return position(self.file, self._find(loc)[0])

    def text(self, *loc: str | int) -> str:
        """A scalar as it is written in the file, without quotes; "" for a list or mapping."""
        node = self._find(loc)[1]
        return str(node.value) if isinstance(node, ScalarNode) else ""

    def keys_at(self, *loc: str | int) -> dict[str, Position]:
        """Where each key of the mapping at `loc` begins."""
        keys = [key for key, _ in _pairs(self._find(loc)[1])]
        return {str(key.value): position(self.file, key) for key in reversed(keys)}  # of two, the first counts

    def items(self, key: str) -> list[Position]:
        """Where each item of the top-level list `key` begins."""
        node = self._find((key,))[1]
        return [position(self.file, item) for item in node.value] if isinstance(node, SequenceNode) else []

    def _find(self, loc: tuple[str | int, ...]) -> tuple[Node, Node]:
        key, node = self._root, self._root
        for part in loc:
            step = _step(node, part)
            if step is not None:
                key, node = step
        return key, node


def _step(node: Node, part: str | int) -> tuple[Node, Node] | None:
    """The (key, value) nodes one step down, merges included; None where there is no such thing."""
    if isinstance(node, SequenceNode):
        if isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part]
        return None
    return next(((key, value) for key, value in _pairs(node) if key.value == part), None)


def _pairs(node: Node) -> Iterator[tuple[ScalarNode, Node]]:
    """The (key, value) nodes of a mapping, then those that it merges."""
    seen: set[int] = set()  # a merge may lead back to where it began
    todo = [node]
    while todo:
        mapping = todo.pop(0)
        if not isinstance(mapping, MappingNode) or id(mapping) in seen:
            continue
        seen.add(id(mapping))
        for key, value in mapping.value:
            if _is_merge(key):
                todo += value.value if isinstance(value, SequenceNode) else [value]
            elif isinstance(key, ScalarNode) and key.ctag is IMPLICIT:  # others are no keys of the data
                yield key, value


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.value == "<<" and key.style == "" and key.ctag is IMPLICIT


class _Reader:
    """Turns the nodes of one document into plain data. A tight loop: it sees every value of every file.

    Collections are visited in the order of the text, so that an alias is met after what it stands for, and
    recursion is no deeper than the text.
    """

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._count = 0  # values seen, those behind aliases counted each time
        self._expanded = 0  # of these, the ones behind aliases
        self._too_many = False
        self._read: dict[int, tuple[Any, int]] = {}  # id of node -> its data, how many values it stands for
        self._hidden = 0  # over 0 inside of a secret, where nothing may be quoted

    def value(self, node: Node) -> Any:
        """The plain data of any node."""
        if type(node) is ScalarNode:
            if node.ctag is not IMPLICIT:
                return self._tagged(node)
            return node.value if node.style else plain_value(node.value)
        return self._shared(node)

    def _collection(self, node: Node) -> Any:
        if node.ctag is not IMPLICIT:
            self._tagged(node)
        self._count += len(node.value)
        return self._mapping(node) if type(node) is MappingNode else [self.value(item) for item in node.value]

    def _mapping(self, node: Node) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merges: list[tuple[Node, Any]] = []  # the key, for its position, and the data of what is merged
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in _HIDDEN:
                self._hidden += 1
                value = self.value(value_node)
                self._hidden -= 1
            else:
                value = self.value(value_node)
            if key is None:
                continue
            if key in data or (key == "<<" and merges):
                self._twice(node, key, key_node)
            elif key == "<<" and _is_merge(key_node):
                merges.append((key_node, value))
            else:
                data[key] = value
        for key_node, source in merges:
            self._merge(data, key_node, source)
        return data

    def _key(self, node: Node) -> str | None:
        if type(node) is not ScalarNode or node.ctag is not IMPLICIT:
            self.value(node)  # for the anchors in it
            self._problem(node, "a key must be plain text", 'Write "key: value"')
            return None
        key: str = node.value
        if node.style == "" and not isinstance(plain_value(key), str):
            shown = "" if self._hidden or not key else f': "{key}"'
            self._problem(node, "a key must be text", f"Put it in quotes{shown}")
            return None
        return key

    def _twice(self, node: Node, key: str, again: Node) -> None:
        first = next(k for k, _ in node.value if k.value == key)
        shown = "this key" if self._hidden else f'"{key}"'
        where = position(self._file, first)
        self._problem(again, f"{shown} is given twice in one mapping, first at {where}", "Keep one of the two")

    def _merge(self, data: dict[str, Any], key_node: Node, source: Any) -> None:
        """`<<`: keys of the named mapping(s) that are not given themselves; the earlier mapping wins."""
        for merged in source if isinstance(source, list) else [source]:
            if isinstance(merged, dict):
                self._count += len(merged)
                for key, value in merged.items():
                    data.setdefault(key, value)
            elif merged is not None:  # else there was a problem with it, or it says null: nothing to merge
                self._problem(key_node, '"<<" merges mappings only', 'Name the anchor of a mapping: "<<: *name"')

    def _shared(self, node: Node) -> Any:
        """A collection, which aliases may repeat: read once, counted each time, so that few lines stay few.

        The C parser does not tell which nodes have an anchor; but an alias is the very node it stands for.
        """
        known = self._read.get(id(node))
        if known is None:
            before = self._count
            self._read[id(node)] = _OPEN
            data = self._collection(node)
            self._read[id(node)] = (data, self._count - before)
            return data
        if known is _OPEN:
            self._problem(node, "this holds itself, through an alias (*) in it", "Remove the alias")
            return None
        data, size = known
        self._count += size
        self._expanded += size
        if self._expanded <= MAX_EXPANDED:
            return data
        if not self._too_many:
            self._problem(node, f"aliases (*) stand for more than {MAX_EXPANDED:,} values here", "Repeat less")
            self._too_many = True
        return None

    def _tagged(self, node: Node) -> Any:
        """Explicit text, or a problem; then the text of a scalar stands in, so that nothing seems missing."""
        if type(node) is not ScalarNode or node.tag != _STR_TAG:
            mend = "Remove it, or put text that begins with ! in quotes"
            self._problem(node, "a tag (!) means nothing here", mend)
        return node.value

    def _problem(self, node: Node, message: str, mend: str) -> None:
        self.problems.append(Problem(position(self._file, node), message, mend))
