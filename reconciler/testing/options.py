"""Torrent options in memory, set as each version does it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.fields.options import OPTIONS
from reconciler.model.files import LiveFile, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, parse_link_urls
from reconciler.model.plan import FieldValue
from reconciler.model.server_effects import (
    add_urls,
    begin_management,
    remove_trackers,
    replace_options,
    set_download_path,
    set_file_priority,
    set_force_start,
    set_share_limits,
)
from reconciler.model.snapshot import LiveTorrent, ShareLimits
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    BULK_ADD_TRACKERS,
    FILES_IN_LIST,
    MISSING_TRACKER_REMOVAL,
    ApiVersion,
    Capability,
)

T = TypeVar("T")
TorrentUpdate = Callable[[LiveTorrent], LiveTorrent]


class MemoryOptions:
    """The option calls of `MemoryInstance`."""

    torrents: dict[str, LiveTorrent]
    request_count: int
    _api: ApiVersion

    @property
    def api_version(self) -> ApiVersion:
        """The Web API version as numbers."""
        return self._api

    def ignore_stop(self) -> AbstractContextManager[None]:
        """Return a context without effect: nothing asks it to stop."""
        return nullcontext()

    def read_files(self, ids: Collection[str]) -> Mapping[str, tuple[LiveFile, ...]]:
        """Return the files of the torrents that have metadata."""
        if not FILES_IN_LIST.is_available(self._api):
            self.request_count += len(ids) - 1  # one each
        torrents = [self.torrents[key] for key in ids if key in self.torrents]
        return self._run_request(lambda: {torrent.id: torrent.files for torrent in torrents if torrent.files})

    def set_option(self, ids: Collection[str], field: str, value: FieldValue) -> None:
        """Set an option that has a request of its own."""
        self._require(OPTIONS[field].capability)
        special: dict[str, Callable[[LiveTorrent, Any], LiveTorrent]] = {
            "auto_tmm": self._set_auto_tmm,
            "download_path": lambda torrent, path: set_download_path(torrent, path, self._api),
            "force_start": lambda torrent, force: set_force_start(torrent, force, self._api),
            "comment": lambda torrent, text: replace(torrent, comment=str(text).strip()),
        }
        change = special.get(field) or (lambda torrent, new: replace_options(torrent, **{field: new}))
        self._change_torrents(ids, lambda torrent: change(torrent, value))

    def toggle_option(self, ids: Collection[str], field: str) -> None:
        """Toggle `sequential` or `first_last_piece_first`."""
        self._change_torrents(
            ids, lambda torrent: replace_options(torrent, **{field: not getattr(torrent.options, field)})
        )

    def set_share_limits(self, ids: Collection[str], limits: ShareLimits) -> None:
        """Set all share limits at once, as far as the version has them."""
        self._change_torrents(ids, lambda torrent: set_share_limits(torrent, limits))

    def add_trackers(self, ids: Collection[str], urls: Sequence[str]) -> None:
        """Add trackers, except present trackers with the same spelling."""
        self._change_torrents(ids, lambda torrent: add_urls(torrent, TRACKERS, urls))

    def remove_trackers(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Remove trackers with the same spelling; before 4.5, refuse (409) if there is none of them.

        A missing torrent is refused (404) before 5.2.
        """

        def work() -> None:
            torrent = self.torrents.get(torrent_id)
            if torrent is None and BULK_ADD_TRACKERS.is_available(self._api):
                return
            if torrent is None:
                raise RejectedError("no such torrent", 404)
            present = parse_link_urls(torrent.links, TRACKERS)
            if set(present).isdisjoint(urls) and not MISSING_TRACKER_REMOVAL.is_available(self._api):
                raise RejectedError("no trackers were removed", 409)
            self.torrents[torrent_id] = remove_trackers(torrent, urls)

        self._run_request(work)

    def add_web_seeds(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Add web seeds, except present web seeds."""
        self._require(ADD_WEB_SEEDS)

        def work() -> None:
            if torrent_id not in self.torrents:
                raise RejectedError("no such torrent", 404)
            self.torrents[torrent_id] = add_urls(self.torrents[torrent_id], WEB_SEEDS, urls)

        self._run_request(work)

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Set the priority of these files."""

        def work() -> None:
            torrent = self.torrents.get(torrent_id)
            if torrent is None:
                raise RejectedError("no such torrent", 404)
            if not torrent.files or not set(indexes) <= {file.index for file in torrent.files}:
                raise RejectedError("no metadata, or no such file", 409)
            self.torrents[torrent_id] = set_file_priority(torrent, indexes, priority)

        self._run_request(work)

    def _set_auto_tmm(self, torrent: LiveTorrent, enable: bool) -> LiveTorrent:
        if not enable:
            return replace(torrent, auto_tmm=False)
        return begin_management(torrent, self._resolve_category_path(torrent.category))

    def _require(self, capability: Capability) -> None:
        if not capability.is_available(self._api):
            raise UnsupportedError("this version has no such call")

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change_torrents(self, ids: Collection[str], change: TorrentUpdate) -> None:
        raise NotImplementedError

    def _resolve_category_path(self, category: str) -> str:
        raise NotImplementedError
