"""Which folders to watch so that no change of a file goes unseen, whatever links lead to it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_LINKS: Final = 40  # as many as the kernel follows

Places = frozenset[tuple[str, int, int]]  # real path, device, inode: a folder that is made anew is another one


def places(files: Iterable[Path]) -> Places:
    """The folders of the files, and those of every link on the way to them."""
    folders: set[str] = set()
    for file in files:
        _walk(Path(os.path.abspath(file)), folders, _LINKS)  # noqa: PTH100 - links are followed here, one by one
    found = set()
    for folder in folders:
        try:
            real = os.path.realpath(folder)
            status = os.stat(real)  # noqa: PTH116
        except OSError:
            continue
        found.add((real, status.st_dev, status.st_ino))
    return frozenset(found)


def _walk(path: Path, folders: set[str], left: int) -> None:
    """Note the folder of every link in `path`, and that of the file at its end, or the nearest one that is there."""
    for step in (*reversed(path.parents), path):
        if left and step.is_symlink():
            folders.add(str(step.parent))
            rest = path.relative_to(step)
            target = Path(os.path.normpath(step.parent / os.readlink(step)))  # noqa: PTH115
            _walk(target / rest, folders, left - 1)
            return
    folder = path if path.is_dir() else path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    folders.add(str(folder))
