"""Entries put into a text and taken out of it: replacements at known offsets, so that every other byte stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

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

EntryIndex = tuple[int, int]  # a document of the file, an entry of its torrents


class UnsupportedLayout(Exception):
    """The text is written in a way that is not understood well enough to change it. The message says which."""


@dataclass(frozen=True, slots=True)
class TextEdit:
    """`text[start:end]` becomes `replacement`."""

    start: int
    end: int
    replacement: str = ""


def append_entries(text: str, root: LayoutNode, entries: Sequence[YamlEntry]) -> str:
    """The text with entries at the end of the torrents of this document. Raises `UnsupportedLayout`."""
    found = root.get("torrents")
    if found is None:
        return _apply_edits(text, _append_list(text, root, entries))
    _, torrents = found
    if torrents.kind != "sequence":
        raise UnsupportedLayout("its list of torrents stands somewhere else: it is an alias (*)")
    if not torrents.is_flow:
        return _apply_edits(text, _append_to_block(text, torrents, entries))
    if torrents.items:
        return _apply_edits(text, _append_to_flow(text, torrents, entries))
    return _apply_edits(text, _fill_empty_list(text, root, torrents, entries))


def append_document(text: str, entries: Sequence[YamlEntry]) -> str:
    """The text with a document of its own for these entries at its end."""
    lines = ["---", "version: 1", "torrents:", *(line for entry in entries for line in render_block_entry(entry, "  "))]
    return _apply_edits(text, [_insert_lines(text, len(text), lines)])


def remove_entries(text: str, roots: Sequence[LayoutNode], entry_indexes: Collection[EntryIndex]) -> str:
    """The text without these entries, and without the comments inside of them. Raises `UnsupportedLayout`."""
    by_document: defaultdict[int, set[int]] = defaultdict(set)
    for document, index in entry_indexes:
        by_document[document].add(index)
    edits: list[TextEdit] = []
    for document, indexes in by_document.items():
        found = roots[document].get("torrents")
        if found is None or found[1].kind != "sequence":
            raise UnsupportedLayout("its list of torrents stands somewhere else: it is merged or an alias (*)")
        key, torrents = found
        cut = _cut_flow_items if torrents.is_flow else _cut_block_items
        edits += cut(text, torrents, sorted(indexes))
        if not torrents.is_flow and len(indexes) == len(torrents.items):
            edits.append(_write_empty_list(text, key, torrents))
    return _apply_edits(text, edits)


def _detect_newline(text: str, offset: int) -> str:
    """How the line before `at` ends."""
    found = text.rfind("\n", 0, offset)
    if found < 0:
        return "\r" if "\r" in text[:offset] else "\n"
    return "\r\n" if text[found - 1 : found] == "\r" else "\n"


def _apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise UnsupportedLayout("two of its entries share a line")
        parts += [text[at : edit.start], edit.replacement]
        at = edit.end
    return "".join([*parts, text[at:]])


def _insert_lines(text: str, offset: int, lines: Sequence[str]) -> TextEdit:
    """Lines of their own, from the beginning of a line on, or at the end of a text."""
    newline = _detect_newline(text, offset)
    before = "" if is_line_start(text, offset) else newline
    return TextEdit(offset, offset, before + "".join(f"{line}{newline}" if line else newline for line in lines))


def _append_to_block(text: str, torrents: LayoutNode, entries: Sequence[YamlEntry]) -> list[TextEdit]:
    dashes = list(_find_dashes(text, torrents))
    indent = _read_indent(text, dashes[-1])
    end = _find_item_end(text, torrents.items[-1], len(indent))
    apart = len(dashes) > 1 and _has_blank_line_before(text, dashes[-1])
    lines: list[str] = []
    for entry in entries:
        lines += [""] * apart + render_block_entry(entry, indent)
    return [_insert_lines(text, end, lines)]


def _append_to_flow(text: str, torrents: LayoutNode, entries: Sequence[YamlEntry]) -> list[TextEdit]:
    last, added = torrents.items[-1], [render_flow_entry(entry) for entry in entries]
    comma = skip_space_and_comments(text, last.end)
    has_comma = text[comma] == ","
    margin = text[find_line_start(text, last.start) : last.start]
    from_here = comma + 1 if has_comma else last.end
    end = find_line_end(text, from_here)
    rest = text[from_here:end].strip()
    if margin.strip() or (rest and not rest.startswith("#")):  # not a line for each item
        return [TextEdit(last.end, last.end, "".join(f", {one}" for one in added))]
    newline = _detect_newline(text, end)
    lines = newline + margin + f",{newline}{margin}".join(added)
    return (
        [TextEdit(end, end, lines + ",")]
        if has_comma
        else [TextEdit(last.end, last.end, ","), TextEdit(end, end, lines)]
    )


def _fill_empty_list(text: str, root: LayoutNode, torrents: LayoutNode, entries: Sequence[YamlEntry]) -> list[TextEdit]:
    """`[]` gives way to a block list, where nothing but a comment follows on its line."""
    bracket = skip_properties(text, torrents.start)
    rest = text[torrents.end : find_line_end(text, torrents.end)].strip()
    if root.is_flow or text[bracket + 1 : torrents.end - 1].strip() or (rest and not rest.startswith("#")):
        return [TextEdit(bracket + 1, bracket + 1, ", ".join(map(render_flow_entry, entries)))]
    start = bracket
    while text[start - 1] in " \t":
        start -= 1
    indent = " " * (root.column + 1)
    lines = [line for entry in entries for line in render_block_entry(entry, indent)]
    return [TextEdit(start, torrents.end), _insert_lines(text, find_next_line(text, torrents.end), lines)]


def _append_list(text: str, root: LayoutNode, entries: Sequence[YamlEntry]) -> list[TextEdit]:
    if root.kind != "mapping" or not root.items:
        raise UnsupportedLayout("it is no mapping of keys and values")
    if root.is_flow:
        listed = ", ".join(map(render_flow_entry, entries))
        return [TextEdit(root.items[-1].end, root.items[-1].end, f", torrents: [{listed}]")]
    margin = " " * (root.column - 1)
    lines = ["", f"{margin}torrents:", *(line for one in entries for line in render_block_entry(one, margin + "  "))]
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
    """What stands for a list with nothing in it."""
    if torrents.has_anchor:
        raise UnsupportedLayout("its list of torrents has an anchor (&), and nothing would be left of it")
    colon = text.index(":", key.end) + 1
    return TextEdit(colon, colon, " []")


def _cut_flow_items(text: str, torrents: LayoutNode, indexes: Sequence[int]) -> list[TextEdit]:
    items, gone = torrents.items, set(indexes)
    kept = [index for index in range(len(items)) if index not in gone]
    tail = kept[-1] + 1 if kept else 0  # from here on all go
    edits = [_cut_item(text, items[index]) for index in indexes if index < tail]
    if tail < len(items):
        start, end = items[tail - 1].end if tail else items[0].start, items[-1].end
        if not tail and text[comma := skip_space_and_comments(text, end)] == ",":
            end = comma + 1  # a list of a comma alone is none
        if LINE_BREAK.search(text, start, end):
            return edits + [_cut_item(text, item) for item in items[tail:]]
        edits.append(TextEdit(start, end))
    return edits


def _cut_item(text: str, item: LayoutNode) -> TextEdit:
    """An item with the comma and the space behind it, and its line where nothing else is on it."""
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
    """Where the `-` of each item of a block list is. Only space and comments lie between an item and the next `-`."""
    at = skip_properties(text, torrents.start)
    for item in torrents.items:
        dash = skip_space_and_comments(text, at)
        if text[dash : dash + 1] != "-":
            raise UnsupportedLayout("its list of torrents is not laid out as one item after the other")
        yield dash
        at = max(item.end, dash + 1)


def _read_indent(text: str, dash: int) -> str:
    indent = text[find_line_start(text, dash) : dash]
    if indent.strip(" "):
        raise UnsupportedLayout("its list of torrents begins on the line of something else")
    return indent


def _find_item_end(text: str, item: LayoutNode, column: int) -> int:
    """Where the line after an item begins. Comments right below it that are indented more than it belong to it."""
    at = item.end if is_line_start(text, item.end) else find_next_line(text, item.end)
    while at < len(text):
        line = text[at : find_line_end(text, at)]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) <= column:
            break
        at = find_next_line(text, at)
    return at


def _has_blank_line_before(text: str, offset: int) -> bool:
    start = find_line_start(text, offset)
    return start > 0 and not text[find_line_start(text, start - 1) : start].strip()
