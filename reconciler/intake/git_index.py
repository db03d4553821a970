"""The files that a git repository tracks, from its index. Git is not asked: it would run what a repository configures.

The format is in git's Documentation/gitformat-index.txt: versions 2 to 4, and the shared part of a split index.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconciler.regular_file import read_regular_file

_MAX_INDEX_BYTES: Final = 256 << 20
_HEADER: Final = struct.Struct(">4sII")  # "DIRC", version, number of entries
_STATUS_BYTES: Final = 40  # of an entry, before its hash
_HASH_SIZES: Final = (20, 32)  # SHA-1, and SHA-256 in repositories that use it
_EXTENDED: Final = 0x4000  # a flag: two more bytes of flags follow


def is_tracked_by_git(path: Path) -> bool:
    """True if a git repository around a file has it in its index."""
    path = Path(os.path.realpath(path))
    for folder in path.parents:
        try:
            git_folder = folder / ".git"
            if git_folder.is_file():
                git_folder = folder / git_folder.read_text().partition("gitdir:")[2].strip()
            indexes = [read_regular_file(git_folder / "index", _MAX_INDEX_BYTES)]
        except (OSError, ValueError):
            continue
        shared = (part for part in sorted(git_folder.glob("sharedindex.*")) if part.is_file())
        indexes += (read_regular_file(part, _MAX_INDEX_BYTES) for part in shared)
        name = os.fsencode(path.relative_to(folder))
        return any(name in list_tracked_paths(index) for index in indexes)
    return False


def list_tracked_paths(index: bytes) -> set[bytes]:
    """Return the paths in an index; of one that cannot be read, those before what makes no sense."""
    paths: set[bytes] = set()
    for hash_size in _HASH_SIZES:  # the index does not say which; with the wrong one nothing makes sense
        try:
            paths.update(_iter_paths(index, hash_size))
        except (ValueError, IndexError, struct.error):
            continue
    return paths


def _iter_paths(index: bytes, hash_size: int) -> Iterator[bytes]:
    signature, version, count = _HEADER.unpack_from(index)
    if signature != b"DIRC" or not 2 <= version <= 4:
        raise ValueError("another format")
    position, path = _HEADER.size, b""
    for _ in range(count):
        start = position
        position += _STATUS_BYTES + hash_size
        flags = int.from_bytes(index[position : position + 2], "big")
        position += 4 if flags & _EXTENDED else 2
        kept = b""
        if version == 4:
            dropped, position = _read_offset(index, position)
            kept = path[: len(path) - dropped]
        end = index.index(b"\0", position)
        path = kept + index[position:end]
        yield path
        position = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8


def _read_offset(index: bytes, position: int) -> tuple[int, int]:
    """Return a number in git's variable length, and the position after it."""
    byte = index[position]
    value = byte & 0x7F
    while byte & 0x80:
        position += 1
        byte = index[position]
        value = (value + 1) << 7 | byte & 0x7F
    return value, position + 1
