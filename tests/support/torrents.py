"""Made-up .torrent files of every kind, the same in every run, and bencode to write odd ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from reconciler.model.content import CreationSpec

TorrentKind = Literal["v1", "v2", "hybrid"]

TORRENT_KINDS: tuple[TorrentKind, ...] = ("v1", "v2", "hybrid")
PIECE_SIZE = 16_384


def bencode(value: Any) -> bytes:
    """Any value of bencode; keys of dictionaries in their order."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, (bytes, str)):
        text = value.encode() if isinstance(value, str) else value
        return b"%d:%s" % (len(text), text)
    if isinstance(value, dict):
        items = sorted((key.encode() if isinstance(key, str) else key, item) for key, item in value.items())
        return b"d" + b"".join(bencode(key) + bencode(item) for key, item in items) + b"e"
    return b"l" + b"".join(map(bencode, value)) + b"e"


def make_content(number: int, size: int = 20_000) -> bytes:
    """The data of the made-up torrent with that number."""
    seed = hashlib.sha256(f"content {number}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def make_torrent(
    number: int,
    kind: TorrentKind = "v1",
    name: str | None = None,
    size: int = 20_000,
    trackers: Sequence[str] = (),
    web_seeds: Sequence[str] = (),
    comment: str = "",
    extra_info: Mapping[str, Any] | None = None,
) -> bytes:
    """The .torrent file of a single file `name`, whose data is `content(number, size)`; `more` is for its `info`."""
    data, title = make_content(number, size), name or f"torrent-{number}"
    info: dict[str, Any] = {"name": title, "piece length": PIECE_SIZE, **(extra_info or {})}
    if kind != "v2":
        info |= {
            "length": size,
            "pieces": b"".join(hashlib.sha1(piece).digest() for piece in _split_pieces(data, PIECE_SIZE)),
        }
    whole: dict[str, Any] = {"info": info}
    if kind != "v1":
        layer = [_compute_merkle_root([hashlib.sha256(piece).digest()]) for piece in _split_pieces(data, PIECE_SIZE)]
        root = _compute_merkle_root(layer)
        info |= {"meta version": 2, "file tree": {title: {"": {"length": size, "pieces root": root}}}}
        whole["piece layers"] = {root: b"".join(layer)} if size > PIECE_SIZE else {}
    if trackers:
        whole |= {"announce": trackers[0], "announce-list": [[tracker] for tracker in trackers]}
    whole |= {"url-list": list(web_seeds)} if web_seeds else {}
    whole |= {"comment": comment} if comment else {}
    return bencode(whole)


def make_created_torrent(number: int, creation: CreationSpec) -> bytes:
    """Return the torrent that a server would create from a file with the data `make_content(number)`."""
    name = creation.path.rpartition("/")[2]
    more = {"private": 1} if creation.private else {}
    more |= {"source": creation.source} if creation.source else {}  # type: ignore[dict-item]
    links = creation.trackers, creation.web_seeds
    return make_torrent(number, creation.format, name, 20_000, *links, creation.comment, more)  # type: ignore[arg-type]


def _split_pieces(data: bytes, length: int) -> list[bytes]:
    return [data[start : start + length] for start in range(0, len(data), length)]


def _compute_merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree of hashes, filled up with zeros to a power of two (BEP 52); a piece is one block here."""
    level = list(leaves)
    while len(level) & (len(level) - 1):
        level.append(bytes(32))
    while len(level) > 1:
        level = [hashlib.sha256(level[index] + level[index + 1]).digest() for index in range(0, len(level), 2)]
    return level[0]


def write_multi_file_torrent(folder: Path, name: str, files: Mapping[str, bytes]) -> tuple[str, Path]:
    """The infohash and the path of a new .torrent file; `files` by their path within the torrent's own folder."""
    data = b"".join(files.values())
    pieces = b"".join(
        hashlib.sha1(data[start : start + PIECE_SIZE]).digest() for start in range(0, len(data), PIECE_SIZE)
    )
    listed = [{"length": len(content), "path": list(path.split("/"))} for path, content in files.items()]
    info = bencode({"files": listed, "name": name, "piece length": PIECE_SIZE, "pieces": pieces})
    path = folder / f"{name}.torrent"
    path.write_bytes(b"d4:info" + info + b"e")
    return hashlib.sha1(info).hexdigest(), path
