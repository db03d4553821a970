"""Small torrents of several files, made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

PIECE = 16384


def bencoded(value: object) -> bytes:
    """Numbers, bytes, text, lists and dictionaries with their keys in order."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return bencoded(value.encode())
        case list():
            return b"l" + b"".join(map(bencoded, value)) + b"e"
        case dict():
            return b"d" + b"".join(bencoded(key) + bencoded(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(value)


def several_files(folder: Path, name: str, files: Mapping[str, bytes]) -> tuple[str, Path]:
    """The infohash and the path of a new .torrent file; `files` by their path within the torrent's own folder."""
    data = b"".join(files.values())
    pieces = b"".join(hashlib.sha1(data[at : at + PIECE]).digest() for at in range(0, len(data), PIECE))
    listed = [{"length": len(content), "path": list(path.split("/"))} for path, content in files.items()]
    info = bencoded({"files": listed, "name": name, "piece length": PIECE, "pieces": pieces})
    path = folder / f"{name}.torrent"
    path.write_bytes(b"d4:info" + info + b"e")
    return hashlib.sha1(info).hexdigest(), path
