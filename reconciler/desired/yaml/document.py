"""One YAML document as plain data, with the position of each value.

Scalars are read by the rules of YAML 1.2; aliases and `<<` merges are resolved. Everything wrong with a document on
this level becomes a problem, and the wrong value is left out of the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.desired.yaml.parser import IMPLICIT_TAG, EntryNode, position_of
from reconciler.model.codes import Code
from reconciler.model.position import Position, Problem
from reconciler.model.preferences import SECRET_PREFERENCES

Loc = tuple[str | int, ...]
"""The keys and indexes that lead from the root of a document to a value."""
Scalar = str | int | float | bool | None

MAX_ALIAS_VALUES: Final = 1_000_000  # values that aliases may stand for in one document: 10,000 entries of 100 each
MAX_YAML_PROBLEMS: Final = 1000  # of one document
SECRET_KEYS: Final = frozenset({"password", "api_key"})
HEADERS_KEY: Final = "headers"  # of an instance: each value in it is a secret
REFERENCE_KEYS: Final = SECRET_KEYS | {"url", "username"}  # of an instance: they may be {env: NAME} or {file: PATH}
EXTENSION_PREFIX: Final = "x-"  # of top-level keys that hold anchors and mean nothing themselves
_UNQUOTABLE_KEYS: Final = (
    SECRET_KEYS | SECRET_PREFERENCES | {HEADERS_KEY}
)  # nothing below these keys is quoted in a message
_STR_TAG = "tag:yaml.org,2002:str"
_SECRET_TAGS: Final = ("!secret", "!env", "!ENV", "!vault")  # of Home Assistant, Recyclarr, Ansible and others
_IN_PROGRESS: Final = (None, -1)  # a collection that is being read


class TooManyAliases(Exception):
    """The aliases of a document stand for too many values to read it; `problem` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class YamlDocument:
    """One YAML document: its plain data, and the position of each value.

    `file` is the name that positions show; paths in the document are relative to the folder `base`; `text` is the text
    of the file. Raises `TooManyAliases`.
    """

    def __init__(self, file: str, base: Path, root: Node, text: str = "") -> None:
        self.file = file
        self.base = base
        self.root = root
        self.text = text
        reader = NodeReader(file)
        self.data: Any = reader.read_value(root)
        self.problems: list[Problem] = reader.problems

    def find_position(self, *loc: str | int) -> Position:
        """Return the start of the value at `loc`, or of the innermost value around it that exists."""
        return position_of(self.file, self.find_nodes(loc)[1])

    def find_key_position(self, *loc: str | int) -> Position:
        """Return the start of the key of the value at `loc`; of the value itself where it is a list item."""
        return position_of(self.file, self.find_nodes(loc)[0])

    def get_text(self, *loc: str | int) -> str:
        """Return a scalar as it is written in the file, without quotes; "" for a list or mapping."""
        node = self.find_nodes(loc)[1]
        return str(node.value) if isinstance(node, ScalarNode) else ""

    def find_key_positions(self, *loc: str | int) -> dict[str, Position]:
        """Return the start of each key of the mapping at `loc`."""
        keys = [key for key, _ in _iter_pairs(self.find_nodes(loc)[1])]
        return {str(key.value): position_of(self.file, key) for key in reversed(keys)}  # the first of duplicates counts

    def find_item_positions(self, key: str) -> list[Position]:
        """Return the start of each item of the top-level list `key`."""
        return [position_of(self.file, item) for item in self.list_item_nodes(key)]

    def list_item_nodes(self, key: str) -> Sequence[Node]:
        """Return the nodes of the items of the top-level list `key`."""
        node = self.find_nodes((key,))[1]
        return node.value if isinstance(node, SequenceNode) else ()

    def find_nodes(self, loc: Loc) -> tuple[Node, Node]:
        """Return the (key, value) nodes at `loc`."""
        key, node = self.root, self.root
        for key_or_index in loc:
            step = _find_child(node, key_or_index)
            if step is not None:
                key, node = step
        return key, node


def _find_child(node: Node, key_or_index: str | int) -> tuple[Node, Node] | None:
    """Return the (key, value) nodes one step down, merges included; None where there are none."""
    if isinstance(node, SequenceNode):
        if isinstance(key_or_index, int) and key_or_index < len(node.value):
            return node.value[key_or_index], node.value[key_or_index]
        return None
    return next(((key, value) for key, value in _iter_pairs(node) if key.value == key_or_index), None)


def _iter_pairs(node: Node) -> Iterator[tuple[ScalarNode, Node]]:
    """Iterate over the (key, value) nodes of a mapping, then of the mappings that it merges."""
    visited_ids: set[int] = set()  # a merge may contain itself
    todo = [node]
    while todo:
        mapping = todo.pop(0)
        if not isinstance(mapping, MappingNode) or id(mapping) in visited_ids:
            continue
        visited_ids.add(id(mapping))
        for key, value in mapping.value:
            if is_merge(key):
                todo += value.value if isinstance(value, SequenceNode) else [value]
            elif isinstance(key, ScalarNode) and key.ctag is IMPLICIT_TAG:  # other keys are not in the data
                yield key, value


def is_merge(key: Node) -> bool:
    """Return True for the key `<<`, which merges other mappings."""
    return isinstance(key, ScalarNode) and key.value == "<<" and key.style == "" and key.ctag is IMPLICIT_TAG


class NodeReader:
    """Reads the nodes of one document into plain data. A tight loop: it handles every value of every file.

    Collections are visited in the order of the text, so that an alias comes after its anchor, and recursion is no
    deeper than the text.
    """

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._value_count = 0  # values read; those behind an alias count each time
        self._alias_value_count = 0  # values behind aliases
        self._data_by_node: dict[int, tuple[Any, int]] = {}  # id of a collection's node -> its data and value count
        self._secret_depth = 0  # over 0 inside a secret, where nothing may be quoted

    def read_value(self, node: Node) -> Any:
        """Return the plain data of a node."""
        if type(node) is ScalarNode:
            if node.ctag is not IMPLICIT_TAG:
                return self._read_tagged(node)
            return node.value if node.style else parse_scalar(node.value)
        return self._read_shared(node)

    def _read_collection(self, node: Node) -> Any:
        if node.ctag is not IMPLICIT_TAG:
            self._read_tagged(node)
        self._value_count += len(node.value)
        if type(node) is MappingNode:
            return self._read_mapping(node)
        return [item.data if type(item) is EntryNode else self.read_value(item) for item in node.value]

    def _read_mapping(self, node: Node) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merges: list[tuple[Node, Any]] = []  # the key, for its position, and the data of what is merged
        for key_node, value_node in node.value:
            key = self._read_key(key_node)
            if key in _UNQUOTABLE_KEYS:
                self._secret_depth += 1
                value = self.read_value(value_node)
                self._secret_depth -= 1
            else:
                value = self.read_value(value_node)
            if key is None:
                continue
            if key in data or (key == "<<" and merges):
                self._report_duplicate_key(node, key, key_node)
            elif key == "<<" and is_merge(key_node):
                merges.append((key_node, value))
            else:
                data[key] = value
        for key_node, source in merges:
            self._merge_mappings(data, key_node, source)
        return data

    def _read_key(self, node: Node) -> str | None:
        if type(node) is not ScalarNode or node.ctag is not IMPLICIT_TAG:
            self.read_value(node)  # registers its anchors
            self._add_problem(node, Code.YAML_KEY, "a key must be plain text", 'Write "key: value"')
            return None
        key: str = node.value
        if node.style == "" and not isinstance(parse_scalar(key), str):
            shown = "" if self._secret_depth or not key else f': "{key}"'
            self._add_problem(node, Code.YAML_KEY, "a key must be text", f"Put it in quotes{shown}")
            return None
        return key

    def _report_duplicate_key(self, node: Node, key: str, duplicate: Node) -> None:
        if len(self.problems) >= MAX_YAML_PROBLEMS:
            return
        first = next(k for k, _ in node.value if k.value == key)
        shown = "this key" if self._secret_depth else f'"{key}"'
        position = position_of(self._file, first)
        self._add_problem(
            duplicate,
            Code.YAML_DUPLICATE_KEY,
            f"{shown} appears twice in one mapping, first at {position}",
            "Keep one of the two",
        )

    def _merge_mappings(self, data: dict[str, Any], key_node: Node, source: Any) -> None:
        """Add the keys of the mappings that `<<` names, as far as they are missing; an earlier mapping wins."""
        for merged in source if isinstance(source, list) else [source]:
            if isinstance(merged, dict):
                self._value_count += len(merged)
                for key, value in merged.items():
                    data.setdefault(key, value)
            elif merged is not None:  # None: null, or a problem that is reported already
                self._add_problem(
                    key_node, Code.YAML_MERGE, '"<<" merges mappings only', 'Name the anchor of a mapping: "<<: *name"'
                )

    def _read_shared(self, node: Node) -> Any:
        """Read a collection, which aliases may repeat: read it once, and count its values each time.

        The limit on the count stops a few lines of aliases from standing for billions of values. The C parser does not
        mark nodes that have an anchor, but an alias is the same node object as its anchor.
        """
        entry = self._data_by_node.get(id(node))
        if entry is None:
            count_before = self._value_count
            self._data_by_node[id(node)] = _IN_PROGRESS
            data = self._read_collection(node)
            self._data_by_node[id(node)] = (data, self._value_count - count_before)
            return data
        if entry is _IN_PROGRESS:
            self._add_problem(
                node, Code.YAML_TOO_LARGE, "this contains itself through an alias (*)", "Remove the alias"
            )
            return None
        data, size = entry
        self._value_count += size
        self._alias_value_count += size
        if self._alias_value_count <= MAX_ALIAS_VALUES:
            return data
        message = f"the aliases (*) up to here stand for more than {MAX_ALIAS_VALUES:,} values"
        raise TooManyAliases(Problem(position_of(self._file, node), Code.YAML_TOO_LARGE, message, "Use fewer aliases"))

    def _read_tagged(self, node: Node) -> Any:
        """Read a scalar with the tag `!!str`; any other tag is a problem, and the text stands in for the value."""
        if type(node) is not ScalarNode or node.tag != _STR_TAG:
            hint = "Remove it, or put text that begins with ! in quotes"
            if str(node.tag).startswith(_SECRET_TAGS):
                hint = "Use {env: NAME} or {file: PATH}"
            self._add_problem(node, Code.YAML_TAG, "a YAML tag (!) is not supported here", hint)
        return node.value

    def _add_problem(self, node: Node, code: str, message: str, hint: str) -> None:
        if len(self.problems) < MAX_YAML_PROBLEMS:
            self.problems.append(Problem(position_of(self._file, node), code, message, hint))


SCALAR_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
NUMBER_START: Final = frozenset("0123456789+-.")

_INT: Final = re.compile(r"[-+]?[0-9]{1,400}\Z")
_FLOAT: Final = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_OCTAL: Final = r"0o[0-7]{1,400}"
_HEX: Final = r"0x[0-9a-fA-F]{1,400}"


def parse_scalar(text: str) -> Scalar:
    """Read an unquoted scalar. Integers of over 400 digits become floats: Python refuses to read them."""
    if text in SCALAR_WORDS:
        return SCALAR_WORDS[text]
    if text[0] not in NUMBER_START:
        return text
    if _INT.match(text):
        return int(text)
    if re.fullmatch(_FLOAT, text):
        return float(text)
    if re.fullmatch(_OCTAL, text):
        return int(text[2:], 8)
    if re.fullmatch(_HEX, text):
        return int(text[2:], 16)
    return text
