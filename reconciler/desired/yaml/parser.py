"""Composes YAML nodes from text with libyaml, through ruamel.yaml's C parser, and explains libyaml's errors.

Only the parser is used: nodes have positions, and nothing in a file can construct an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # a C extension without type hints
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tag import Tag

from reconciler.desired.yaml.placeholders import find_unquoted_placeholder, placeholder_message
from reconciler.desired.yaml.surrogates import LoneSurrogateError, ReplacedText, replace_surrogates
from reconciler.model.codes import Code
from reconciler.model.position import Position, Problem

IMPLICIT_TAG: Final = Tag(suffix="")  # the `ctag` of a node that has no tag in the text
MAX_DEPTH: Final = 40  # the deepest valid value is at 7; far below what would exhaust the C stack

# YAML 1.2, 5.1, lists the allowed characters instead: such a pattern takes 6 ms to compile
_UNPRINTABLE_CHARACTER: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
_QUOTE_HINT = "Text that begins with one of * & ! % @ ` must be in quotes"
_PLAIN_MESSAGES: Final[dict[str, tuple[str, str, str]]] = {
    "mapping values are not allowed in this context": (
        Code.YAML_COLON,
        'a ":" is not expected here',
        'Check the indentation, and put text that contains ": " in quotes',
    ),
    "could not find expected ':'": (Code.YAML_COLON, 'a ":" is missing after this key', 'Write "key: value"'),
    "found unexpected ':'": (
        Code.YAML_COLON,
        'a ":" is not expected here, inside { } or [ ]',
        "Put text that contains it in quotes",
    ),
    "found unexpected document indicator": (
        Code.YAML_QUOTE,
        "the document ends inside a quoted text",
        "Close the quotes",
    ),
    "found unexpected end of stream": (Code.YAML_QUOTE, "the file ends inside a quoted text", "Close the quotes"),
    "found undefined alias": (
        Code.YAML_SPECIAL_CHARACTER,
        "this alias (*) names an anchor (&) that does not exist",
        _QUOTE_HINT,
    ),
    "second occurrence": (Code.YAML_ANCHOR_TWICE, "this anchor (&) is defined twice", "Rename one of the two"),
    "found undefined tag handle": (Code.YAML_SPECIAL_CHARACTER, "this tag (!) is not known", _QUOTE_HINT),
    "found unknown escape character": (
        Code.YAML_ESCAPE,
        'text in "double quotes" cannot contain this escape',
        r"Write \\ for a backslash, or use 'single quotes'",
    ),
    "did not find expected hexdecimal number": (
        Code.YAML_ESCAPE,
        'text in "double quotes" cannot contain this escape',
        r"Write \\ for a backslash, or use 'single quotes'",
    ),
    "found invalid Unicode character escape code": (
        Code.YAML_ESCAPE,
        "this escape is not a character",
        "Write the character itself",
    ),
    "did not find expected key": (
        Code.YAML_INDENTATION,
        "this does not line up with the keys above it",
        "Check the indentation",
    ),
    "did not find expected '-' indicator": (
        Code.YAML_INDENTATION,
        "this does not line up with the list above it",
        "Check the indentation",
    ),
    "did not find expected ',' or ']'": (Code.YAML_BRACKET, 'a list that begins with "[" is not closed', 'Add the "]"'),
    "did not find expected ',' or '}'": (
        Code.YAML_BRACKET,
        'a mapping that begins with "{" is not closed',
        'Add the "}"',
    ),
    "block sequence entries are not allowed in this context": (
        Code.YAML_OTHER,
        'a list item ("- ") is not expected here',
        "",
    ),
    "did not find expected node content": (
        Code.YAML_OTHER,
        "a value is expected here",
        "Check the brackets and commas",
    ),
    "did not find expected alphabetic or numeric character": (
        Code.YAML_SPECIAL_CHARACTER,
        "the name of an anchor (&) or alias (*) may contain only letters, digits, - and _",
        _QUOTE_HINT,
    ),
    "did not find expected <document start>": (
        Code.YAML_INDENTATION,
        "this does not belong to the document above it",
        "Check the indentation",
    ),
    "did not find expected comment or line break": (
        Code.YAML_OTHER,
        'text must begin on the line after "|" or ">"',
        "Add a line break",
    ),
    "found incompatible YAML document": (
        Code.YAML_OTHER,
        "this is not YAML 1.2",
        'Remove the line that begins with "%YAML"',
    ),
    "found unknown directive name": (Code.YAML_OTHER, "this % directive is not known", "Remove it"),
}
_REPORTED_AT_START = (  # libyaml detects these far from their cause
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
    "found unexpected end of stream",
    "found unexpected document indicator",
    "could not find expected ':'",
)


class _NestingTooDeep(Exception):
    """Collections nest deeper than `MAX_DEPTH`."""


class YamlParser(CParser):  # type: ignore[misc]
    """The C parser with the three hooks that its composer calls: they limit the depth and resolve no tags."""

    depth = 0
    deepest_node: Any = None

    def descend_resolver(self, parent: Node | None, _index: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.deepest_node = parent
            raise _NestingTooDeep

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, _kind: object, _value: object, _implicit: object) -> Tag:
        return IMPLICIT_TAG


def compose_all_nodes(file: str, text: str, *, depth: int = 0) -> tuple[list[Node], Problem | None]:
    """Return the root node of every document in `text`; no nodes and a problem where it is not YAML.

    `depth`: the number of levels around the text, in the file that it is from.
    """
    roots: list[Node] = []
    parser: Any = None
    try:
        replaced = replace_surrogates(text)
        parser = YamlParser(replaced.text)
        parser.depth = depth
        while parser.check_node():
            roots.append(parser.get_node())
    except LoneSurrogateError as error:
        hint = r'Write both halves, as in "\ud83d\ude00", or the character itself'
        return [], Problem(
            _find_position(file, text, error.offset), Code.YAML_ESCAPE, "this escape is half of a character", hint
        )
    except _NestingTooDeep:
        position = position_of(file, parser.deepest_node)
        return [], Problem(
            position,
            Code.YAML_TOO_LARGE,
            f"this nests more than {MAX_DEPTH} levels deep, deeper than any desired state",
        )
    except ReaderError:
        return [], _describe_unprintable(file, text)
    except MarkedYAMLError as error:
        return [], _describe_yaml_error(file, text, error)
    except YAMLError:
        return [], Problem(Position(file, 1, 1), Code.YAML_OTHER, "this is not YAML")
    if not roots:
        return [], Problem(
            Position(file, 1, 1), Code.FILE_EMPTY, "this file contains only comments", 'Begin it with "version: 1"'
        )
    if replaced.shift:
        _restore_surrogates(roots, replaced)
    return roots, None


def _restore_surrogates(roots: list[Node], replaced: ReplacedText) -> None:
    """Join the halves of characters in all texts of all nodes."""
    visited_ids: set[int] = set()  # an alias is the same node as its anchor
    nodes = list(roots)
    while nodes:
        node = nodes.pop()
        if id(node) in visited_ids:
            continue
        visited_ids.add(id(node))
        if isinstance(node, ScalarNode):
            node.value = replaced.restore(node.value)
        nodes += iter_children(node)


class EntryNode(MappingNode):
    """An item of a list whose data is known. Its nodes are made when somebody needs them, for a position.

    The nodes of the parser take ten times the time and the memory of the data. `shared`: what of the data follows its
    first key, one object for many entries with these values; None where nobody has noticed. `text` is the whole text;
    the entry begins in it at the offset `start`, with the first key, and ends at `end`. `line` and `column` count
    from 0.
    """

    __slots__ = ("_pairs", "_text", "column", "data", "end", "line", "shared", "start")
    ctag, comment, anchor, flow_style, merge = IMPLICIT_TAG, None, None, False, None

    def __init__(
        self,
        data: dict[str, Any],
        shared: dict[str, Any] | None,
        text: str,
        start: int,
        end: int,
        line: int,
        column: int,
    ) -> None:
        self.data = data
        self.shared = shared
        self.line = line
        self.column = column
        self._text = text
        self.start = start
        self.end = end
        self._pairs: list[tuple[Node, Node]] | None = None

    @property
    def start_mark(self) -> StreamMark:
        """The start of the first key."""
        return StreamMark("", self.start, self.line, self.column)

    @property
    def end_mark(self) -> StreamMark:
        """The end of the entry, at the start of the line after it."""
        return StreamMark("", self.end, self.line + self._text.count("\n", self.start, self.end), 0)

    @property
    def value(self) -> list[tuple[Node, Node]]:
        """The nodes of the keys and values."""
        if self._pairs is None:
            (root,), _ = compose_all_nodes("", " " * self.column + self._text[self.start : self.end])
            _move_node(root, self.line, self.start - self.column)
            self._pairs = root.value
        return self._pairs


def _move_node(node: Node, lines: int, characters: int) -> None:
    """Move a node and all nodes in it down the text."""
    start, end = node.start_mark, node.end_mark
    node.start_mark = StreamMark("", start.index + characters, start.line + lines, start.column)
    node.end_mark = StreamMark("", end.index + characters, end.line + lines, end.column)
    for child in iter_children(node):
        _move_node(child, lines, characters)


def iter_children(node: Node) -> Iterable[Node]:
    """Iterate over the items of a list, or the keys and values of a mapping."""
    if isinstance(node, ScalarNode):
        return ()
    return chain.from_iterable(node.value) if isinstance(node, MappingNode) else node.value


def position_of(file: str, node: Node) -> Position:
    """Return the start of a node."""
    if type(node) is EntryNode:
        return Position(file, node.line + 1, node.column + 1)
    mark = node.start_mark
    return Position(file, mark.line + 1, mark.column + 1)


def _find_position(file: str, text: str, offset: int) -> Position:
    return Position(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _describe_unprintable(file: str, text: str) -> Problem:
    match = re.search(_UNPRINTABLE_CHARACTER, text)
    start = match.start() if match else 0
    name = f"U+{ord(text[start]):04X}"
    return Problem(
        _find_position(file, text, start),
        Code.YAML_CONTROL_CHARACTER,
        f"the control character {name} is not allowed in YAML",
        "Remove it",
    )


def _find_placeholder(text: str, error: MarkedYAMLError) -> tuple[tuple[str, int], int] | None:
    """Return (form and column, line) of a placeholder in the line where libyaml stopped."""
    lines = text.split("\n")
    if error.problem_mark is None or error.problem_mark.line >= len(lines):
        return None
    line = error.problem_mark.line
    placeholder = find_unquoted_placeholder(lines[line])
    return (placeholder, line) if placeholder else None


def _describe_yaml_error(file: str, text: str, error: MarkedYAMLError) -> Problem:
    """Explain an error of libyaml. The file is never quoted: it may be a password."""
    problem = str(error.problem)
    mark = error.context_mark if problem in _REPORTED_AT_START and error.context_mark else error.problem_mark
    if mark is None:
        return Problem(Position(file, 1, 1), Code.YAML_OTHER, "this is not YAML")
    position = Position(file, mark.line + 1, mark.column + 1)
    if placeholder := _find_placeholder(text, error):
        (form, column), line = placeholder
        hint = "Write the value itself, or put text that is meant literally in quotes and !!str before it"
        return Problem(Position(file, line + 1, column + 1), Code.PLACEHOLDER, placeholder_message(form), hint)
    if problem == "found character that cannot start any token":
        lines = text.split("\n")
        line_end = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
        if line_end.startswith("\t"):
            return Problem(position, Code.YAML_TAB, "a tab cannot indent YAML", "Use spaces")
        return Problem(position, Code.YAML_SPECIAL_CHARACTER, "this character cannot begin a value", _QUOTE_HINT)
    if problem == "second occurrence" and error.context_mark is not None:
        first = Position(file, error.context_mark.line + 1, error.context_mark.column + 1)
        return Problem(
            position, Code.YAML_ANCHOR_TWICE, f"this anchor (&) is already defined at {first}", "Rename one of the two"
        )
    return Problem(position, *_PLAIN_MESSAGES.get(problem, (Code.YAML_OTHER, f"this is not YAML: {problem}", "")))
