"""In-memory instances in the state of a generated case, and a simulated kill at any request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredState
from reconciler.testing.memory import MemoryInstance
from tests.support.strategies import make_world


def make_memory_world(case: Mapping[str, Any], version: str) -> tuple[DesiredState, MemoryInstance]:
    """Return the desired state of a case, and an in-memory instance in its live state."""
    desired, snapshot = make_world({**case, "version": version})
    box = MemoryInstance(version, with_preferences=bool(case["declared_preferences"]))
    box.torrents = {torrent.id: torrent for torrent in snapshot.torrents}
    box.live_categories = {
        name: category if has_download_paths(version) else replace(category, download_path=None)
        for name, category in snapshot.categories.items()
    }
    return desired, box


def has_download_paths(version: str) -> bool:
    """Return True if categories of that version have download paths."""
    return version != "4.2.5"


class SimulatedKill(BaseException):
    """A simulated SIGKILL, which no code of ours handles."""
