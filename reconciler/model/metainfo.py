"""Parses .torrent files (BEP 3, BEP 52): infohashes, name, size and files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Final

from reconciler.model.bencode import BencodeError, BencodeValue, decode_bencode, encode_bencode
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import clean_name

MAX_TORRENT_FILE_BYTES: Final = 32 << 20  # a request to qBittorrent can have 64 MiB; most files are under 1 MiB

_SHA1_SIZE: Final = 20  # bytes
_SHA256_SIZE: Final = 32
_BLOCK_SIZE: Final = 16 << 10  # bytes; the smallest piece of a v2 torrent, whose pieces are a power of two (BEP 52)
_MAX_PIECE_SIZE: Final = 1 << 29
_MAX_PIECES: Final = 1 << 21  # as libtorrent
_MAX_INT: Final = (1 << 63) - 1

_LINK_KEYS: Final = frozenset({b"announce", b"announce-list", b"url-list", b"httpseeds"})

BencodeDict = dict[bytes, BencodeValue]


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a torrent. `length`: its bytes."""

    path: tuple[bytes, ...]
    length: int
    padding: bool = False  # fills up a v1 piece, so that the next file begins with a new piece
    root: bytes = field(default=b"", compare=False)  # the hash of a v2 file


class MetainfoError(ValueError):
    """The bytes are not a usable .torrent file. The message is one clause without a full stop."""


@dataclass(frozen=True, slots=True)
class Metainfo:
    """A checked .torrent file.

    `info` is the part of the file that the infohashes are over. `name` is for people, on one line. `size` is the total
    of all files, in bytes; `files` are their paths with `/`, including the folder of the torrent if it has one.
    `private`: its peers come only from its trackers (BEP 27).
    """

    infohashes: InfoHashes
    name: str
    size: int
    files: tuple[str, ...]
    info: bytes = field(repr=False)
    private: bool = False


def parse_metainfo(data: bytes) -> Metainfo:
    """Parse and check a .torrent file. Raises `MetainfoError`.

    libtorrent accepts every file that passes, with the same infohashes, so that no plan fails at the server.
    """
    if len(data) > MAX_TORRENT_FILE_BYTES:
        raise MetainfoError(f"it is larger than {MAX_TORRENT_FILE_BYTES >> 20} MiB, which no .torrent file needs to be")
    _refuse_other_files(data)
    try:
        whole, spans = decode_bencode(data)
    except BencodeError as error:
        raise MetainfoError(f"it is damaged: {error}") from None
    info = whole.get(b"info") if isinstance(whole, dict) else None
    if not isinstance(whole, dict) or not isinstance(info, dict):
        raise MetainfoError('it has no "info", which identifies a torrent')
    v1, v2 = _detect_versions(info)
    raw = data[spans[b"info"]]
    if v2 and raw != encode_bencode(info):  # libtorrent accepts this only in v1 torrents
        raise MetainfoError("it is a v2 torrent, but its info is not in canonical form, which every v2 client refuses")
    (name, shown), piece_length = _parse_name(info), _parse_piece_length(info, v2)
    old = _parse_v1_files(info, name, piece_length) if v1 else []
    new = _parse_v2_files(info, whole, piece_length) if v2 else []
    if v1 and v2 and not _has_same_files(old, new, piece_length):
        raise MetainfoError("it is one torrent for v1 and another for v2: their files differ")
    hashes = InfoHashes(
        hashlib.sha1(raw, usedforsecurity=False).hexdigest() if v1 else None,
        hashlib.sha256(raw).hexdigest() if v2 else None,
    )
    files = [file for file in new or old if not file.padding]
    paths = tuple("/".join(segment.decode("utf-8", errors="replace") for segment in file.path) for file in files)
    folder = "" if paths == (shown,) else f"{shown}/"
    size = sum(file.length for file in files)
    return Metainfo(hashes, shown, size, tuple(folder + path for path in paths), raw, _is_private(info))


def list_trackers(data: bytes) -> tuple[str, ...]:
    """Return the URLs of the trackers that a .torrent file names, tier by tier. Raises `MetainfoError`."""
    document = _decode_document(data)
    tiers = document.get(b"announce-list") or [[document.get(b"announce", b"")]]
    urls = (url for tier in tiers if isinstance(tier, list) for url in tier) if isinstance(tiers, list) else ()
    texts = (url.decode("utf-8", errors="replace").strip() for url in urls if isinstance(url, bytes))
    return tuple(dict.fromkeys(filter(None, texts)))


def replace_links(data: bytes, trackers: Sequence[str], web_seeds: Sequence[str]) -> bytes:
    """Return a .torrent file with these trackers, each in a tier of its own, and web seeds instead of its own.

    Its `info`, which the infohashes are over, stays byte for byte. Raises `MetainfoError`.
    """
    try:
        whole, spans = decode_bencode(data)
    except BencodeError as error:
        raise MetainfoError(f"it is damaged: {error}") from None
    parts = {key: data[span] for key, span in spans.items() if key not in _LINK_KEYS}
    if not isinstance(whole, dict) or b"info" not in parts:
        raise MetainfoError('it has no "info", which identifies a torrent')
    if trackers:
        parts[b"announce"] = encode_bencode(trackers[0].encode(errors="replace"))
        parts[b"announce-list"] = encode_bencode([[url.encode(errors="replace")] for url in trackers])
    if web_seeds:
        parts[b"url-list"] = encode_bencode([url.encode(errors="replace") for url in web_seeds])
    return b"d%be" % b"".join(encode_bencode(key) + parts[key] for key in sorted(parts))


def _decode_document(data: bytes) -> BencodeDict:
    try:
        whole, _ = decode_bencode(data)
    except BencodeError as error:
        raise MetainfoError(f"it is damaged: {error}") from None
    return whole if isinstance(whole, dict) else {}


def list_web_seeds(data: bytes) -> tuple[str, ...]:
    """Return the URLs of the web seeds that a .torrent file names. Raises `MetainfoError`."""
    urls = _decode_document(data).get(b"url-list", [])
    listed = urls if isinstance(urls, list) else [urls]
    texts = (url.decode("utf-8", errors="replace").strip() for url in listed if isinstance(url, bytes))
    return tuple(dict.fromkeys(filter(None, texts)))


def _refuse_other_files(data: bytes) -> None:
    """Refuse data that is obviously something else, and say what it looks like."""
    start = data[:512].lstrip().lower()
    if not data:
        raise MetainfoError("it is empty")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise MetainfoError("it is a web page, perhaps one that asks for a login")
    if start.startswith(b"magnet:"):
        raise MetainfoError("it contains a magnet link")
    if start.startswith(b"\x1f\x8b"):
        raise MetainfoError("it is compressed (gzip)")
    if not data.startswith(b"d"):
        raise MetainfoError("it is not a .torrent file, which begins with the letter d")


def _detect_versions(info: BencodeDict) -> tuple[bool, bool]:
    """Return (is v1, is v2). A hybrid torrent is both, and has the data of both."""
    v1, version = b"pieces" in info, info.get(b"meta version")
    if not isinstance(version, int) or version < 2:  # libtorrent ignores what cannot be a version after 1
        if not v1 or b"file tree" in info:
            raise MetainfoError('it has neither the "pieces" of a v1 torrent nor the "meta version" of a v2 torrent')
        return True, False
    if version != 2:
        raise MetainfoError('its "meta version" is not 2, which is the only known one')
    if not v1 and (b"length" in info or b"files" in info):
        raise MetainfoError('it has the files of a v1 torrent, but not its "pieces"')
    return v1, True


def _parse_piece_length(info: BencodeDict, v2: bool) -> int:
    length = info.get(b"piece length")
    if not isinstance(length, int) or not 0 < length <= _MAX_PIECE_SIZE:
        raise MetainfoError('its "piece length" is missing or invalid')
    if v2 and (length < _BLOCK_SIZE or length & (length - 1)):
        raise MetainfoError('its "piece length" is not a power of two of at least 16 KiB, as a v2 torrent needs')
    return length


def _parse_name(info: BencodeDict) -> tuple[bytes, str]:
    """Return the name as it is written, and as people read it."""
    utf8_name = info.get(b"name.utf-8")
    name = utf8_name if isinstance(utf8_name, bytes) else info.get(b"name")
    shown = clean_name(name.decode("utf-8", errors="replace")) if isinstance(name, bytes) else None
    if not isinstance(name, bytes) or not shown or not shown.strip("/\\. "):
        raise MetainfoError("it has no name")
    return name, shown


def _parse_v1_files(info: BencodeDict, name: bytes, piece_length: int) -> list[_File]:
    """Return the files of a v1 torrent, which its pieces must cover."""
    files = info.get(b"files")
    if isinstance(files, list):
        v1_files = [_parse_v1_file(file) for file in files]
    else:
        v1_files = [_File((name,), _parse_length(info))]
    pieces = info[b"pieces"]
    size = sum(file.length for file in v1_files)
    if not isinstance(pieces, bytes) or not size or len(pieces) != -(-size // piece_length) * _SHA1_SIZE:
        raise MetainfoError('its "pieces" do not fit its size')
    return v1_files


def _has_same_files(old: Sequence[_File], new: Sequence[_File], piece_length: int) -> bool:
    """True if both parts of a hybrid torrent have the same files, and each file of the v1 part begins a new piece."""
    offset = 0
    for file in old:
        if offset % piece_length and file.length and not file.padding:
            return False
        offset += file.length
    return [file for file in old if not file.padding] == list(new)


def _parse_v1_file(file: BencodeValue) -> _File:
    if not isinstance(file, dict):
        raise MetainfoError("one of its files is not a dictionary")
    utf8_path = file.get(b"path.utf-8")
    path = utf8_path if isinstance(utf8_path, list) else file.get(b"path")
    parts = tuple(segment for segment in path if isinstance(segment, bytes)) if isinstance(path, list) else ()
    if not isinstance(path, list) or not parts or len(parts) < len(path):
        raise MetainfoError("one of its files has no path")
    attributes = file.get(b"attr")
    return _File(parts, _parse_length(file), isinstance(attributes, bytes) and b"p" in attributes)


def _parse_v2_files(info: BencodeDict, whole: BencodeDict, piece_length: int) -> list[_File]:
    tree = info.get(b"file tree")
    if not isinstance(tree, dict):
        raise MetainfoError('it has no "file tree", which a v2 torrent needs')
    v2_files = list(_walk_file_tree((), tree))
    pieces = sum(-(-file.length // piece_length) for file in v2_files)
    if not 0 < pieces <= _MAX_PIECES:
        raise MetainfoError('its "piece length" does not fit its size')
    lengths = {
        file.root: -(-file.length // piece_length) * _SHA256_SIZE for file in v2_files if file.length > piece_length
    }
    layers = whole.get(b"piece layers", {})
    if not isinstance(layers, dict) or not all(
        isinstance(layer, bytes) and len(layer) == lengths.get(root) and _hash_piece_layer(layer, piece_length) == root
        for root, layer in layers.items()
    ):
        raise MetainfoError('its "piece layers" do not fit its files')
    return v2_files


def _hash_piece_layer(layer: bytes, piece_length: int) -> bytes:
    """Return the root of the hash tree over the pieces of a file, padded with the hash of an empty piece."""
    level = [layer[start : start + _SHA256_SIZE] for start in range(0, len(layer), _SHA256_SIZE)]
    padding = bytes(_SHA256_SIZE)
    while piece_length > _BLOCK_SIZE:
        padding, piece_length = hashlib.sha256(padding + padding).digest(), piece_length // 2
    while len(level) > 1:
        level += [padding] * (len(level) % 2)
        level = [hashlib.sha256(left + right).digest() for left, right in zip(level[::2], level[1::2], strict=True)]
        padding = hashlib.sha256(padding + padding).digest()
    return level[0]


def _walk_file_tree(above: tuple[bytes, ...], tree: BencodeDict) -> Iterator[_File]:
    """Iterate over the files in a tree, where a file is a folder with one entry without a name."""
    for name, node in tree.items():
        if not (isinstance(node, dict) and node and name):
            raise MetainfoError('its "file tree" has an entry that is neither a file nor a folder')
        path, file = (*above, name), node.get(b"")
        if file is None:
            yield from _walk_file_tree(path, node)
            continue
        if len(node) != 1 or not isinstance(file, dict):
            raise MetainfoError('its "file tree" has an entry that is both a file and a folder')
        root = file.get(b"pieces root")
        if _parse_length(file) and not (isinstance(root, bytes) and len(root) == _SHA256_SIZE):
            raise MetainfoError("one of its files has no hash")
        yield _File(path, _parse_length(file), root=root if isinstance(root, bytes) else b"")


def _is_private(info: BencodeDict) -> bool:
    """True for any number but 0, as in libtorrent, which ignores text and numbers of over 64 bits."""
    value = info.get(b"private")
    return isinstance(value, int) and 0 < abs(value) <= _MAX_INT


def _parse_length(file: BencodeDict) -> int:
    length = file.get(b"length")
    if not isinstance(length, int) or not 0 <= length <= _MAX_INT:
        raise MetainfoError("the size of one of its files is missing or invalid")
    return length
