"""Categories in memory, created, edited and removed as each version does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.paths import normalize_path
from reconciler.model.server_effects import (
    end_management,
    ends_management,
    find_category_path,
    list_missing_parents,
    list_removed_categories,
    move_torrent,
    normalize_category_path,
)
from reconciler.model.snapshot import CategoryDownloadPath, LiveCategory, LiveTorrent
from reconciler.model.versions import (
    CATEGORY_LIMITS_REASON,
    LENIENT_CATEGORY_EDIT,
    SUBCATEGORIES,
    ApiVersion,
    resets_category_limits,
)

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

        if category.share_limits and resets_category_limits(self._api):
            raise UnsupportedError(f"category {name} {CATEGORY_LIMITS_REASON}")

        def work() -> None:
            if name not in self.live_categories:
                raise RejectedError("no such category", 404 if LENIENT_CATEGORY_EDIT.is_available(self._api) else 409)
            before = self.live_categories[name]
            edited = replace(before, save_path=path, download_path=normalize_category_path(incomplete, self._api))
            if edited == before and not LENIENT_CATEGORY_EDIT.is_available(self._api):
                raise RejectedError("nothing changed", 409)
            self.live_categories[name] = edited
            for key, torrent in self.torrents.items():
                if torrent.category == name and torrent.auto_tmm and ends_management(before, edited, self._api):
                    self.torrents[key] = end_management(torrent, self._resolve_category_path(name), self._api)

        self._run_request(work)

    def remove_categories(self, names: Collection[str]) -> None:
        """Remove categories. From 5.2 on, subcategories are removed too, and torrents move to the parent."""

        def work() -> None:
            for name in names:
                if self.live_categories.pop(name, None) is not None:
                    self._detach_category(name)

        self._run_request(work)

    def _detach_category(self, name: str) -> None:
        removed = list_removed_categories(name, [name, *self.live_categories], self._api)
        for category in removed:
            self.live_categories.pop(category, None)
        parent = name.rpartition("/")[0] if SUBCATEGORIES.is_available(self._api) else ""
        for key, torrent in self.torrents.items():
            if torrent.category in removed:
                self.torrents[key] = replace(torrent, category=parent)

    def _create_category(self, name: str, save_path: str, download_path: CategoryDownloadPath = None) -> None:
        for parent in list_missing_parents(name, self.live_categories, self._api):
            self.live_categories[parent] = LiveCategory(parent)
        self.live_categories[name] = LiveCategory(
            name, normalize_path(save_path), download_path=normalize_category_path(download_path, self._api)
        )

    def _resolve_category_path(self, category: str) -> str:
        """Return the save path of a category under automatic management."""
        return find_category_path(category, self.live_categories, self.default_save_path) or self.default_save_path

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change_torrents(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        raise NotImplementedError
