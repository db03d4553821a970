"""The text of an intake as a head, a block of lines for each entry, and a tail, so that a change touches one block.

Only this layout is written, and a person who edits the file has to keep it: one item after another, at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from reconciler.desired.edit.layout import LayoutNode, find_line_end, find_line_start, find_next_line, parse_layout
from reconciler.desired.render import EntrySource, YamlEntry, render_block_entry
from reconciler.desired.render.entry import YamlValue, render_value
from reconciler.desired.schema.torrents import SOURCE_KEYS
from reconciler.desired.yaml.document import TooManyAliases, YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.desired.yaml.parser import EntryNode
from reconciler.model.codes import Code
from reconciler.model.intake import EntryChanges
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position, Problem

NEW_TEXT: Final = """\
# What services have handed in. reconcile --watch writes this file, and nobody else should.
# "reconcile intake promote" moves torrents into a file of yours.
version: 1
torrents:
"""
INDENT: Final = "  "
_DASH: Final = re.compile(r"( *)- *\Z")
_LAYOUT_HINT: Final = 'Write "torrents:" last, one item after another and without anchors'


class UnusableText(Exception):
    """A text that is no intake which can be changed; `problems` say why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one entry, with the comments above it, and its plain data. `lead`: the lines before its `-`."""

    text: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    lead: int = 0
    line_count: int = 0

    @property
    def source_key(self) -> str:
        """The key that names its torrent."""
        return next(key for key in SOURCE_KEYS if key in self.data)


@dataclass(frozen=True, slots=True)
class IntakeText:
    """A text in its parts. `document`: the whole text as it was read."""

    head: str
    blocks: tuple[Block, ...]
    tail: str
    document: YamlDocument


def parse_intake(name: str, text: str) -> IntakeText:
    """Return a text in its parts. Raises `UnusableText`."""
    start = Position(name, 1, 1)
    roots, problem = compose_nodes(name, text)
    if problem or len(roots) != 1 or not isinstance(roots[0], MappingNode):
        message = "the file of the intake must be one document"
        raise UnusableText(problem or Problem(start, Code.INTAKE_FILE, message, _LAYOUT_HINT))
    try:
        document = YamlDocument(name, Path(name).parent, roots[0], text)
    except TooManyAliases as error:
        raise UnusableText(error.problem) from None
    if document.problems:
        raise UnusableText(*document.problems)
    unsupported = UnusableText(Problem(start, Code.INTAKE_FILE, "this layout cannot be changed safely", _LAYOUT_HINT))
    if _has_aliases(roots[0]) or re.search(r"^\.\.\.", text, re.MULTILINE):
        raise unsupported
    pairs = roots[0].value
    pair = next((pair for pair in pairs if pair[0].value == "torrents"), None)
    if pair is None:
        return IntakeText(_end_line(text) + "torrents:\n", (), "", document)
    if pair is not pairs[-1] or pair[0].start_mark.column or (pair[1].flow_style and pair[1].value):
        raise unsupported
    if not isinstance(pair[1], SequenceNode) or not pair[1].value:
        return _split_empty(text, pair, document)
    try:
        return _split_items(text, pair[1], document)
    except ValueError:
        raise unsupported from None


def _has_aliases(root: Node) -> bool:
    """True if a node can be reached twice: an alias is the node of its anchor."""
    seen_ids: set[int] = set()
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if id(node) in seen_ids:
            return True
        seen_ids.add(id(node))
        if isinstance(node, MappingNode) and not isinstance(node, EntryNode):  # which has no aliases
            todo += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            todo += node.value
    return False


def _split_empty(text: str, pair: tuple[Node, Node], document: YamlDocument) -> IntakeText:
    start, end = pair[1].start_mark.index, pair[1].end_mark.index
    if pair[1].value != []:  # no value: it may begin anywhere after its key
        start = end = find_next_line(text, pair[0].start_mark.index)
    head = _end_line(text[:start].rstrip(" "))
    return IntakeText(head, (), text[end:].lstrip(" ").removeprefix("\n"), document)


def _split_items(text: str, torrents: SequenceNode, document: YamlDocument) -> IntakeText:
    """Split at the start of each item, and of the comments above it. Raises `ValueError` for another layout."""
    starts: list[int] = []
    leads: list[int] = []
    for item in torrents.value:
        line_start = find_line_start(text, item.start_mark.index)
        dash = _DASH.match(text[line_start : item.start_mark.index])
        if not dash or not isinstance(item, MappingNode):
            raise ValueError
        start = line_start if not starts else _find_comment_start(text, starts[-1], line_start, len(dash[1]))
        starts.append(start)
        leads.append(text.count("\n", start, line_start))
    text_end = _find_comment_start(text, starts[-1], len(text), len(_read_dash_indent(text, torrents)))
    entries = document.data["torrents"]
    blocks = []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], text_end], strict=True)):
        block = _end_line(text[start:end])
        blocks.append(Block(block, entries[number], leads[number], block.count("\n")))
    return IntakeText(text[: starts[0]], tuple(blocks), text[text_end:], document)


def _read_dash_indent(text: str, torrents: SequenceNode) -> str:
    start = torrents.value[0].start_mark.index
    dash = _DASH.match(text[find_line_start(text, start) : start])
    return dash[1] if dash else ""


def _find_comment_start(text: str, lower: int, offset: int, column: int) -> int:
    """Return the start of the blank lines and comments above `offset` that are not in the entry before."""
    while offset > lower:
        start = find_line_start(text, offset - 1)
        line = text[start:offset]
        content = line.strip()
        if content and not (content.startswith("#") and len(line) - len(line.lstrip(" ")) <= column):
            break
        offset = start
    return offset


def _end_line(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def render_block(source: EntrySource, keys: Mapping[str, YamlValue], comments: tuple[str, ...] = ()) -> Block:
    """Return a new entry."""
    lines = [f"{INDENT}{comment}" for comment in comments]
    lines += render_block_entry(YamlEntry(source, keys), INDENT)
    return Block("\n".join(lines) + "\n", {source.key: source.text, **keys}, len(comments), len(lines))


def change_block(block: Block, changes: EntryChanges) -> Block:
    """Return the entry with keys set, or removed where the value is None. Its other lines and its comments stay."""
    data = {key: plain_value(value) for key, value in {**block.data, **changes}.items() if value is not None}
    text = _splice_block(block.text, changes)
    if text is None or _read_block(text) != data:
        return _render_again(block, data)
    return Block(text, data, block.lead, text.count("\n"))


def _render_again(block: Block, data: Mapping[str, Any]) -> Block:
    """Return the entry written again, below its comments: it has a layout of its own."""
    comments = tuple(line.strip() for line in block.text.splitlines() if line.strip().startswith("#"))
    source = EntrySource(block.source_key, str(data[block.source_key]))
    return render_block(source, {key: value for key, value in data.items() if key != source.key}, comments)


def _splice_block(text: str, changes: EntryChanges) -> str | None:
    """Return the text with the changes, or None for a layout of its own."""
    root = parse_layout(text)[0]
    item = root.items[0] if root.kind == "sequence" and len(root.items) == 1 else None
    if item is None or item.kind != "mapping" or item.is_flow:
        return None
    indent = " " * (item.column - 1)
    edits: list[tuple[int, int, str]] = []
    added = ""
    for key, value in changes.items():
        pair = item.get(key)
        if pair is None:
            added += "" if value is None else f"{indent}{key}: {render_value(plain_value(value))}\n"
        elif value is not None:
            edits.append((pair[1].start, pair[1].end, render_value(plain_value(value))))
        elif pair[0] is item.items[0]:
            return None
        else:
            edits.append((find_line_start(text, pair[0].start), find_next_line(text, pair[1].end - 1), ""))
    end = max(find_next_line(text, child.end - 1) for child in item.items)
    edits.append((end, end, added))
    for start, stop, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[stop:]
    return text


def _read_block(text: str) -> Any:
    roots, problem = compose_nodes("", text)
    if problem or len(roots) != 1:
        return None
    document = YamlDocument("", Path(), roots[0], text)
    is_single = isinstance(document.data, list) and len(document.data) == 1 and not document.problems
    return document.data[0] if is_single else None


def plain_value(value: object) -> YamlValue:
    """Return a value as it can be rendered: tuples are lists."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(item) for item in value]
    return value if isinstance(value, str | bool | int | float) else str(value)


def change_categories(head: str, changes: Mapping[str, Mapping[str, YamlValue] | None]) -> str:
    """Return the head with categories set, or removed where the value is None. Comments outside of them stay."""
    for name, keys in changes.items():
        head = _change_category(head, name, keys)
    return head


def _change_category(head: str, name: str, keys: Mapping[str, YamlValue] | None) -> str:
    root = parse_layout(head)[0]
    section = root.get("categories")
    rendered = render_value(keys or {}, flow=True)
    line = f"  {render_value(name)}: {rendered}\n"
    if section is None:
        start = find_line_start(head, next(key.start for key, _ in root.iter_pairs() if key.text == "torrents"))
        return head if keys is None else f"{head[:start]}categories:\n{line}{head[start:]}"
    key, node = section
    if node.kind != "mapping" or node.is_flow:
        return _rewrite_categories(head, section, name, keys)
    pair = node.get(name)
    if pair is None:
        end = find_next_line(head, node.end - 1)
        return head if keys is None else head[:end] + " " * (node.column - 1) + line.lstrip() + head[end:]
    start = find_line_start(head, pair[0].start)
    end = find_next_line(head, max(pair[1].end - 1, pair[0].end))
    if keys is not None:
        return head[:start] + " " * (node.column - 1) + line.lstrip() + head[end:]
    if len(node.items) == 2:
        start = find_line_start(head, key.start)
    return head[:start] + head[end:]


def _rewrite_categories(
    head: str, section: tuple[LayoutNode, LayoutNode], name: str, keys: Mapping[str, YamlValue] | None
) -> str:
    """Return the head with the categories written again, one a line: they have a layout of their own."""
    data = {**(_read_head(head).get("categories") or {}), name: keys}
    lines = [
        f"  {render_value(category)}: {render_value(values or {}, flow=True)}\n"
        for category, values in data.items()
        if category != name or keys is not None
    ]
    start = find_line_start(head, section[0].start)
    end = find_line_end(head, max(section[1].end, section[0].end)) + 1
    return head[:start] + ("categories:\n" if lines else "") + "".join(lines) + head[end:]


def _read_head(head: str) -> dict[str, Any]:
    document = YamlDocument("", Path(), compose_nodes("", head)[0][0], head)
    return dict(document.data)


def iter_lines(blocks: tuple[Block, ...], first_line: int) -> Iterator[int]:
    """Iterate over the line of each entry, counted from 1."""
    line = first_line
    for block in blocks:
        yield line + block.lead
        line += block.line_count
