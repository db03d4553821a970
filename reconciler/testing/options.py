"""The options of torrents in memory: how the calls that set them behave on each version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from reconciler.model.errors import Rejected, Unsupported
from reconciler.model.files import LiveFile, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, urls_in
from reconciler.model.options import OPTIONS, WEB_SEEDS_SINCE
from reconciler.model.paths import normal_path
from reconciler.model.plan import Value
from reconciler.model.snapshot import AddOptions, LiveOptions, LiveTorrent, ShareLimits
from reconciler.model.units import GLOBAL

T = TypeVar("T")
Change = Callable[[LiveTorrent], LiveTorrent]

FILES_IN_LIST = (2, 11, 8)


class MemoryOptions:
    """A part of `MemoryInstance`."""

    torrents: dict[str, LiveTorrent]
    requests: int
    _api: tuple[int, ...]

    @property
    def api(self) -> tuple[int, ...]:
        """The Web API version as numbers."""
        return self._api

    def files(self, ids: Collection[str]) -> Mapping[str, tuple[LiveFile, ...]]:
        """The files of those torrents that are there and have metadata."""
        if self._api < FILES_IN_LIST:
            self.requests += len(ids) - 1  # one for each
        there = [self.torrents[key] for key in ids if key in self.torrents]
        return self._request(lambda: {live.id: live.files for live in there if live.files})

    def set_option(self, ids: Collection[str], field: str, value: Value) -> None:
        """Set one of the options that are set by themselves."""
        self._must_have(OPTIONS[field].since)
        special: dict[str, Callable[[LiveTorrent, Any], LiveTorrent]] = {
            "auto_tmm": self._automatic,
            "download_path": self._download_path,
            "force_start": self._forced,
            "comment": lambda live, text: replace(live, comment=str(text).strip()),
        }
        change = special.get(field) or (lambda live, new: _with(live, **{field: new}))
        self._change(ids, lambda live: change(live, value))

    def toggle(self, ids: Collection[str], field: str) -> None:
        """Turn it over."""
        self._change(ids, lambda live: _with(live, **{field: not getattr(live.options, field)}))

    def set_share_limits(self, ids: Collection[str], limits: ShareLimits) -> None:
        """Set all share limits at once, as far as the version knows them."""

        def change(live: LiveTorrent) -> LiveTorrent:
            there = live.options.share
            known = {
                name: getattr(limits, name)
                for name in ("inactive_seeding_time", "action", "mode")
                if getattr(there, name) is not None
            }
            return _with(live, share=replace(there, ratio=limits.ratio, seeding_time=limits.seeding_time, **known))

        self._change(ids, change)

    def add_trackers(self, ids: Collection[str], urls: Sequence[str]) -> None:
        """Add trackers; one that is there, to the letter, is passed over."""
        self._change(ids, lambda live: _linked(live, TRACKERS, urls))

    def add_web_seeds(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Add web seeds; one that is there is passed over."""
        self._must_have(WEB_SEEDS_SINCE)

        def work() -> None:
            if torrent_id not in self.torrents:
                raise Rejected("no such torrent", 404)
            self.torrents[torrent_id] = _linked(self.torrents[torrent_id], WEB_SEEDS, urls)

        self._request(work)

    def prioritize(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Give files a priority."""

        def work() -> None:
            live = self.torrents.get(torrent_id)
            if live is None:
                raise Rejected("no such torrent", 404)
            if not live.files or not set(indexes) <= {file.index for file in live.files}:
                raise Rejected("no metadata, or no such file", 409)
            files = (replace(file, priority=priority) if file.index in indexes else file for file in live.files)
            self.torrents[torrent_id] = replace(live, files=tuple(files))

        self._request(work)

    def _fresh_options(self, options: AddOptions) -> LiveOptions:
        """What a torrent has after an add with these options."""
        given = dict(options.more)
        share = ShareLimits(
            inactive_seeding_time=GLOBAL if self._api >= (2, 9, 2) else None,
            action="default" if self._api >= (2, 12) else None,
            mode="Default" if self._api >= (2, 15, 3) else None,
        )
        limits: dict[str, Any] = {f.partition(".")[2]: v for f, v in given.items() if f.startswith("share_limits.")}
        path = normal_path(str(given.get("download_path") or "")) if self._api >= (2, 8, 4) else None
        return LiveOptions(
            force_start=given.get("force_start") is True and not options.stopped,
            sequential=given.get("sequential") is True,
            first_last_piece_first=given.get("first_last_piece_first") is True,
            download_limit=int(given.get("download_limit", 0)),
            upload_limit=int(given.get("upload_limit", 0)),
            share=replace(share, **limits),
            download_path="" if options.auto_tmm and path else path,
        )

    def _automatic(self, live: LiveTorrent, enable: bool) -> LiveTorrent:
        if not enable or live.auto_tmm:
            return replace(live, auto_tmm=enable)
        moved = moved_to(replace(live, auto_tmm=True), self._path_of(live.category))
        return moved if live.options.download_path is None else _with(moved, download_path="")

    def _download_path(self, live: LiveTorrent, path: str) -> LiveTorrent:
        """Passed over under automatic management. Taken away, newer versions put the save path in its place."""
        if live.auto_tmm:
            return live
        nothing = live.save_path if self._api >= (2, 11) else ""
        return _with(live, download_path=normal_path(path) if path else nothing)

    def _forced(self, live: LiveTorrent, force: bool) -> LiveTorrent:
        """Whatever the value, a stopped torrent starts."""
        state = self._state(False, live.has_metadata, live.progress)
        return _with(replace(live, stopped=False, state=state), force_start=force)

    def _must_have(self, since: tuple[int, ...]) -> None:
        if self._api < since:
            raise Unsupported("this version has no such call")

    def _request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change(self, ids: Collection[str], change: Change) -> None:
        raise NotImplementedError

    def _path_of(self, category: str) -> str:
        raise NotImplementedError

    def _state(self, stopped: bool, has_metadata: bool = False, progress: float = 0.0) -> str:
        raise NotImplementedError


def _with(live: LiveTorrent, **options: Any) -> LiveTorrent:
    return replace(live, options=replace(live.options, **options))


def _linked(live: LiveTorrent, field: str, urls: Sequence[str]) -> LiveTorrent:
    there = urls_in(live.links, field)
    key = {TRACKERS: "tr", WEB_SEEDS: "ws"}[field]
    new = "".join(f"&{key}={quote(url, safe='')}" for url in urls if url not in there)
    return replace(live, links=live.links + new)


def moved_to(torrent: LiveTorrent, path: str) -> LiveTorrent:
    """The torrent at another save path, with the content that it had at the one before."""
    old, there = f"{torrent.save_path}/", torrent.content_path
    content = f"{path}/{there.removeprefix(old)}" if torrent.has_metadata and there.startswith(old) else there
    return replace(torrent, save_path=path, content_path=content)
