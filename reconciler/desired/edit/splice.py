"""Adds entries to a text and removes them, as replacements at known offsets, so that every other byte stays.

See docs/decisions/0052-add-and-rm-edit-text-not-documents.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from reconciler.desired.edit.layout import (
    LINE_BREAK,
    LayoutNode,
    find_line_end,
    find_line_start,
    find_next_line,
    is_line_start,
    skip_properties,
    skip_space_and_comments,
)
from reconciler.desired.render import YamlEntry, render_block_entry, render_flow_entry
from reconciler.desired.render.entry import render_scalar
from reconciler.model.lazy_dataclass import dataclass

EntryIndex = tuple[int, int]  # the index of a document in the file, and of an entry in its torrents


class UnsupportedLayout(Exception):
    """The text has a layout that cannot be edited safely. The message says which."""


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A replacement for `text[start:end]`."""

    start: int
    end: int
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class IncludeItem:
    """An item of `include`, as it is read."""

    pattern: str


ListItem = YamlEntry | IncludeItem


def append_entries(text: str, root: LayoutNode, entries: Sequence[YamlEntry]) -> str:
    """Return the text with entries added to the torrents of the document `root`. Raises `UnsupportedLayout`."""
    pair = root.get("torrents")
    if pair is None:
        return _apply_edits(text, _append_list(text, root, entries))
    return _apply_edits(text, _append_to_list(text, root, pair[1], entries))


def append_include(text: str, root: LayoutNode, item: IncludeItem) -> str:
    """Return the text with an item added to `include` of the document `root`. Raises `UnsupportedLayout`."""
    pair = root.get("include")
    if pair is not None:
        return _apply_edits(text, _append_to_list(text, root, pair[1], [item]))
    if root.kind != "mapping" or not root.items:
        raise UnsupportedLayout("it is not a mapping of keys and values")
    line = f"include: [{_render_flow(item)}]"
    if root.is_flow:
        return _apply_edits(text, [TextEdit(root.items[-1].end, root.items[-1].end, f", {line}")])
    version = root.get("version")
    above = version[1] if version else root.items[-1]
    margin = " " * (root.column - 1)
    return _apply_edits(text, [_insert_lines(text, _find_item_end(text, above, len(margin)), [margin + line])])


def _append_to_list(text: str, root: LayoutNode, items: LayoutNode, new: Sequence[ListItem]) -> list[TextEdit]:
    if items.kind != "sequence":
        raise UnsupportedLayout("the list is an alias (*) of a list elsewhere")
    if not items.is_flow:
        return _append_to_block(text, items, new)
    return _append_to_flow(text, items, new) if items.items else _fill_empty_list(text, root, items, new)


def _render_block(item: ListItem, indent: str) -> list[str]:
    if isinstance(item, IncludeItem):
        return [f"{indent}- {render_scalar(item.pattern)}"]
    return render_block_entry(item, indent)


def _render_flow(item: ListItem) -> str:
    return render_scalar(item.pattern, flow=True) if isinstance(item, IncludeItem) else render_flow_entry(item)


def append_document(text: str, entries: Sequence[YamlEntry]) -> str:
    """Return the text with another document at its end that contains these entries."""
    lines = ["---", "version: 1", "torrents:", *(line for entry in entries for line in render_block_entry(entry, "  "))]
    return _apply_edits(text, [_insert_lines(text, len(text), lines)])


def remove_entries(text: str, roots: Sequence[LayoutNode], entry_indexes: Collection[EntryIndex]) -> str:
    """Return the text without these entries and the comments inside them. Raises `UnsupportedLayout`."""
    by_document: defaultdict[int, set[int]] = defaultdict(set)
    for document, index in entry_indexes:
        by_document[document].add(index)
    edits: list[TextEdit] = []
    for document, indexes in by_document.items():
        pair = roots[document].get("torrents")
        if pair is None or pair[1].kind != "sequence":
            raise UnsupportedLayout("its list of torrents is merged, or an alias (*) of a list elsewhere")
        key, torrents = pair
        cut = _cut_flow_items if torrents.is_flow else _cut_block_items
        edits += cut(text, torrents, sorted(indexes))
        if not torrents.is_flow and len(indexes) == len(torrents.items):
            edits.append(_write_empty_list(text, key, torrents))
    return _apply_edits(text, edits)


def _detect_newline(text: str, offset: int) -> str:
    """Return the line break of the line before `offset`."""
    line_feed = text.rfind("\n", 0, offset)
    if line_feed < 0:
        return "\r" if "\r" in text[:offset] else "\n"
    return "\r\n" if text[line_feed - 1 : line_feed] == "\r" else "\n"


def _apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    parts, offset = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < offset:
            raise UnsupportedLayout("two of its entries share a line")
        parts += [text[offset : edit.start], edit.replacement]
        offset = edit.end
    return "".join([*parts, text[offset:]])


def _insert_lines(text: str, offset: int, lines: Sequence[str]) -> TextEdit:
    """Insert whole lines at the start of a line, or at the end of the text."""
    newline = _detect_newline(text, offset)
    before = "" if is_line_start(text, offset) else newline
    return TextEdit(offset, offset, before + "".join(f"{line}{newline}" if line else newline for line in lines))


def _append_to_block(text: str, items: LayoutNode, new: Sequence[ListItem]) -> list[TextEdit]:
    dashes = list(_find_dashes(text, items))
    indent = _read_indent(text, dashes[-1])
    end = _find_item_end(text, items.items[-1], len(indent))
    has_blank_lines = len(dashes) > 1 and _has_blank_line_before(text, dashes[-1])
    lines: list[str] = []
    for item in new:
        lines += [""] * has_blank_lines + _render_block(item, indent)
    return [_insert_lines(text, end, lines)]


def _append_to_flow(text: str, items: LayoutNode, new: Sequence[ListItem]) -> list[TextEdit]:
    last, rendered_items = items.items[-1], list(map(_render_flow, new))
    comma = skip_space_and_comments(text, last.end)
    has_comma = text[comma] == ","
    margin = text[find_line_start(text, last.start) : last.start]
    item_end = comma + 1 if has_comma else last.end
    end = find_line_end(text, item_end)
    line_rest = text[item_end:end].strip()
    if margin.strip() or (line_rest and not line_rest.startswith("#")):  # several items share a line
        return [TextEdit(last.end, last.end, "".join(f", {rendered}" for rendered in rendered_items))]
    newline = _detect_newline(text, end)
    lines = newline + margin + f",{newline}{margin}".join(rendered_items)
    return (
        [TextEdit(end, end, lines + ",")]
        if has_comma
        else [TextEdit(last.end, last.end, ","), TextEdit(end, end, lines)]
    )


def _fill_empty_list(text: str, root: LayoutNode, items: LayoutNode, new: Sequence[ListItem]) -> list[TextEdit]:
    """Replace `[]` with a block list if only a comment follows on its line; else fill the brackets."""
    bracket = skip_properties(text, items.start)
    line_rest = text[items.end : find_line_end(text, items.end)].strip()
    is_inline = bool(line_rest) and not line_rest.startswith("#")
    if root.is_flow or text[bracket + 1 : items.end - 1].strip() or is_inline:
        return [TextEdit(bracket + 1, bracket + 1, ", ".join(map(_render_flow, new)))]
    start = bracket
    while text[start - 1] in " \t":
        start -= 1
    indent = " " * (root.column + 1)
    lines = [line for item in new for line in _render_block(item, indent)]
    return [TextEdit(start, items.end), _insert_lines(text, find_next_line(text, items.end), lines)]


def _append_list(text: str, root: LayoutNode, entries: Sequence[YamlEntry]) -> list[TextEdit]:
    if root.kind != "mapping" or not root.items:
        raise UnsupportedLayout("it is not a mapping of keys and values")
    if root.is_flow:
        listed = ", ".join(map(render_flow_entry, entries))
        return [TextEdit(root.items[-1].end, root.items[-1].end, f", torrents: [{listed}]")]
    margin = " " * (root.column - 1)
    lines = [
        "",
        f"{margin}torrents:",
        *(line for entry in entries for line in render_block_entry(entry, margin + "  ")),
    ]
    return [_insert_lines(text, _find_item_end(text, root.items[-1], root.column - 1), lines)]


def _cut_block_items(text: str, torrents: LayoutNode, indexes: Sequence[int]) -> list[TextEdit]:
    dashes = list(_find_dashes(text, torrents))
    edits = []
    for index in indexes:
        column = len(_read_indent(text, dashes[index]))
        edits.append(
            TextEdit(find_line_start(text, dashes[index]), _find_item_end(text, torrents.items[index], column))
        )
    return edits


def _write_empty_list(text: str, key: LayoutNode, torrents: LayoutNode) -> TextEdit:
    """Write `[]` after the key of a list whose items are all removed."""
    if torrents.has_anchor:
        raise UnsupportedLayout("its list of torrents has an anchor (&), and would become empty")
    colon = text.index(":", key.end) + 1
    return TextEdit(colon, colon, " []")


def _cut_flow_items(text: str, torrents: LayoutNode, indexes: Sequence[int]) -> list[TextEdit]:
    items, removed = torrents.items, set(indexes)
    kept = [index for index in range(len(items)) if index not in removed]
    tail = kept[-1] + 1 if kept else 0  # all items from this one on are removed
    edits = [_cut_item(text, items[index]) for index in indexes if index < tail]
    if tail < len(items):
        start, end = items[tail - 1].end if tail else items[0].start, items[-1].end
        if not tail and text[comma := skip_space_and_comments(text, end)] == ",":
            end = comma + 1  # `[,]` is not valid
        if LINE_BREAK.search(text, start, end):
            return edits + [_cut_item(text, item) for item in items[tail:]]
        edits.append(TextEdit(start, end))
    return edits


def _cut_item(text: str, item: LayoutNode) -> TextEdit:
    """Cut an item with the comma and the space after it, and its line where nothing else is on it."""
    end = item.end
    if text[comma := skip_space_and_comments(text, end)] == ",":
        end = comma + 1
    blank = end
    while text[blank] in " \t":
        blank += 1
    end = end if text[blank] == "#" else blank  # a comment needs the space before it
    start = find_line_start(text, item.start)
    if not text[start : item.start].strip() and find_line_end(text, end) == end:
        return TextEdit(start, find_next_line(text, end))
    return TextEdit(item.start, end)


def _find_dashes(text: str, torrents: LayoutNode) -> Iterator[int]:
    """Iterate over the offset of the `-` of each item of a block list."""
    offset = skip_properties(text, torrents.start)
    for item in torrents.items:
        dash = skip_space_and_comments(text, offset)
        if text[dash : dash + 1] != "-":
            raise UnsupportedLayout("the list is not written as one item after another")
        yield dash
        offset = max(item.end, dash + 1)


def _read_indent(text: str, dash: int) -> str:
    indent = text[find_line_start(text, dash) : dash]
    if indent.strip(" "):
        raise UnsupportedLayout("the list begins on the same line as something else")
    return indent


def _find_item_end(text: str, item: LayoutNode, column: int) -> int:
    """Return the start of the line after an item. Comments right below it with a deeper indent belong to it."""
    offset = item.end if is_line_start(text, item.end) else find_next_line(text, item.end)
    while offset < len(text):
        line = text[offset : find_line_end(text, offset)]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) <= column:
            break
        offset = find_next_line(text, offset)
    return offset


def _has_blank_line_before(text: str, offset: int) -> bool:
    start = find_line_start(text, offset)
    return start > 0 and not text[find_line_start(text, start - 1) : start].strip()
