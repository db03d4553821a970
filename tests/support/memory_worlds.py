"""In-memory instances in the state of a generated case, and a simulated kill at any request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredState
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import CATEGORY_DOWNLOAD_PATH
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import Build
from tests.support.strategies import make_world


def make_memory_world(case: Mapping[str, Any], build: Build) -> tuple[DesiredState, MemoryInstance]:
    """Return the desired state of a case, and an in-memory instance in its live state."""
    desired, snapshot = make_world({**case, "version": build.release})
    box = build.make_instance(with_preferences=bool(case["declared_preferences"]))
    torrents = snapshot.torrents if build.has_v2 else map(_take_as_v1, snapshot.torrents)
    box.torrents = {torrent.id: torrent for torrent in torrents if torrent}
    has_download_paths = CATEGORY_DOWNLOAD_PATH.is_available(build.api_version)
    box.live_categories = {
        name: category if has_download_paths else replace(category, download_path=None)
        for name, category in snapshot.categories.items()
    }
    return desired, box


def _take_as_v1(torrent: LiveTorrent) -> LiveTorrent | None:
    """Return the torrent as a build without v2 torrents has it; None if it has none of that kind."""
    v1 = torrent.infohashes.v1
    return replace(torrent, id=v1, infohashes=InfoHashes(v1)) if v1 else None


class SimulatedKill(BaseException):
    """A simulated SIGKILL, which no code of ours handles."""
