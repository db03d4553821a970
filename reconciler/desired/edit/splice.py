"""Entries put into a text and taken out of it: replacements at known offsets, so that every other byte stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reconciler.desired.edit.layout import (
    BREAK,
    Piece,
    after_properties,
    at_line_start,
    line_end,
    line_start,
    next_line,
    skip,
)
from reconciler.desired.render import Entry, block_entry, flow_entry

Place = tuple[int, int]  # a document of the file, an entry of its torrents


class Stuck(Exception):
    """The text is written in a way that is not understood well enough to change it. The message says which."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str = ""


def with_entries(text: str, root: Piece, entries: Sequence[Entry]) -> str:
    """The text with entries at the end of the torrents of this document. Raises `Stuck`."""
    found = root.get("torrents")
    if found is None:
        return _applied(text, _new_list(text, root, entries))
    _, torrents = found
    if torrents.kind != "sequence":
        raise Stuck("its list of torrents stands somewhere else: it is an alias (*)")
    if not torrents.flow:
        return _applied(text, _after_block(text, torrents, entries))
    if torrents.items:
        return _applied(text, _after_flow(text, torrents, entries))
    return _applied(text, _first(text, root, torrents, entries))


def with_document(text: str, entries: Sequence[Entry]) -> str:
    """The text with a document of its own for these entries at its end."""
    lines = ["---", "version: 1", "torrents:", *(line for entry in entries for line in block_entry(entry, "  "))]
    return _applied(text, [_lines(text, len(text), lines)])


def without_entries(text: str, roots: Sequence[Piece], places: Collection[Place]) -> str:
    """The text without these entries, and without the comments inside of them. Raises `Stuck`."""
    by_document: defaultdict[int, set[int]] = defaultdict(set)
    for document, index in places:
        by_document[document].add(index)
    edits: list[Edit] = []
    for document, indexes in by_document.items():
        found = roots[document].get("torrents")
        if found is None or found[1].kind != "sequence":
            raise Stuck("its list of torrents stands somewhere else: it is merged or an alias (*)")
        key, torrents = found
        cut = _cut_flow if torrents.flow else _cut_block
        edits += cut(text, torrents, sorted(indexes))
        if not torrents.flow and len(indexes) == len(torrents.items):
            edits.append(_empty(text, key, torrents))
    return _applied(text, edits)


def _newline(text: str, at: int) -> str:
    """How the line before `at` ends."""
    found = text.rfind("\n", 0, at)
    if found < 0:
        return "\r" if "\r" in text[:at] else "\n"
    return "\r\n" if text[found - 1 : found] == "\r" else "\n"


def _applied(text: str, edits: Sequence[Edit]) -> str:
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise Stuck("two of its entries share a line")
        parts += [text[at : edit.start], edit.new]
        at = edit.end
    return "".join([*parts, text[at:]])


def _lines(text: str, at: int, lines: Sequence[str]) -> Edit:
    """Lines of their own, from the beginning of a line on, or at the end of a text."""
    newline = _newline(text, at)
    before = "" if at_line_start(text, at) else newline
    return Edit(at, at, before + "".join(f"{line}{newline}" if line else newline for line in lines))


def _after_block(text: str, torrents: Piece, entries: Sequence[Entry]) -> list[Edit]:
    dashes = list(_dashes(text, torrents))
    indent = _indent(text, dashes[-1])
    end = _extent(text, torrents.items[-1], len(indent))
    apart = len(dashes) > 1 and _blank_before(text, dashes[-1])
    lines: list[str] = []
    for entry in entries:
        lines += [""] * apart + block_entry(entry, indent)
    return [_lines(text, end, lines)]


def _after_flow(text: str, torrents: Piece, entries: Sequence[Entry]) -> list[Edit]:
    last, added = torrents.items[-1], [flow_entry(entry) for entry in entries]
    comma = skip(text, last.end)
    has_comma = text[comma] == ","
    margin = text[line_start(text, last.start) : last.start]
    from_here = comma + 1 if has_comma else last.end
    end = line_end(text, from_here)
    rest = text[from_here:end].strip()
    if margin.strip() or (rest and not rest.startswith("#")):  # not a line for each item
        return [Edit(last.end, last.end, "".join(f", {one}" for one in added))]
    newline = _newline(text, end)
    lines = newline + margin + f",{newline}{margin}".join(added)
    return [Edit(end, end, lines + ",")] if has_comma else [Edit(last.end, last.end, ","), Edit(end, end, lines)]


def _first(text: str, root: Piece, torrents: Piece, entries: Sequence[Entry]) -> list[Edit]:
    """`[]` gives way to a block list, where nothing but a comment follows on its line."""
    bracket = after_properties(text, torrents.start)
    rest = text[torrents.end : line_end(text, torrents.end)].strip()
    if root.flow or text[bracket + 1 : torrents.end - 1].strip() or (rest and not rest.startswith("#")):
        return [Edit(bracket + 1, bracket + 1, ", ".join(map(flow_entry, entries)))]
    start = bracket
    while text[start - 1] in " \t":
        start -= 1
    indent = " " * (root.column + 1)
    lines = [line for entry in entries for line in block_entry(entry, indent)]
    return [Edit(start, torrents.end), _lines(text, next_line(text, torrents.end), lines)]


def _new_list(text: str, root: Piece, entries: Sequence[Entry]) -> list[Edit]:
    if root.kind != "mapping" or not root.items:
        raise Stuck("it is no mapping of keys and values")
    if root.flow:
        listed = ", ".join(map(flow_entry, entries))
        return [Edit(root.items[-1].end, root.items[-1].end, f", torrents: [{listed}]")]
    margin = " " * (root.column - 1)
    lines = ["", f"{margin}torrents:", *(line for one in entries for line in block_entry(one, margin + "  "))]
    return [_lines(text, _extent(text, root.items[-1], root.column - 1), lines)]


def _cut_block(text: str, torrents: Piece, indexes: Sequence[int]) -> list[Edit]:
    dashes = list(_dashes(text, torrents))
    edits = []
    for index in indexes:
        column = len(_indent(text, dashes[index]))
        edits.append(Edit(line_start(text, dashes[index]), _extent(text, torrents.items[index], column)))
    return edits


def _empty(text: str, key: Piece, torrents: Piece) -> Edit:
    """What stands for a list with nothing in it."""
    if torrents.anchored:
        raise Stuck("its list of torrents has an anchor (&), and nothing would be left of it")
    colon = text.index(":", key.end) + 1
    return Edit(colon, colon, " []")


def _cut_flow(text: str, torrents: Piece, indexes: Sequence[int]) -> list[Edit]:
    items, gone = torrents.items, set(indexes)
    kept = [index for index in range(len(items)) if index not in gone]
    tail = kept[-1] + 1 if kept else 0  # from here on all go
    edits = [_cut_item(text, items[index]) for index in indexes if index < tail]
    if tail < len(items):
        start, end = items[tail - 1].end if tail else items[0].start, items[-1].end
        if not tail and text[comma := skip(text, end)] == ",":
            end = comma + 1  # a list of a comma alone is none
        if BREAK.search(text, start, end):
            return edits + [_cut_item(text, item) for item in items[tail:]]
        edits.append(Edit(start, end))
    return edits


def _cut_item(text: str, item: Piece) -> Edit:
    """An item with the comma and the space behind it, and its line where nothing else is on it."""
    end = item.end
    if text[comma := skip(text, end)] == ",":
        end = comma + 1
    blank = end
    while text[blank] in " \t":
        blank += 1
    end = end if text[blank] == "#" else blank  # a comment needs the space before it
    start = line_start(text, item.start)
    if not text[start : item.start].strip() and line_end(text, end) == end:
        return Edit(start, next_line(text, end))
    return Edit(item.start, end)


def _dashes(text: str, torrents: Piece) -> Iterator[int]:
    """Where the `-` of each item of a block list is. Only space and comments lie between an item and the next `-`."""
    at = after_properties(text, torrents.start)
    for item in torrents.items:
        dash = skip(text, at)
        if text[dash : dash + 1] != "-":
            raise Stuck("its list of torrents is not laid out as one item after the other")
        yield dash
        at = max(item.end, dash + 1)


def _indent(text: str, dash: int) -> str:
    indent = text[line_start(text, dash) : dash]
    if indent.strip(" "):
        raise Stuck("its list of torrents begins on the line of something else")
    return indent


def _extent(text: str, item: Piece, column: int) -> int:
    """Where the line after an item begins. Comments right below it that are indented more than it belong to it."""
    at = item.end if at_line_start(text, item.end) else next_line(text, item.end)
    while at < len(text):
        line = text[at : line_end(text, at)]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) <= column:
            break
        at = next_line(text, at)
    return at


def _blank_before(text: str, at: int) -> bool:
    start = line_start(text, at)
    return start > 0 and not text[line_start(text, start - 1) : start].strip()
