"""The folder of tests that write thousands of small files: in memory, because a disk takes longer than they do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
MEMORY_FOLDER: Final = _MEMORY if _MEMORY.is_dir() else None  # None: the folder for temporary files
