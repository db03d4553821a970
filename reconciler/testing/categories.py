"""Categories in memory, created, edited and removed as each version does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from reconciler.model.errors import RejectedError
from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import CategoryDownloadPath, LiveCategory, LiveTorrent
from reconciler.model.versions import (
    CATEGORY_EDIT_KEEPS_DATA,
    CATEGORY_EDIT_MOVES_DATA,
    DOWNLOAD_PATH,
    LENIENT_CATEGORY_EDIT,
    SUBCATEGORIES,
    ApiVersion,
)
from reconciler.testing.options import move_torrent

T = TypeVar("T")

INVALID_CATEGORY: Final = re.compile(r"^/|/$|//|\\|^$")


class MemoryCategories:
    """The category calls of `MemoryInstance`."""

    default_save_path: str
    torrents: dict[str, LiveTorrent]
    live_categories: dict[str, LiveCategory]
    _api: ApiVersion

    def read_categories(self) -> Mapping[str, LiveCategory]:
        """Return every category by its name."""
        return self._run_request(lambda: dict(self.live_categories))

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Set an existing category. Under automatic management the data follows."""

        def change(torrent: LiveTorrent) -> LiveTorrent:
            if category and category not in self.live_categories:
                raise RejectedError("no such category", 409)
            path = self._resolve_category_path(category) if torrent.auto_tmm else torrent.save_path
            return move_torrent(replace(torrent, category=category), path)

        self._change_torrents(ids, change)

    def create_category(self, name: str, save_path: str, download_path: CategoryDownloadPath = None) -> None:
        """Create a category. Raises `RejectedError` (409) if it exists."""

        def work() -> None:
            if name in self.live_categories or INVALID_CATEGORY.search(name):
                raise RejectedError("the category exists or its name is invalid", 409)
            self._create_category(name, save_path, download_path)

        self._run_request(work)

    def edit_category(
        self, category: LiveCategory, save_path: str | None = None, download_path: CategoryDownloadPath = None
    ) -> None:
        """Set the paths of a category. With the default settings of a server, its automatic torrents become manual."""
        name, path = category.name, normalize_path(category.save_path if save_path is None else save_path)
        incomplete = category.download_path if download_path is None else download_path
        if (path, incomplete) == (normalize_path(category.save_path), category.download_path):
            return

        def work() -> None:
            if name not in self.live_categories:
                raise RejectedError("no such category", 404 if LENIENT_CATEGORY_EDIT.is_available(self._api) else 409)
            before = self.live_categories[name]
            edited = replace(before, save_path=path, download_path=self._normalize_download_path(incomplete))
            if edited == before and not LENIENT_CATEGORY_EDIT.is_available(self._api):
                raise RejectedError("nothing changed", 409)
            self.live_categories[name] = edited
            for key, torrent in self.torrents.items():
                if torrent.category == name and torrent.auto_tmm and path != before.save_path:
                    moves = CATEGORY_EDIT_MOVES_DATA.is_available(
                        self._api
                    ) and not CATEGORY_EDIT_KEEPS_DATA.is_available(self._api)
                    save_path = self._resolve_category_path(name) if moves else torrent.save_path
                    self.torrents[key] = move_torrent(replace(torrent, auto_tmm=False), save_path)

        self._run_request(work)

    def remove_categories(self, names: Collection[str]) -> None:
        """Remove categories. From 5.2 on, subcategories are removed too, and torrents move to the parent."""

        def work() -> None:
            for name in names:
                if self.live_categories.pop(name, None) is not None:
                    self._detach_category(name)

        self._run_request(work)

    def _normalize_download_path(self, download_path: CategoryDownloadPath) -> CategoryDownloadPath:
        """Return the download path in its normal form; None before 4.4, which has none."""
        if not DOWNLOAD_PATH.is_available(self._api):
            return None
        return normalize_path(download_path) if isinstance(download_path, str) else download_path

    def _detach_category(self, name: str) -> None:
        nested = SUBCATEGORIES.is_available(self._api)
        for category in [child for child in self.live_categories if nested and child.startswith(f"{name}/")]:
            del self.live_categories[category]
        parent = name.rpartition("/")[0] if nested else ""
        for key, torrent in self.torrents.items():
            if torrent.category == name or (nested and torrent.category.startswith(f"{name}/")):
                self.torrents[key] = replace(torrent, category=parent)

    def _create_category(self, name: str, save_path: str, download_path: CategoryDownloadPath = None) -> None:
        parent = name.rpartition("/")[0]
        if parent and parent not in self.live_categories and SUBCATEGORIES.is_available(self._api):
            self._create_category(parent, "")
        self.live_categories[name] = LiveCategory(
            name, normalize_path(save_path), download_path=self._normalize_download_path(download_path)
        )

    def _resolve_category_path(self, category: str) -> str:
        """Return the save path of a category under automatic management."""
        if not category:
            return self.default_save_path
        live_category = self.live_categories.get(category)
        return (live_category.save_path if live_category else "") or f"{self.default_save_path}/{category}"

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change_torrents(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        raise NotImplementedError
