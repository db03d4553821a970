"""Categories in memory: how each version makes, edits and removes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from reconciler.model.errors import Rejected
from reconciler.model.paths import normal_path
from reconciler.model.snapshot import DownloadPath, LiveCategory, LiveTorrent
from reconciler.testing.options import moved_to

T = TypeVar("T")

BAD_CATEGORY: Final = re.compile(r"^/|/$|//|\\|^$")


class MemoryCategories:
    """A part of `MemoryInstance`."""

    default_save_path: str
    torrents: dict[str, LiveTorrent]
    live_categories: dict[str, LiveCategory]
    _api: tuple[int, ...]
    _v2: bool

    def categories(self) -> Mapping[str, LiveCategory]:
        """Every category by its name."""
        return self._request(lambda: dict(self.live_categories))

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Put into a category that exists. Under automatic management the data follows."""

        def change(torrent: LiveTorrent) -> LiveTorrent:
            if category and category not in self.live_categories:
                raise Rejected("no such category", 409)
            path = self._path_of(category) if torrent.auto_tmm else torrent.save_path
            return moved_to(replace(torrent, category=category), path)

        self._change(ids, change)

    def create_category(self, name: str, save_path: str, download_path: DownloadPath = None) -> None:
        """Make a category that is not there."""

        def work() -> None:
            if name in self.live_categories or BAD_CATEGORY.search(name):
                raise Rejected("the category is there or its name is not allowed", 409)
            self._make_category(name, save_path, download_path)

        self._request(work)

    def edit_category(
        self, category: LiveCategory, save_path: str | None = None, download_path: DownloadPath = None
    ) -> None:
        """Give a category other paths. Its automatic torrents become manual, by the settings a server comes with."""
        name, path = category.name, normal_path(category.save_path if save_path is None else save_path)
        incomplete = category.download_path if download_path is None else download_path
        if (path, incomplete) == (normal_path(category.save_path), category.download_path):
            return

        def work() -> None:
            if name not in self.live_categories:
                raise Rejected("no such category", 404 if self._api >= (2, 15) else 409)
            before = self.live_categories[name]
            edited = replace(before, save_path=path, download_path=self._kept(incomplete))
            if edited == before and self._api < (2, 15):
                raise Rejected("nothing changed", 409)
            self.live_categories[name] = edited
            for key, torrent in self.torrents.items():
                if torrent.category == name and torrent.auto_tmm and path != before.save_path:
                    # 4.5.2 moves the data first, 4.2.5 and >= 5.1 leave it where it is
                    moves = (2, 8) <= self._api < (2, 11)
                    where = self._path_of(name) if moves else torrent.save_path
                    self.torrents[key] = moved_to(replace(torrent, auto_tmm=False), where)

        self._request(work)

    def remove_categories(self, names: Collection[str]) -> None:
        """Remove categories. From 5.2 on those within go too, and the torrents in them go to the parent."""

        def work() -> None:
            for name in names:
                if self.live_categories.pop(name, None) is not None:
                    self._leave_category(name)

        self._request(work)

    def _kept(self, download_path: DownloadPath) -> DownloadPath:
        """Before 4.4 there is no such thing."""
        return None if not self._v2 else normal_path(download_path) if isinstance(download_path, str) else download_path

    def _leave_category(self, name: str) -> None:
        nested = self._api >= (2, 15)
        for within in [one for one in self.live_categories if nested and one.startswith(f"{name}/")]:
            del self.live_categories[within]
        parent = name.rpartition("/")[0] if nested else ""
        for key, torrent in self.torrents.items():
            if torrent.category == name or (nested and torrent.category.startswith(f"{name}/")):
                self.torrents[key] = replace(torrent, category=parent)

    def _make_category(self, name: str, save_path: str, download_path: DownloadPath = None) -> None:
        parent = name.rpartition("/")[0]
        if parent and parent not in self.live_categories and self._api >= (2, 15):
            self._make_category(parent, "")
        self.live_categories[name] = LiveCategory(name, normal_path(save_path), download_path=self._kept(download_path))

    def _path_of(self, category: str) -> str:
        """Where automatic management keeps a category's data."""
        if not category:
            return self.default_save_path
        known = self.live_categories.get(category)
        return (known.save_path if known else "") or f"{self.default_save_path}/{category}"

    def _request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        raise NotImplementedError
