"""Adds to problems the line that they are in, without its secrets, from the text that was loaded.

Each problem keeps only a short piece of its line, so that neither a file of one long line nor many warnings need much
memory, and what is shown cannot change with the file.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.desired.context import MAX_PROBLEMS, LoadedText
from reconciler.desired.files import read_text
from reconciler.desired.masking import MASK, mask_broken_line, mask_key, mask_links, mask_value
from reconciler.desired.yaml.document import Loc, is_merge
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.codes import Code
from reconciler.model.position import Excerpt, Problem

_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as libyaml counts lines
_COMMENT: Final = re.compile(r"(?:\A|(?<=\s))#.*")
_MAX_SCALARS: Final = 50_000  # of all instances, aliases repeated; of more, nothing is shown
_MAX_PIECE: Final = 200  # characters of each part of an excerpt: more than any terminal shows of a line


@dataclass(slots=True)
class _LineParts:
    """The parts of one line: (start, end, text to show) of each scalar, and the ends of what begins there."""

    scalars: list[tuple[int, int, str]] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)


def add_excerpts(problems: Sequence[Problem], texts: Mapping[str, LoadedText]) -> tuple[Problem, ...]:
    """Return the problems, the first `MAX_PROBLEMS` of them with their excerpts."""
    lines_by_file: defaultdict[str, set[int]] = defaultdict(set)
    for problem in problems[:MAX_PROBLEMS]:
        if not problem.of_file and problem.position.file in texts:
            lines_by_file[problem.position.file].add(problem.position.line - 1)
    shown = {file: _ShownLines(texts[file], lines) for file, lines in lines_by_file.items()}
    return tuple(
        replace(problem, excerpt=shown[problem.position.file].build_excerpt(problem))
        if index < MAX_PROBLEMS and not problem.of_file and problem.position.file in shown
        else problem
        for index, problem in enumerate(problems)
    )


def add_excerpts_from_files(problems: Sequence[Problem], loaded_at: float) -> tuple[Problem, ...]:
    """Return the problems with their excerpts, for what a plan has found after the texts of a load are gone.

    A file that cannot be read, or has changed since it was loaded, is not shown. `loaded_at`: the time (`time.time`)
    before which the load had not begun.
    """
    names = {problem.position.file for problem in problems if not problem.of_file}
    texts = {name: text for name in names if (text := _read_unchanged(Path(name), loaded_at)) is not None}
    return add_excerpts(
        problems, {name: LoadedText(text, compose_nodes(name, text)[0]) for name, text in texts.items()}
    )


def _read_unchanged(path: Path, loaded_at: float) -> str | None:
    """Return the text of a file that nobody has written since; None for any other."""
    text = read_text(path, [])  # first, so that the times are not older than the text
    try:
        status = path.stat()
    except OSError:
        return None
    return text if max(status.st_mtime, status.st_ctime) < loaded_at else None


class _ShownLines:
    """Some lines of one file, as they may be shown."""

    def __init__(self, loaded: LoadedText, numbers: Iterable[int]) -> None:
        self._numbers = sorted(numbers)
        self._roots = loaded.roots
        needed = set(self._numbers)
        self._lines = {
            number: line
            for number, line in _iter_lines(loaded.text, self._numbers[-1])
            if number in needed or not self._roots
        }
        self._parts = {number: _LineParts() for number in self._numbers if number in self._lines}
        self._secret_ids: set[int] = set()
        self._visited_ids: set[int] = set()
        self._has_too_many_aliases = False
        for root in self._roots:
            self._find_secret_ids(root)
        for root in self._roots:
            self._visit(root, ())

    def build_excerpt(self, problem: Problem) -> Excerpt | None:
        """Return the excerpt of one problem; None for a line that the text does not have."""
        number, column = problem.position.line - 1, problem.position.column - 1
        line = self._lines.get(number)
        if line is None:
            return None
        if not self._roots:
            return _split_broken_line(list(self._lines.values()), number, column)
        parts = self._parts[number]
        return _split_line(line, column, parts.ends.get(column, column + 1), parts.scalars, problem.code)

    def _find_secret_ids(self, root: Node) -> None:
        """Find the scalars of instances that are masked: an alias may use them elsewhere, and other text here."""
        instances = (value for key, value in _iter_pairs(root) if key.value == "instances")
        scalars = (pair for value in instances for pair in _iter_scalars(value, ("instances",), frozenset()))
        for node, loc in islice(scalars, _MAX_SCALARS):
            if id(node) not in self._secret_ids and mask_value(loc, node.value, node.value) != node.value:
                self._secret_ids.add(id(node))
        self._has_too_many_aliases |= next(scalars, None) is not None

    def _visit(self, node: Node, loc: Loc) -> None:
        """Find the parts of all needed lines in a node. A collection is visited once, where its anchor is."""
        index = bisect_left(self._numbers, node.start_mark.line)
        if index == len(self._numbers) or self._numbers[index] > node.end_mark.line:
            return
        if isinstance(node, ScalarNode):
            self._add_scalar(node, loc, is_key=False)
            return
        if id(node) in self._visited_ids:
            return
        self._visited_ids.add(id(node))
        if isinstance(node, SequenceNode):
            for number, item in enumerate(node.value):
                self._visit(item, (*loc, number))
        for key, value in node.value if isinstance(node, MappingNode) else ():
            if isinstance(key, ScalarNode):
                self._add_scalar(key, loc, is_key=True)
                self._visit(value, loc if is_merge(key) else (*loc, str(key.value)))
            else:
                self._visit(key, ())
                self._visit(value, ())

    def _add_scalar(self, node: ScalarNode, loc: Loc, *, is_key: bool) -> None:
        first, last = node.start_mark, node.end_mark
        for number in self._numbers[bisect_left(self._numbers, first.line) : bisect_right(self._numbers, last.line)]:
            if number not in self._parts:
                continue  # after the end of the text
            line = self._lines[number]
            start = first.column if number == first.line else len(line) - len(line.lstrip())
            end = last.column if number == last.line else len(line.rstrip())
            if end <= start and node.value:
                continue
            written = line[start:end]
            text = (
                mask_key(loc, written) if is_key else self._mask(loc, written, node, is_whole=first.line == last.line)
            )
            parts = self._parts[number]
            parts.scalars.append((start, end, text))
            if number == first.line:
                parts.ends[start] = max(end, start + 1)

    def _mask(self, loc: Loc, written: str, node: ScalarNode, *, is_whole: bool) -> str:
        is_used_as_secret = id(node) in self._secret_ids and loc[:1] != ("instances",)
        if is_used_as_secret or self._has_too_many_aliases:
            return MASK if written else written
        shown = mask_value(loc, written, str(node.value) if is_whole else written)
        return shown if is_whole or shown == written else MASK


def _iter_lines(text: str, last: int) -> Iterator[tuple[int, str]]:
    """Iterate over the lines of a text with their indexes, up to the index `last`."""
    start = number = 0
    for match in _LINE_BREAK.finditer(text):
        yield number, text[start : match.start()]
        start, number = match.end(), number + 1
        if number > last:
            return
    yield number, text[start:]


def _iter_pairs(node: Node) -> Iterator[tuple[ScalarNode, Node]]:
    if isinstance(node, MappingNode):
        yield from ((key, value) for key, value in node.value if isinstance(key, ScalarNode))


def _iter_scalars(node: Node, loc: Loc, outer_ids: frozenset[int]) -> Iterator[tuple[ScalarNode, Loc]]:
    """Iterate over the scalars in a node that are no keys, with their locations."""
    if isinstance(node, ScalarNode):
        yield node, loc
    elif id(node) not in outer_ids:  # an alias may contain itself
        inner_ids = outer_ids | {id(node)}
        for number, item in enumerate(node.value if isinstance(node, SequenceNode) else ()):
            yield from _iter_scalars(item, (*loc, number), inner_ids)
        for key, value in _iter_pairs(node):
            yield from _iter_scalars(value, loc if is_merge(key) else (*loc, str(key.value)), inner_ids)


def _split_line(line: str, start: int, end: int, scalars: Sequence[tuple[int, int, str]], code: str) -> Excerpt:
    """Return the line around the columns from `start` to `end`, with its scalars as they may be shown."""
    shown_by_span: dict[tuple[int, int], str] = {}
    for first, last, text in scalars:  # an alias may show a scalar in two ways
        shown_by_span[first, last] = MASK if MASK in (text, shown_by_span.get((first, last))) else text
    pieces: list[tuple[int, int, str]] = []
    offset = 0
    for (first, last), text in sorted(shown_by_span.items()):
        if first >= offset:
            pieces += [(offset, first, line[offset:first]), (first, last, text)]
            offset = last
    comment = _COMMENT.search(line, offset)
    rest = line[offset : comment.start() if comment else len(line)]
    if comment and code == Code.CUT_TEXT and all(MASK not in text for _, _, text in pieces):
        rest += mask_links(comment[0])
    pieces.append((offset, len(line), rest))
    before, marked, after = "", "", ""
    for first, last, text in pieces:
        if last <= start:
            before += text
        elif first >= end:
            after += text
        elif len(text) == last - first:  # shown as it is written
            before, marked, after = (
                before + text[: max(start - first, 0)],
                marked + text[max(start - first, 0) : end - first],
                after + text[end - first :],
            )
        else:
            marked += text
    return _cut(before, marked, after)


def _split_broken_line(lines: list[str], number: int, column: int) -> Excerpt:
    line, shown = lines[number], mask_broken_line(lines, number)
    start = min(column, len(shown))
    if line[:start] != shown[:start]:  # the place is behind something that is masked
        start = max(shown.rfind(MASK), 0)
    end = start + len(MASK) if shown.startswith(MASK, start) else start + 1
    return _cut(shown[:start], shown[start:end], shown[end:])


def _cut(before: str, marked: str, after: str) -> Excerpt:
    """Return the parts around the place, without what is far from it."""
    if len(before) > _MAX_PIECE:
        before = "…" + before[-_MAX_PIECE:]
    if len(marked) > _MAX_PIECE:
        marked, after = marked[:_MAX_PIECE] + "…", ""
    after = after.rstrip()
    return Excerpt(before, marked, after[:_MAX_PIECE] + "…" if len(after) > _MAX_PIECE else after)
