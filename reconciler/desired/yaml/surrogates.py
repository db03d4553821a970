r"""Reads JSON's escapes of characters beyond U+FFFF: two halves (surrogates), as in "\ud83d\ude00".

YAML 1.2 has `\U0001F600` for them, and libyaml refuses halves, but every JSON encoder writes them. They are replaced
before the parse by escapes of the same length, so that no position changes, and are joined in the values afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # a C extension without type hints
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import ScalarEvent

from reconciler.model.lazy_dataclass import dataclass

_HALF: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_ESCAPE: Final = r"(?s)\\(?:u([0-9a-fA-F]{4})|.)"
_FIRST_HALVES: Final = range(0xD800, 0xDC00)
_HALVES: Final = range(0xD800, 0xE000)
_STAND_IN_BASES: Final = (0xE000, 0xE800, 0xF000)  # for private use, 0x800 characters each


class LoneSurrogateError(ValueError):
    """An escape is half of a character. `offset` is its offset in the text."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class ReplacedText:
    """A text whose halves are replaced by stand-ins, each by the character `shift` after it."""

    text: str
    shift: int = 0

    def restore(self, value: str) -> str:
        """Return a value that was parsed from `text` with its halves joined to characters."""
        if not self.shift:
            return value
        halves = range(_HALVES.start + self.shift, _HALVES.stop + self.shift)
        units = "".join(chr(ord(unit) - self.shift) if ord(unit) in halves else unit for unit in value)
        return units.encode("utf-16", "surrogatepass").decode("utf-16")


def replace_surrogates(text: str) -> ReplacedText:
    """Replace the halves in all double-quoted texts. In a text that is not YAML, they may be replaced elsewhere too.

    Raises `LoneSurrogateError` for the first half without the other.
    """
    if not _HALF.search(text):
        return ReplacedText(text)
    base = next((base for base in _STAND_IN_BASES if not _has_characters(text, base)), None)
    if base is None:
        return ReplacedText(text)
    shift = base - _HALVES.start
    everywhere = _HALF.sub(lambda match: _shift_half(match[0], shift), text)
    parts, end = [], 0
    try:
        for start, stop in _iter_quoted_texts(everywhere):
            for offset in _iter_halves(text, start, stop):
                parts += [text[end:offset], _shift_half(text[offset : offset + 6], shift)]
                end = offset + 6
    except YAMLError:  # the parse that follows fails in the same way
        return ReplacedText(everywhere, shift)
    return ReplacedText("".join([*parts, text[end:]]), shift)


def _has_characters(text: str, base: int) -> bool:
    """True if the text has one of the characters that begin at `base`, written as it is or as an escape."""
    digits = "".join(f"{digit:x}{digit:X}" for digit in range(base >> 8 & 0xF, (base >> 8 & 0xF) + 8))
    escape = rf"\\(?:u|U0000){hex(base)[2]}[{digits}]"
    return bool(re.search(f"[{chr(base)}-{chr(base + 0x7FF)}]|(?i:{escape})", text))


def _shift_half(escape: str, shift: int) -> str:
    return rf"\u{int(escape[2:], 16) + shift:04x}"


def _iter_quoted_texts(text: str) -> Iterator[tuple[int, int]]:
    """Iterate over the (start, end) of the texts in double quotes. Raises `YAMLError`."""
    parser: Any = CParser(text)
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, ScalarEvent) and event.style == '"':
            yield event.start_mark.index, event.end_mark.index


def _iter_halves(text: str, start: int, stop: int) -> Iterator[int]:
    """Iterate over the offsets of all halves in a text in quotes. Raises `LoneSurrogateError`."""
    open_offset: int | None = None  # of a first half that waits for its second
    for match in re.compile(_ESCAPE).finditer(text, start, stop):
        unit = int(match[1], 16) if match[1] else 0
        is_second = unit in _HALVES and unit not in _FIRST_HALVES
        if open_offset is not None and not (is_second and match.start() == open_offset + 6):
            raise LoneSurrogateError(open_offset)
        if is_second and open_offset is None:
            raise LoneSurrogateError(match.start())
        open_offset = match.start() if unit in _FIRST_HALVES else None
        if unit in _HALVES:
            yield match.start()
    if open_offset is not None:
        raise LoneSurrogateError(open_offset)
