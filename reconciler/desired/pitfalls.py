"""Finds text that means something else than its author expects: placeholders, and text cut off at a comment."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.document import CHOICES
from reconciler.desired.yaml.document import HEADERS_KEY, REFERENCE_KEYS, YamlDocument, parse_scalar
from reconciler.desired.yaml.parser import IMPLICIT_TAG, position_of
from reconciler.desired.yaml.placeholders import (
    find_placeholder,
    find_placeholder_offsets,
    may_have_placeholder,
    placeholder_message,
)
from reconciler.model.codes import Code
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position
from reconciler.model.preferences import SECRET_PREFERENCES

_SHELL_KEYS: Final = frozenset({"autorun_program", "autorun_on_torrent_added_program"})  # a shell fills them in
_CHECKED_ELSEWHERE: Final = frozenset({"env"})  # its schema says what a name of a variable is
_PROBES_WITH_URL: Final = frozenset({"http", "gluetun"})  # their URL cannot come from a variable or a file
_REFERENCE_KEYS: Final = REFERENCE_KEYS | SECRET_PREFERENCES
_COMMENT: Final = re.compile(r"[ \t]+#[^\s#]")
_COMMENT_START: Final = re.compile(r"#[^\s#]")  # begins with a fixed character, which makes the search fast
_REFERENCE_HINT: Final = "Use {env: NAME} or {file: PATH}, or write !!str before text that is meant literally"
_LITERAL_HINT: Final = "Write the value itself, or !!str before text that is meant literally"


@dataclass(frozen=True, slots=True)
class PitfallOffsets:
    """The offsets in the text of a file at which placeholders may begin, and at which comments may cut text off."""

    placeholders: Sequence[int]
    cuts: Sequence[int]


def find_pitfall_offsets(text: str) -> PitfallOffsets:
    """Return the offsets in the text of a file, which all its documents share. Fast where there are none."""
    placeholders = find_placeholder_offsets(text) if may_have_placeholder(text) else []
    return PitfallOffsets(placeholders, _find_cut_offsets(text))


def find_pitfalls(document: YamlDocument, context: LoadContext, offsets: PitfallOffsets) -> None:
    """Report the placeholders of a document as problems, and its text that a comment cuts off as warnings."""
    if offsets.placeholders:
        finder = _PlaceholderFinder(document, context, offsets.placeholders)
        finder.visit(document.root, "")
        hidden_positions = finder.template_positions
        document.problems = [problem for problem in document.problems if problem.position not in hidden_positions]
    if offsets.cuts:
        _CommentFinder(document, context, offsets.cuts).visit(document.root, "")


def _find_cut_offsets(text: str) -> list[int]:
    """Return the offset of the last character before each comment of the form ` #x` that follows something."""
    if "#" not in text:  # which is found faster
        return []
    offsets = []
    for match in _COMMENT_START.finditer(text):
        offset = match.start() - 1
        while offset >= 0 and text[offset] in " \t":
            offset -= 1
        if 0 <= offset < match.start() - 1 and text[offset] not in "\r\n":
            offsets.append(offset)
    return offsets


class _NodeVisitor:
    """Visits each node of a document once that contains one of `offsets`, with the key that it belongs to."""

    def __init__(self, document: YamlDocument, context: LoadContext, offsets: Sequence[int]) -> None:
        self.document = document
        self.context = context
        self._offsets = offsets  # sorted
        self._seen_ids: set[int] = set()

    def visit(self, node: Node, key: str) -> None:
        """Visit a node and all nodes in it."""
        index = bisect_left(self._offsets, node.start_mark.index - 1)  # an empty value starts after its colon
        if index == len(self._offsets) or self._offsets[index] > node.end_mark.index:
            return
        if type(node) is ScalarNode:
            self.visit_scalar(node, key)
        elif id(node) not in self._seen_ids:  # an alias repeats its anchor, and may contain itself
            self._seen_ids.add(id(node))
            if isinstance(node, SequenceNode):
                for item in node.value:
                    self.visit(item, key)
            elif isinstance(node, MappingNode):
                self.visit_mapping(node, key)

    def visit_mapping(self, node: MappingNode, key: str) -> None:
        """Visit the keys and values of a mapping."""
        for key_node, value_node in node.value:
            self.visit_key(key_node)
            name = key_node.value if isinstance(key_node, ScalarNode) else ""
            if key in _PROBES_WITH_URL and name == "url":
                name = key
            elif key == HEADERS_KEY:  # the value of a header is a secret, whatever its name
                name = "password"
            self.visit(value_node, name)

    def visit_key(self, node: Node) -> None:
        """Visit the key of a mapping."""

    def visit_scalar(self, node: ScalarNode, key: str) -> None:
        """Visit a scalar that is no key."""

    def position_of(self, node: Node) -> Position:
        """Return the start of a node."""
        return position_of(self.document.file, node)


class _PlaceholderFinder(_NodeVisitor):
    """Reports placeholders. `template_positions`: of what is inside `{{ x }}`, which YAML takes for mappings."""

    def __init__(self, document: YamlDocument, context: LoadContext, offsets: Sequence[int]) -> None:
        super().__init__(document, context, offsets)
        self.template_positions: set[Position] = set()

    def visit_mapping(self, node: MappingNode, key: str) -> None:
        if len(node.value) == 1 and isinstance(inner := node.value[0][0], MappingNode):
            self.template_positions.add(self.position_of(inner))
            self._report(node, "{{ name }}", key)
        else:
            super().visit_mapping(node, key)

    def visit_key(self, node: Node) -> None:
        if isinstance(node, ScalarNode):
            if form := find_placeholder(node.value):
                self.context.add_problem(
                    self.position_of(node), Code.PLACEHOLDER, placeholder_message(form), "Write the name itself"
                )
        elif isinstance(node, MappingNode):
            self.template_positions.add(self.position_of(node))
            self.visit_mapping(node, "")

    def visit_scalar(self, node: ScalarNode, key: str) -> None:
        if key in _SHELL_KEYS or key in _CHECKED_ELSEWHERE or node.ctag is not IMPLICIT_TAG:
            return
        if form := find_placeholder(node.value):
            self._report(node, form, key)

    def _report(self, node: Node, form: str, key: str) -> None:
        hint = _REFERENCE_HINT if key in _REFERENCE_KEYS else _LITERAL_HINT
        if form.startswith("ENC["):
            hint = "Decrypt the file before reconcile reads it"
        self.context.add_problem(self.position_of(node), Code.PLACEHOLDER, placeholder_message(form), hint)


class _CommentFinder(_NodeVisitor):
    """Warns of unquoted text that ends where a comment begins that looks like part of it: `abc #def`."""

    def visit_scalar(self, node: ScalarNode, key: str) -> None:
        if node.style or key in CHOICES or not _COMMENT.match(self.document.text, node.end_mark.index):
            return
        if node.value and not isinstance(parse_scalar(node.value), str):
            return  # a number, true or false
        self.context.add_warning(
            self.position_of(node),
            Code.CUT_TEXT,
            'the text ends before " #", where a comment begins',
            'Put the whole text in quotes if "#" belongs to it, or write a space after "#" if not',
        )
