"""Parse a long reply in pieces, so that its body, its rows and what these become never exist all at once.

qBittorrent writes JSON without spaces. There, `},{"` with a letter behind it is the border of two rows: a quotation
mark inside a text has a backslash before it. But the result does not depend on that. Where each piece is a JSON list by
itself, the whole is the list of all their rows, wherever it was cut; where one is not, the rest is parsed in one.

See docs/decisions/0132-long-replies-are-parsed-in-pieces.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from pydantic import ValidationError

T = TypeVar("T")

MIN_PIECE: Final = 1 << 17  # bytes; smaller pieces take more time
_BORDER: Final = re.compile(rb'\},\{"[a-z]')


def parse_list(chunks: Iterable[bytes], parse: Callable[[bytes], T]) -> Iterator[T]:
    """Yield the result of `parse` for each piece of a JSON list, at least one. Raises what `parse` raises."""
    following = iter(chunks)
    parts: list[bytes] = []  # of the next piece
    size = 0
    for chunk in following:
        parts.append(chunk)
        size += len(chunk)
        border = _find_last_border(chunk) if size >= MIN_PIECE else -1
        if border < 0:
            continue
        parts[-1], start = chunk[: border + 1], chunk[border + 2 :]
        text = b"".join(parts)
        parts = []
        try:
            parsed = parse(text + b"]")
        except ValidationError as error:
            if error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] != "json_invalid":
                raise
            parts = [text, b",", start, *following]
            break
        yield parsed
        parts, size = [b"[", start], len(start)
    yield parse(b"".join(parts))


def _find_last_border(chunk: bytes) -> int:
    """Return the offset of the last border of two rows; -1 if there is none."""
    border = chunk.rfind(b'},{"')
    while border >= 0 and not _BORDER.match(chunk, border):
        border = chunk.rfind(b'},{"', 0, border)
    return border
