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

from reconciler.qbittorrent.errors import UnexpectedReply
from reconciler.qbittorrent.row_schemas import MainValues
from reconciler.qbittorrent.schemas import MainData

T = TypeVar("T")
E = TypeVar("E")
R = TypeVar("R", MainData, MainValues)

MIN_PIECE: Final = 1 << 17  # bytes; smaller pieces take more time
_ROW_BORDER: Final = re.compile(rb'\},\{"[a-z]')
_ENTRY_BORDER: Final = re.compile(rb'\},"[0-9a-f]{40}":\{')
_FIRST_ENTRY: Final = re.compile(rb'[{,]"torrents":\{"[0-9a-f]{40}":\{')
_MARK: Final = "0" * 40  # the id of no torrent


def parse_list(chunks: Iterable[bytes], parse: Callable[[bytes], T]) -> Iterator[T]:
    """Yield the result of `parse` for each piece of a JSON list, at least one. Raises what `parse` raises."""
    following: Iterator[bytes] = iter(chunks)
    parts: list[bytes] = []  # of the next piece
    size = 0
    for chunk in following:
        parts.append(chunk)
        size += len(chunk)
        border = _find_last_border(chunk, _ROW_BORDER) if size >= MIN_PIECE else -1
        if border < 0:
            continue
        parts[-1], start = chunk[: border + 1], chunk[border + 2 :]
        text = b"".join(parts)
        parts = []
        try:
            parsed = parse(text + b"]")
        except ValidationError as error:
            if not _is_no_json(error):
                raise
            parts = [text, b",", start, *following]
            break
        yield parsed
        parts, size = [b"[", start], len(start)
    yield parse(b"".join(parts))


def parse_main_data(
    chunks: Iterable[bytes],
    parse: Callable[[bytes], R],
    parse_entries: Callable[[bytes], dict[str, E]],
    take: Callable[[dict[str, E]], None],
) -> R:
    """Return the result of `parse` for a reply of sync/maindata, with few of its torrents or none.

    `take` gets the others, each piece of them as the result of `parse_entries`, and may be called before an error of
    `parse`. Raises what these raise, and `UnexpectedReply`.
    """
    following: Iterator[bytes] = iter(chunks)
    head = b""
    parts: list[bytes] = []  # of the next piece
    size = 0
    for chunk in following:
        parts.append(chunk)
        size += len(chunk)
        border = _find_last_border(chunk, _ENTRY_BORDER) if size >= MIN_PIECE else -1
        if border < 0:
            continue
        text, start = b"".join([*parts[:-1], chunk[: border + 1]]), chunk[border + 2 :]
        if head:
            try:
                entries = parse_entries(b"{%b}" % text)
            except ValidationError as error:
                if not _is_no_json(error):
                    raise
                parts = [text, b",", start, *following]
                break
            take(entries)
        elif not _FIRST_ENTRY.search(text):
            continue
        else:
            head = text
        parts, size = [start], len(start)
    tail = b"".join(parts)
    if not head:
        return parse(tail)
    reply = parse(b'%b,"%b":{},%b' % (head, _MARK.encode(), tail))
    if reply.get("torrents", {}).pop(_MARK, None) is None:  # the pieces were of something else
        raise UnexpectedReply("answered with torrents in another place than qBittorrent")
    return reply


def _is_no_json(error: ValidationError) -> bool:
    return error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] == "json_invalid"


def _find_last_border(chunk: bytes, border: re.Pattern[bytes]) -> int:
    """Return the offset of the last border in a chunk; -1 if there is none."""
    offset = chunk.rfind(b"},")
    while offset >= 0 and not border.match(chunk, offset):
        offset = chunk.rfind(b"},", 0, offset)
    return offset
