"""Bencode, read strictly: the encoding of .torrent files (BEP 3).

Strict, because an infohash is over bytes: whatever can be written in two ways would let two programs disagree about
which torrent a file is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

Value = int | bytes | list["Value"] | dict[bytes, "Value"]

MAX_DEPTH: Final = 99  # as libtorrent, which qBittorrent reads with
MAX_VALUES: Final = 2_000_000  # as libtorrent; a torrent of 200,000 files has 1.6 million

_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,9}):")
_NUMBER = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")
_INT64: Final = range(-(2**63) + 1, 2**63)  # as libtorrent: without the smallest
_DICT, _LIST, _INT, _END = b"dlie"


class BencodeError(ValueError):
    """The bytes are not bencode. The message is one clause without a final stop, and quotes none of the bytes."""


def decode(data: bytes) -> tuple[Value, Mapping[bytes, slice]]:
    """The one value that `data` is; and, where that is a dictionary, where in `data` each of its values stands.

    Raises `BencodeError` for anything that is not in the one form that bencode allows: numbers with leading zeros,
    keys out of order or twice, bytes that are left over; and for what nests too deep or holds too many values.
    """
    reader = _Reader(data)
    value, end = reader.value(0, 0)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes follow after its end, at byte {end}")
    return value, reader.spans


class _Reader:
    """Walks through the bytes once. Every method takes where to begin and gives (value, where it ends)."""

    def __init__(self, data: bytes) -> None:
        self.spans: dict[bytes, slice] = {}  # of the outermost dictionary
        self._data = data
        self._values = 0

    def value(self, at: int, depth: int) -> tuple[Value, int]:
        self._values += 1
        if self._values > MAX_VALUES:
            raise BencodeError(f"it holds more than {MAX_VALUES:,} values")
        kind = self._data[at] if at < len(self._data) else None
        if kind == _INT:
            return self._number(at)
        if kind in (_LIST, _DICT):
            if depth == MAX_DEPTH:
                raise BencodeError(f"it nests more than {MAX_DEPTH} levels deep, at byte {at}")
            return self._list(at + 1, depth + 1) if kind == _LIST else self._dict(at + 1, depth + 1)
        return self.text(at)

    def text(self, at: int) -> tuple[bytes, int]:
        found = _LENGTH.match(self._data, at)
        if not found:
            raise self._wrong(at, "a number, a text, a list or a dictionary is expected")
        begin = found.end()
        end = begin + int(found[1])
        if end > len(self._data):
            raise BencodeError(f"it ends too early: the text at byte {at} is {end - len(self._data)} bytes longer")
        return self._data[begin:end], end

    def _number(self, at: int) -> tuple[int, int]:
        found = _NUMBER.match(self._data, at)
        number = int(found[1]) if found else 0
        if not found or number not in _INT64:
            raise self._wrong(at, "a number is not written in its one form, or has more than 64 bits,")
        return number, found.end()

    def _list(self, at: int, depth: int) -> tuple[list[Value], int]:
        items: list[Value] = []
        data = self._data
        while data[at : at + 1] != b"e":
            item, at = self.value(at, depth)
            items.append(item)
        return items, at + 1

    def _dict(self, at: int, depth: int) -> tuple[dict[bytes, Value], int]:
        found: dict[bytes, Value] = {}
        data, before = self._data, b""
        while data[at : at + 1] != b"e":
            key, begin = self.text(at)
            if found and key <= before:
                how = "twice" if key == before else "out of order"
                raise BencodeError(f"a key of a dictionary is there {how}, at byte {at}")
            found[key], end = self.value(begin, depth)
            if depth == 1:
                self.spans[key] = slice(begin, end)
            at, before = end, key
        return found, at + 1

    def _wrong(self, at: int, what: str) -> BencodeError:
        if at >= len(self._data):
            return BencodeError(f"it ends too early, after {len(self._data)} bytes")
        return BencodeError(f"{what} at byte {at}")
