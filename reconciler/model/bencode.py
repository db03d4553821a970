"""A decoder for bencode, the encoding of .torrent files (BEP 3), that accepts what every supported qBittorrent accepts.

Trackers serve files that are not in canonical form, and libtorrent reads them. An infohash is over the bytes as they
stand, so two programs agree on it as long as they agree on where a value begins and ends, and which of two equal keys
counts. Measured on qBittorrent 4.2.5, 4.5.2, 5.1.0 and 5.3.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

BencodeValue = int | bytes | list["BencodeValue"] | dict[bytes, "BencodeValue"]

MAX_DEPTH: Final = 99  # as libtorrent, which qBittorrent uses
MAX_VALUES: Final = 2_000_000  # as libtorrent; a torrent of 200,000 files has 1.6 million

_LENGTH_PATTERN = re.compile(rb"([0-9]{1,8}):")  # 4.2.5 refuses nine digits
_NUMBER_PATTERN = re.compile(rb"i(-?[0-9]{1,20})e")  # every version refuses 21 digits
_DICT, _LIST, _INT, _END = b"dlie"


class BencodeError(ValueError):
    """The bytes are not valid bencode. The message is one clause without a full stop, and quotes none of the bytes."""


def decode_bencode(data: bytes) -> tuple[BencodeValue, Mapping[bytes, slice]]:
    """Decode the value that `data` begins with. If it is a dictionary, also return the slice of each of its values.

    As libtorrent does: bytes after the end are ignored, numbers may have leading zeros, keys may be in any order, and
    of repeated keys the first counts. Raises `BencodeError` for anything else, and for too many levels or values.
    """
    reader = _BencodeReader(data)
    return reader.read_value(0, 0)[0], reader.spans


def encode_bencode(value: BencodeValue) -> bytes:
    """Return the canonical form of a value, which is the only one that BEP 3 allows."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%b" % (len(value), value)
        case list():
            return b"l%be" % b"".join(map(encode_bencode, value))
    return b"d%be" % b"".join(encode_bencode(key) + encode_bencode(value[key]) for key in sorted(value))


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
        if not match:
            raise self._make_error(offset, "a number does not consist of 1 to 20 digits")
        return int(match[1]), match.end()

    def _read_list(self, offset: int, depth: int) -> tuple[list[BencodeValue], int]:
        items: list[BencodeValue] = []
        data = self._data
        while data[offset : offset + 1] != b"e":
            item, offset = self.read_value(offset, depth)
            items.append(item)
        return items, offset + 1

    def _read_dict(self, offset: int, depth: int) -> tuple[dict[bytes, BencodeValue], int]:
        values: dict[bytes, BencodeValue] = {}
        data = self._data
        while data[offset : offset + 1] != b"e":
            key, start = self.read_string(offset)
            value, offset = self.read_value(start, depth)
            values.setdefault(key, value)
            if depth == 1:
                self.spans.setdefault(key, slice(start, offset))
        return values, offset + 1

    def _make_error(self, offset: int, problem: str) -> BencodeError:
        if offset >= len(self._data):
            return BencodeError(f"it ends too early, after {len(self._data)} bytes")
        return BencodeError(f"{problem} at byte {offset}")
