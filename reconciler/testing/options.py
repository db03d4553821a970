"""The options of torrents in memory: how the calls that set them behave on each version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.fields import OPTIONS
from reconciler.model.files import LiveFile, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, parse_link_urls
from reconciler.model.paths import normalize_path
from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import AddOptions, LiveOptions, LiveTorrent, ShareLimits
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    DOWNLOAD_PATH,
    FILES_IN_LIST,
    INACTIVE_SEEDING_TIME,
    SAVE_PATH_AS_DOWNLOAD_PATH,
    SHARE_LIMIT_ACTION,
    SHARE_LIMITS_MODE,
    ApiVersion,
    Capability,
)

T = TypeVar("T")
TorrentUpdate = Callable[[LiveTorrent], LiveTorrent]


class MemoryOptions:
    """A part of `MemoryInstance`."""

    torrents: dict[str, LiveTorrent]
    request_count: int
    _api: ApiVersion

    @property
    def api_version(self) -> ApiVersion:
        """The Web API version as numbers."""
        return self._api

    def read_files(self, ids: Collection[str]) -> Mapping[str, tuple[LiveFile, ...]]:
        """The files of those torrents that are there and have metadata."""
        if not FILES_IN_LIST.is_available(self._api):
            self.request_count += len(ids) - 1  # one for each
        there = [self.torrents[key] for key in ids if key in self.torrents]
        return self._run_request(lambda: {live.id: live.files for live in there if live.files})

    def set_option(self, ids: Collection[str], field: str, value: FieldValue) -> None:
        """Set one of the options that are set by themselves."""
        self._require(OPTIONS[field].capability)
        special: dict[str, Callable[[LiveTorrent, Any], LiveTorrent]] = {
            "auto_tmm": self._set_auto_tmm,
            "download_path": self._set_download_path,
            "force_start": self._set_force_start,
            "comment": lambda live, text: replace(live, comment=str(text).strip()),
        }
        change = special.get(field) or (lambda live, new: _replace_options(live, **{field: new}))
        self._change_torrents(ids, lambda live: change(live, value))

    def toggle_option(self, ids: Collection[str], field: str) -> None:
        """Turn it over."""
        self._change_torrents(ids, lambda live: _replace_options(live, **{field: not getattr(live.options, field)}))

    def set_share_limits(self, ids: Collection[str], limits: ShareLimits) -> None:
        """Set all share limits at once, as far as the version knows them."""

        def change(live: LiveTorrent) -> LiveTorrent:
            there = live.options.share
            known = {
                name: getattr(limits, name)
                for name in ("inactive_seeding_time", "action", "mode")
                if getattr(there, name) is not None
            }
            return _replace_options(
                live, share=replace(there, ratio=limits.ratio, seeding_time=limits.seeding_time, **known)
            )

        self._change_torrents(ids, change)

    def add_trackers(self, ids: Collection[str], urls: Sequence[str]) -> None:
        """Add trackers; one that is there, to the letter, is passed over."""
        self._change_torrents(ids, lambda live: _add_urls(live, TRACKERS, urls))

    def add_web_seeds(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Add web seeds; one that is there is passed over."""
        self._require(ADD_WEB_SEEDS)

        def work() -> None:
            if torrent_id not in self.torrents:
                raise RejectedError("no such torrent", 404)
            self.torrents[torrent_id] = _add_urls(self.torrents[torrent_id], WEB_SEEDS, urls)

        self._run_request(work)

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Give files a priority."""

        def work() -> None:
            live = self.torrents.get(torrent_id)
            if live is None:
                raise RejectedError("no such torrent", 404)
            if not live.files or not set(indexes) <= {file.index for file in live.files}:
                raise RejectedError("no metadata, or no such file", 409)
            files = (replace(file, priority=priority) if file.index in indexes else file for file in live.files)
            self.torrents[torrent_id] = replace(live, files=tuple(files))

        self._run_request(work)

    def _build_options(self, options: AddOptions) -> LiveOptions:
        """What a torrent has after an add with these options."""
        given = dict(options.extra_options)
        share = ShareLimits(
            inactive_seeding_time=GLOBAL_LIMIT if INACTIVE_SEEDING_TIME.is_available(self._api) else None,
            action="default" if SHARE_LIMIT_ACTION.is_available(self._api) else None,
            mode="Default" if SHARE_LIMITS_MODE.is_available(self._api) else None,
        )
        limits: dict[str, Any] = {f.partition(".")[2]: v for f, v in given.items() if f.startswith("share_limits.")}
        path = normalize_path(str(given.get("download_path") or "")) if DOWNLOAD_PATH.is_available(self._api) else None
        return LiveOptions(
            force_start=given.get("force_start") is True and not options.stopped,
            sequential=given.get("sequential") is True,
            first_last_piece_first=given.get("first_last_piece_first") is True,
            download_limit=int(given.get("download_limit", 0)),
            upload_limit=int(given.get("upload_limit", 0)),
            share=replace(share, **limits),
            download_path="" if options.auto_tmm and path else path,
        )

    def _set_auto_tmm(self, live: LiveTorrent, enable: bool) -> LiveTorrent:
        if not enable or live.auto_tmm:
            return replace(live, auto_tmm=enable)
        moved = move_torrent(replace(live, auto_tmm=True), self._resolve_category_path(live.category))
        return moved if live.options.download_path is None else _replace_options(moved, download_path="")

    def _set_download_path(self, live: LiveTorrent, path: str) -> LiveTorrent:
        """Passed over under automatic management. Taken away, newer versions put the save path in its place."""
        if live.auto_tmm:
            return live
        nothing = live.save_path if SAVE_PATH_AS_DOWNLOAD_PATH.is_available(self._api) else ""
        return _replace_options(live, download_path=normalize_path(path) if path else nothing)

    def _set_force_start(self, live: LiveTorrent, force: bool) -> LiveTorrent:
        """Whatever the value, a stopped torrent starts."""
        state = self._build_state(False, live.has_metadata, live.progress)
        return _replace_options(replace(live, stopped=False, state=state), force_start=force)

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


def _replace_options(live: LiveTorrent, **options: Any) -> LiveTorrent:
    return replace(live, options=replace(live.options, **options))


def _add_urls(live: LiveTorrent, field: str, urls: Sequence[str]) -> LiveTorrent:
    there = parse_link_urls(live.links, field)
    key = {TRACKERS: "tr", WEB_SEEDS: "ws"}[field]
    new = "".join(f"&{key}={quote(url, safe='')}" for url in urls if url not in there)
    return replace(live, links=live.links + new)


def move_torrent(torrent: LiveTorrent, path: str) -> LiveTorrent:
    """The torrent at another save path, with the content that it had at the one before."""
    old, there = f"{torrent.save_path}/", torrent.content_path
    content = f"{path}/{there.removeprefix(old)}" if torrent.has_metadata and there.startswith(old) else there
    return replace(torrent, save_path=path, content_path=content)
