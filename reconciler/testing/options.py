"""Torrent options in memory, set as each version does it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.fields import OPTIONS
from reconciler.model.files import LiveFile, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, append_links, parse_link_urls
from reconciler.model.paths import normalize_path
from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import AddOptions, LiveOptions, LiveTorrent, ShareLimits
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    BULK_ADD_TRACKERS,
    DOWNLOAD_PATH,
    FILES_IN_LIST,
    INACTIVE_SEEDING_TIME,
    MISSING_TRACKER_REMOVAL,
    SAVE_PATH_AS_DOWNLOAD_PATH,
    SHARE_LIMIT_ACTION,
    SHARE_LIMITS_MODE,
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
            "download_path": self._set_download_path,
            "force_start": self._set_force_start,
            "comment": lambda torrent, text: replace(torrent, comment=str(text).strip()),
        }
        change = special.get(field) or (lambda torrent, new: _replace_options(torrent, **{field: new}))
        self._change_torrents(ids, lambda torrent: change(torrent, value))

    def toggle_option(self, ids: Collection[str], field: str) -> None:
        """Toggle `sequential` or `first_last_piece_first`."""
        self._change_torrents(
            ids, lambda torrent: _replace_options(torrent, **{field: not getattr(torrent.options, field)})
        )

    def set_share_limits(self, ids: Collection[str], limits: ShareLimits) -> None:
        """Set all share limits at once, as far as the version has them."""

        def change(torrent: LiveTorrent) -> LiveTorrent:
            share = torrent.options.share
            newer_limits = {
                name: getattr(limits, name)
                for name in ("inactive_seeding_time", "action", "mode")
                if getattr(share, name) is not None
            }
            return _replace_options(
                torrent, share=replace(share, ratio=limits.ratio, seeding_time=limits.seeding_time, **newer_limits)
            )

        self._change_torrents(ids, change)

    def add_trackers(self, ids: Collection[str], urls: Sequence[str]) -> None:
        """Add trackers, except present trackers with the same spelling."""
        self._change_torrents(ids, lambda torrent: _add_urls(torrent, TRACKERS, urls))

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
            remaining = [url for url in present if url not in urls]
            if remaining == present and not MISSING_TRACKER_REMOVAL.is_available(self._api):
                raise RejectedError("no trackers were removed", 409)
            links = append_links("", remaining, parse_link_urls(torrent.links, WEB_SEEDS))
            self.torrents[torrent_id] = replace(torrent, links=links)

        self._run_request(work)

    def add_web_seeds(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Add web seeds, except present web seeds."""
        self._require(ADD_WEB_SEEDS)

        def work() -> None:
            if torrent_id not in self.torrents:
                raise RejectedError("no such torrent", 404)
            self.torrents[torrent_id] = _add_urls(self.torrents[torrent_id], WEB_SEEDS, urls)

        self._run_request(work)

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Set the priority of these files."""

        def work() -> None:
            torrent = self.torrents.get(torrent_id)
            if torrent is None:
                raise RejectedError("no such torrent", 404)
            if not torrent.files or not set(indexes) <= {file.index for file in torrent.files}:
                raise RejectedError("no metadata, or no such file", 409)
            files = (replace(file, priority=priority) if file.index in indexes else file for file in torrent.files)
            self.torrents[torrent_id] = replace(torrent, files=tuple(files))

        self._run_request(work)

    def _build_options(self, options: AddOptions) -> LiveOptions:
        """Return the options of a torrent after an add with these options."""
        values = dict(options.extra_options)
        share = ShareLimits(
            inactive_seeding_time=GLOBAL_LIMIT if INACTIVE_SEEDING_TIME.is_available(self._api) else None,
            action="default" if SHARE_LIMIT_ACTION.is_available(self._api) else None,
            mode="Default" if SHARE_LIMITS_MODE.is_available(self._api) else None,
        )
        limits: dict[str, Any] = {
            field.partition(".")[2]: value for field, value in values.items() if field.startswith("share_limits.")
        }
        path = normalize_path(str(values.get("download_path") or "")) if DOWNLOAD_PATH.is_available(self._api) else None
        return LiveOptions(
            force_start=values.get("force_start") is True and not options.stopped,
            sequential=values.get("sequential") is True,
            first_last_piece_first=values.get("first_last_piece_first") is True,
            download_limit=int(values.get("download_limit", 0)),
            upload_limit=int(values.get("upload_limit", 0)),
            share=replace(share, **limits),
            download_path="" if options.auto_tmm and path else path,
        )

    def _set_auto_tmm(self, torrent: LiveTorrent, enable: bool) -> LiveTorrent:
        if not enable or torrent.auto_tmm:
            return replace(torrent, auto_tmm=enable)
        moved = move_torrent(replace(torrent, auto_tmm=True), self._resolve_category_path(torrent.category))
        return moved if torrent.options.download_path is None else _replace_options(moved, download_path="")

    def _set_download_path(self, torrent: LiveTorrent, path: str) -> LiveTorrent:
        """Set or remove the download path; ignored under automatic management."""
        if torrent.auto_tmm:
            return torrent
        removed = torrent.save_path if SAVE_PATH_AS_DOWNLOAD_PATH.is_available(self._api) else ""
        return _replace_options(torrent, download_path=normalize_path(path) if path else removed)

    def _set_force_start(self, torrent: LiveTorrent, force: bool) -> LiveTorrent:
        """Set the forced start. A stopped torrent starts with either value."""
        state = self._build_state(False, torrent.has_metadata, torrent.progress)
        return _replace_options(replace(torrent, stopped=False, state=state), force_start=force)

    def _require(self, capability: Capability) -> None:
        if not capability.is_available(self._api):
            raise UnsupportedError("this version has no such call")

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change_torrents(self, ids: Collection[str], change: TorrentUpdate) -> None:
        raise NotImplementedError

    def _resolve_category_path(self, category: str) -> str:
        raise NotImplementedError

    def _build_state(self, stopped: bool, has_metadata: bool = False, progress: float = 0.0) -> str:
        raise NotImplementedError


def _replace_options(torrent: LiveTorrent, **options: Any) -> LiveTorrent:
    return replace(torrent, options=replace(torrent.options, **options))


def _add_urls(torrent: LiveTorrent, field: str, urls: Sequence[str]) -> LiveTorrent:
    present = parse_link_urls(torrent.links, field)
    key = {TRACKERS: "tr", WEB_SEEDS: "ws"}[field]
    new = "".join(f"&{key}={quote(url, safe='')}" for url in urls if url not in present)
    return replace(torrent, links=torrent.links + new)


def move_torrent(torrent: LiveTorrent, path: str) -> LiveTorrent:
    """Return the torrent and its content at another save path."""
    prefix, content_path = f"{torrent.save_path}/", torrent.content_path
    if torrent.has_metadata and content_path.startswith(prefix):
        content_path = f"{path}/{content_path.removeprefix(prefix)}"
    return replace(torrent, save_path=path, content_path=content_path)
