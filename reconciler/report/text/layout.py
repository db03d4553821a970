"""Lines that fit a terminal: broken between words, with a hanging indent, and long names cut in the middle.

Nothing is broken or cut where there is no terminal: scripts read one line for each action, with the full name.
See docs/decisions/0121-lines-are-fitted-when-they-are-written.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, measure_width

_MIN_TEXT_WIDTH: Final = 30  # columns to the right of an indent; on a narrow terminal the indent gets smaller
_NARROW_INDENT: Final = 4
_MIN_NAME_WIDTH: Final = 8
_WORTHWHILE: Final = 8  # columns that a line break must gain for a field that has to be broken anyway
_TOKEN: Final = re.compile(" +|[^ ]+")
_SEPARATOR: Final = "·"
_ARROW: Final = "→"  # stays with the value after it


@dataclass(slots=True)
class _Word:
    """Text without a place to break it, and the gap before it.

    `level`: what begins with it: a group of fields (2), a field (1), or nothing (0). `is_forced`: after a `BREAK`.
    """

    gap: tuple[Span, ...]
    level: int
    is_forced: bool
    spans: list[Span] = field(default_factory=list)

    @property
    def gap_width(self) -> int:
        return _measure_spans(self.gap)

    @property
    def width(self) -> int:
        return _measure_spans(self.spans)


def fit_lines(lines: Iterable[Line], width: int | None) -> Iterator[Line]:
    """Return the lines, each broken into several if it is wider than that many columns; None: as they are."""
    for line in lines:
        if width is None:
            yield line
        else:
            yield from fit_line(line, width)


def fit_line(line: Line, width: int) -> Iterator[Line]:
    """Return the line, broken if it is wider than that.

    Groups of fields are separated by two spaces or more, the fields of a group by ` · `. A group that has no room moves
    to the next line; it is broken between its fields, and these between words, only if they are wider than a line.
    """
    shown = [(sanitize_text(text), style) for text, style in line]
    if measure_width("".join(text for text, _ in shown).rstrip()) <= width or any(s is Style.COPY for _, s in shown):
        yield line
        return
    hang = _find_hang(shown)
    words = _split_words([_cut_span(span, width, hang) for span in shown])
    if not words:
        yield EMPTY_LINE
        return
    yield from _LineFiller(width, words[0], hang).fill(words)


def shorten_text(text: str, width: int) -> str:
    """Return the text, with an ellipsis in its middle if it is wider than that: both its ends tell it from others."""
    if measure_width(text) <= width:
        return text
    room = max(width - 1, 1)
    tail = _take_columns(text[::-1], room // 3)[::-1]
    while tail and measure_width(tail[0]) == 0:  # a combining character without its base
        tail = tail[1:]
    return f"{_take_columns(text, room - measure_width(tail))}…{tail}"


def _take_columns(text: str, width: int) -> str:
    """Return the longest beginning of the text that is not wider than that."""
    total = 0
    for index, char in enumerate(text):
        total += measure_width(char)
        if total > width:
            return text[:index]
    return text


def _measure_spans(spans: Sequence[Span]) -> int:
    return sum(measure_width(text) for text, _ in spans)


def _find_hang(spans: Sequence[Span]) -> int | None:
    """Return the column of the last `HANG`, or None."""
    places = [index for index, (_, style) in enumerate(spans) if style is Style.HANG]
    return _measure_spans(spans[: places[-1]]) if places else None


def _cut_span(span: Span, width: int, hang: int | None) -> Span:
    text, style = span
    if style is Style.RULE:
        return text[:width], style
    if style is Style.NAME:
        indent = hang if hang is not None and width - hang >= _MIN_TEXT_WIDTH else _NARROW_INDENT
        return shorten_text(text, max(width - indent, _MIN_NAME_WIDTH)), style
    return span


def _split_words(spans: Sequence[Span]) -> list[_Word]:
    """Split the spans into words, which may have several styles."""
    words: list[_Word] = []
    gap: list[Span] = []
    is_forced = is_open = False  # open: the next token belongs to the last word
    for text, style in spans:
        is_forced = is_forced or style is Style.BREAK
        for token in _TOKEN.findall(text):
            if token[0] == " " and is_open and words[-1].spans[-1][0] == _ARROW:
                words[-1].spans.append((token, style))
            elif token[0] == " " or (token == _SEPARATOR and gap):
                gap.append((token, style))
                is_open = False
            elif is_open:
                words[-1].spans.append((token, style))
            else:
                words.append(_Word(tuple(gap), _rank_gap(gap), is_forced, [(token, style)]))
                gap, is_forced, is_open = [], False, True
    return words


def _rank_gap(gap: Sequence[Span]) -> int:
    if any(text == _SEPARATOR for text, _ in gap):
        return 1
    return 2 if _measure_spans(gap) > 1 else 0


class _LineFiller:
    """Fills lines of one width with words."""

    def __init__(self, width: int, first: _Word, hang: int | None) -> None:
        lead = first.gap_width
        if width - lead < _MIN_TEXT_WIDTH:
            lead = min(lead, _NARROW_INDENT)
            first.gap = ((" " * lead, Style.PLAIN),) if lead else ()
        if hang is None:
            hang = lead + 2
        elif width - hang < _MIN_TEXT_WIDTH:
            hang = min(hang, lead + _NARROW_INDENT)
        self._width = width
        self._hang = hang
        self._spans: list[Span] = []
        self._column = 0
        self._is_new = True  # nothing but an indent in the line

    def fill(self, words: Sequence[_Word]) -> Iterator[Line]:
        """Yield the lines."""
        for index, word in enumerate(words):
            if index and self._must_break(words, index):
                yield _join_spans(self._spans)
                self._start_line(word.width)
            self._append(word, with_gap=not index or not self._is_new)
        yield _join_spans(self._spans)

    def _must_break(self, words: Sequence[_Word], index: int) -> bool:
        word = words[index]
        if word.is_forced:
            return True
        start = self._column + word.gap_width
        if start + word.width > self._width:
            return True
        for level in range(word.level, 0, -1):
            part_width = _measure_part(words[index:], level)
            if start + part_width <= self._width:
                return False
            if self._hang + part_width <= self._width:
                return True
        # too wide for a line of its own as well: it is broken between words, from here if that is not behind the hang
        return word.level > 0 and start > self._hang + _WORTHWHILE

    def _start_line(self, word_width: int) -> None:
        """Begin a line with the indent, or with a smaller one if the word needs it."""
        self._column = max(0, min(self._hang, self._width - word_width))
        self._spans = [(" " * self._column, Style.PLAIN)]
        self._is_new = True

    def _append(self, word: _Word, *, with_gap: bool) -> None:
        self._spans += [*(word.gap if with_gap else ()), *word.spans]
        self._column += (word.gap_width if with_gap else 0) + word.width
        self._is_new = False


def _join_spans(spans: Iterable[Span]) -> Line:
    """Return the spans with those of one style in a row as one."""
    groups = groupby(spans, key=lambda span: span[1])
    return tuple(("".join(text for text, _ in group), style) for style, group in groups)


def _measure_part(words: Sequence[_Word], level: int) -> int:
    """Return the width of the group or field that begins with the first of these words."""
    total = words[0].width
    for word in words[1:]:
        if word.level >= level:
            break
        total += word.gap_width + word.width
    return total
