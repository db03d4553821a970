"""Has a file changed? Told by its content: a touch, a copy of the same or a flipped link is no change."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

Look = dict[str, bytes]  # a digest of every file's content, by its path

_SETTLED: Final = 2.0  # seconds: a file that was written later may be written again without its times telling
_ABSENT: Final = b"absent"
_Mark = tuple[int, ...]


class Looker:
    """Looks at files. Those whose size, times and inode are as before are not read again. Not thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[_Mark, bytes]] = {}

    def look(self, files: Iterable[Path], *, thorough: bool = False) -> Look:
        """The state of the files; `thorough`: read each, whatever its times say."""
        return {str(file): self._digest(str(file), thorough) for file in files}

    def _digest(self, file: str, thorough: bool) -> bytes:
        try:
            found = os.stat(file)  # noqa: PTH116 - many small calls
            if not stat.S_ISREG(found.st_mode):
                return b"no file"
            mark = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            known = self._seen.get(file)
            if known and known[0] == mark and not thorough:
                return known[1]
            digest = hashlib.blake2b(Path(file).read_bytes(), digest_size=16).digest()
        except (OSError, ValueError) as error:
            self._seen.pop(file, None)
            return _ABSENT if isinstance(error, FileNotFoundError) else str(error).encode()
        if time.time() - max(found.st_mtime, found.st_ctime) > _SETTLED:
            self._seen[file] = (mark, digest)
        else:
            self._seen.pop(file, None)
        return digest
