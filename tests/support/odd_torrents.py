"""Made-up .torrent files that are not in canonical form: what every server accepts, and what every server refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reconciler.model.bencode import decode_bencode
from tests.support.torrents import bencode, make_torrent

Pairs = Sequence[tuple[bytes, Any]]


class _Raw(bytes):
    """Bencode as it stands."""


def _write_pairs(pairs: Pairs) -> _Raw:
    """Return a dictionary with these keys in this order, repeated ones too."""
    written = [bencode(key) + (value if isinstance(value, _Raw) else bencode(value)) for key, value in pairs]
    return _Raw(b"d" + b"".join(written) + b"e")


def _change_info(change: Callable[[list[tuple[bytes, Any]]], Pairs]) -> Callable[[bytes], bytes]:
    """Return a function that changes the keys of `info` in a .torrent file."""

    def change_file(data: bytes) -> bytes:
        whole: Any = decode_bencode(data)[0]
        info = _write_pairs(change(sorted(whole[b"info"].items())))
        return _write_pairs([(b"info", info)])

    return change_file


def _add(*pairs: tuple[bytes, Any]) -> Callable[[bytes], bytes]:
    return _change_info(lambda info: sorted([*info, *pairs], key=lambda pair: pair[0]))


def _set(key: bytes, value: Any) -> Callable[[bytes], bytes]:
    return _change_info(lambda info: [(name, value if name == key else old) for name, old in info])


def _remove(*keys: bytes) -> Callable[[bytes], bytes]:
    return _change_info(lambda info: [pair for pair in info if pair[0] not in keys])


def _set_files(*files: Any) -> Callable[[bytes], bytes]:
    return _change_info(lambda info: [(b"files", list(files)), *(pair for pair in info if pair[0] != b"length")])


def _make_file(length: Any, *path: Any) -> dict[bytes, Any]:
    return {b"length": length, b"path": list(path)}


def _prepend_keys(*pairs: tuple[bytes, Any]) -> Callable[[bytes], bytes]:
    return lambda data: _write_pairs(pairs)[:-1] + data[1:]


def _append_keys(*pairs: tuple[bytes, Any]) -> Callable[[bytes], bytes]:
    return lambda data: data[:-1] + _write_pairs(pairs)[1:]


_HALF = _make_file(10_000, b"b")
_FILE, _REVERSED_FILE = bencode(_HALF), _write_pairs(list(_HALF.items())[::-1])
_FOREIGN_INFO = {b"length": 5, b"name": b"other", b"piece length": 16_384, b"pieces": b"x" * 20}

ACCEPTED: dict[str, Callable[[bytes], bytes]] = {
    "line break at the end": lambda data: data + b"\n",
    "CR and LF at the end": lambda data: data + b"\r\n",
    "NUL at the end": lambda data: data + b"\0",
    "HTML at the end": lambda data: data + b"<!-- page -->",
    "another dictionary at the end": lambda data: data + b"de",
    "keys out of order": _append_keys((b"comment", b"x")),
    "keys of the info out of order": _change_info(lambda info: info[::-1]),
    "keys of a file out of order": lambda data: _set_files(_HALF, _HALF)(data).replace(_FILE, _REVERSED_FILE),
    "attributes of a file as a number": _set_files(_HALF | {b"attr": 1}, _HALF),
    "repeated key": _prepend_keys((b"comment", b"x"), (b"comment", b"y")),
    "repeated info": _append_keys((b"info", _FOREIGN_INFO)),
    "repeated key in the info": _change_info(lambda info: [*info[:2], (b"name", b"second"), *info[2:]]),
    "repeated length": _change_info(lambda info: [info[0], (b"length", 5), *info[1:]]),
    "name in Latin-1": _set(b"name", b"caf\xe9"),
    "name in no encoding": _set(b"name", b"\xff\xfe\xfa"),
    "name.utf-8 that is not UTF-8": _add((b"name.utf-8", b"\xff\xfe")),
    "name.utf-8 that is no text": _add((b"name.utf-8", 1)),
    "path in Latin-1": _set_files(_make_file(10_000, b"caf\xe9"), _HALF),
    "path.utf-8 that is no list": _set_files(_HALF | {b"path.utf-8": 1}, _HALF),
    "files that are no list": _add((b"files", 1)),
    "length with zeros": _set(b"length", _Raw(b"i0020000e")),
    "piece length with a zero": _set(b"piece length", _Raw(b"i016384e")),
    "minus zero": _add((b"x", _Raw(b"i-0e"))),
    "number of 65 bits": _add((b"x", 2**63)),
    "number of 20 digits": _add((b"x", 10**20 - 1)),
    "negative number of 20 digits": _add((b"x", 1 - 10**20)),
    "length of a text with zeros": _add((b"x", _Raw(b"00000003:abc"))),
    "length of a key with zeros": lambda data: data.replace(b"4:name", b"004:name"),
    "private as text": _add((b"private", b"1")),
    "private as a list": _add((b"private", [1])),
    "private with a zero": _add((b"private", _Raw(b"i01e"))),
    "private 2": _add((b"private", 2)),
    "private -1": _add((b"private", -1)),
    "private of 64 bits": _add((b"private", 2**63 - 1)),
    "private of 65 bits": _add((b"private", 2**63)),
    "meta version 1": _add((b"meta version", 1)),
    "meta version as text": _add((b"meta version", b"2")),
    "trackers of other types": _prepend_keys((b"announce", 1), (b"announce-list", [b"http://x", 1])),
    "comment in Latin-1": _prepend_keys((b"comment", b"\xe9")),
    "date as text": _prepend_keys((b"creation date", b"yesterday")),
    "web seeds of other types": _append_keys((b"url-list", [1, b"", b"\xff"])),
    "empty key": _prepend_keys((b"", 1)),
}
"""Every supported server and libtorrent accept a v1 file of one file after these changes."""

REFUSED: dict[str, Callable[[bytes], bytes]] = {
    "line break at the start": lambda data: b"\n" + data,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "truncated": lambda data: data[:-1],
    "info that is a number before a good info": _prepend_keys((b"info", 1)),
    "repeated length that does not fit": _change_info(lambda info: [(b"length", 5), *info]),
    "key that is a number": lambda data: b"di1ei2e" + data[1:],
    "key without value": lambda data: data[:-1] + b"1:ae",
    "empty name": _set(b"name", b""),
    "name that is a number": _set(b"name", 1),
    "name ..": _set(b"name", b".."),
    "no name": _remove(b"name"),
    "name.utf-8 that is empty": _add((b"name.utf-8", b"")),
    "number with a plus": _set(b"length", _Raw(b"i+20000e")),
    "number without digits": _add((b"x", _Raw(b"ie"))),
    "only a minus": _add((b"x", _Raw(b"i-e"))),
    "number with a fraction": _add((b"x", _Raw(b"i1.5e"))),
    "number with a space": _add((b"x", _Raw(b"i 1e"))),
    "number of 21 digits": _add((b"x", _Raw(b"i" + b"0" * 20 + b"1e"))),
    "negative length of a text": _add((b"x", _Raw(b"-1:"))),
    "no length of a text": _add((b"x", _Raw(b":"))),
    "length of a text with 18 zeros": _add((b"x", _Raw(b"0" * 18 + b"3:abc"))),
    "length as text": _set(b"length", b"20000"),
    "no length": _remove(b"length"),
    "length of 65 bits": _set_files(_make_file(2**63, b"a"), _HALF),
    "negative length": _set_files(_make_file(-1, b"a"), _make_file(20_001, b"b")),
    "piece length as text": _set(b"piece length", b"16384"),
    "pieces as a number": _set(b"pieces", 1),
    "too few pieces": _set(b"pieces", b"x" * 20),
    "no files": _set_files(),
    "path that is a number": _set_files(_make_file(10_000, 1), _HALF),
    "empty path": _set_files(_make_file(10_000), _HALF),
    "info that is a list": lambda data: b"d4:infoli1eee",
    "no info": lambda data: b"d7:comment1:xe",
}
"""Every supported server and libtorrent refuse a v1 file of one file after these changes."""


def make_odd_torrent(number: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return the made-up torrent of that number after a change."""
    return change(make_torrent(number))
