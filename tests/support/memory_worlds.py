"""In-memory instances in the state of a generated case, and a simulated kill at any request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, partialmethod
from typing import Any, TypeVar

from reconciler.apply.target import Target
from reconciler.model.desired import DesiredState
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import CATEGORY_DOWNLOAD_PATH
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import Build
from tests.support.strategies import make_world

T = TypeVar("T")
REPEATABLE = {"set_preferences", "remove_categories"}  # sent again without a read: they set a whole state, with no harm
_VERBS = ("add_", "create_", "delete_", "edit_", "remove_", "rename_", "set_", "start_", "stop_", "toggle_")
ONCE_ONLY = tuple(name for name in vars(Target) if name.startswith(_VERBS) and name not in REPEATABLE)


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


class LoggedInstance(MemoryInstance):
    """An instance that lists the requests of `ONCE_ONLY` that it has carried out, each with its arguments."""

    def __init__(self, box: MemoryInstance) -> None:
        super().__init__()
        vars(self).update(vars(box.copy()))
        self.carried_out: list[str] = []
        self._change = ""

    def _run_request(self, work: Callable[[], T]) -> T:
        return super()._run_request(partial(self._log_change, work) if self._change else work)

    def _log_change(self, work: Callable[[], T]) -> T:
        result = work()
        self.carried_out.append(self._change)
        return result

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        self._change = f"{name} {arguments} {options}"
        try:
            return getattr(super(), name)(*arguments, **options)
        finally:
            self._change = ""


for _name in ONCE_ONLY:
    setattr(LoggedInstance, _name, partialmethod(LoggedInstance._call, _name))
