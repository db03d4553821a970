"""A strict decoder for bencode, the encoding of .torrent files (BEP 3).

Strict, because an infohash is over bytes: a value that can be written in two ways would let two programs disagree about
which torrent a file is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

BencodeValue = int | bytes | list["BencodeValue"] | dict[bytes, "BencodeValue"]

MAX_DEPTH: Final = 99  # as libtorrent, which qBittorrent uses
MAX_VALUES: Final = 2_000_000  # as libtorrent; a torrent of 200,000 files has 1.6 million

_LENGTH_PATTERN = re.compile(rb"(0|[1-9][0-9]{0,9}):")
_NUMBER_PATTERN = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")
_INT64_RANGE: Final = range(-(2**63) + 1, 2**63)  # as libtorrent: without the smallest number
_DICT, _LIST, _INT, _END = b"dlie"


class BencodeError(ValueError):
    """The bytes are not valid bencode. The message is one clause without a full stop, and quotes none of the bytes."""


def decode_bencode(data: bytes) -> tuple[BencodeValue, Mapping[bytes, slice]]:
    """Decode the value in `data`. If it is a dictionary, also return the slice of `data` that holds each of its values.

    Raises `BencodeError` for anything not in canonical form: numbers with leading zeros, keys out of order or repeated,
    bytes after the end; and for too many levels or values.
    """
    reader = _BencodeReader(data)
    value, end = reader.read_value(0, 0)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes follow after its end, at byte {end}")
    return value, reader.spans


class _BencodeReader:
    """Reads the bytes once. Every method takes the offset of a value and returns (value, offset of its end)."""

    def __init__(self, data: bytes) -> None:
        self.spans: dict[bytes, slice] = {}  # of the outermost dictionary
        self._data = data
        self._value_count = 0

    def read_value(self, offset: int, depth: int) -> tuple[BencodeValue, int]:
        self._value_count += 1
        if self._value_count > MAX_VALUES:
            raise BencodeError(f"it contains more than {MAX_VALUES:,} values")
        kind = self._data[offset] if offset < len(self._data) else None
        if kind == _INT:
            return self._read_integer(offset)
        if kind in (_LIST, _DICT):
            if depth == MAX_DEPTH:
                raise BencodeError(f"it nests more than {MAX_DEPTH} levels deep, at byte {offset}")
            return self._read_list(offset + 1, depth + 1) if kind == _LIST else self._read_dict(offset + 1, depth + 1)
        return self.read_string(offset)

    def read_string(self, offset: int) -> tuple[bytes, int]:
        match = _LENGTH_PATTERN.match(self._data, offset)
        if not match:
            raise self._make_error(offset, "a number, a text, a list or a dictionary is expected")
        start = match.end()
        end = start + int(match[1])
        if end > len(self._data):
            raise BencodeError(f"it ends too early: the text at byte {offset} is {end - len(self._data)} bytes longer")
        return self._data[start:end], end

    def _read_integer(self, offset: int) -> tuple[int, int]:
        match = _NUMBER_PATTERN.match(self._data, offset)
        number = int(match[1]) if match else 0
        if not match or number not in _INT64_RANGE:
            raise self._make_error(offset, "a number is not in its canonical form, or has more than 64 bits,")
        return number, match.end()

    def _read_list(self, offset: int, depth: int) -> tuple[list[BencodeValue], int]:
        items: list[BencodeValue] = []
        data = self._data
        while data[offset : offset + 1] != b"e":
            item, offset = self.read_value(offset, depth)
            items.append(item)
        return items, offset + 1

    def _read_dict(self, offset: int, depth: int) -> tuple[dict[bytes, BencodeValue], int]:
        values: dict[bytes, BencodeValue] = {}
        data, previous_key = self._data, b""
        while data[offset : offset + 1] != b"e":
            key, start = self.read_string(offset)
            if values and key <= previous_key:
                fault = "repeated" if key == previous_key else "out of order"
                raise BencodeError(f"a key of a dictionary is {fault}, at byte {offset}")
            values[key], end = self.read_value(start, depth)
            if depth == 1:
                self.spans[key] = slice(start, end)
            offset, previous_key = end, key
        return values, offset + 1

    def _make_error(self, offset: int, problem: str) -> BencodeError:
        if offset >= len(self._data):
            return BencodeError(f"it ends too early, after {len(self._data)} bytes")
        return BencodeError(f"{problem} at byte {offset}")
