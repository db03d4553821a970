"""The calls that read, create, edit and remove categories."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from reconciler.model.desired import Instance
from reconciler.model.errors import UnsupportedError
from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import CategoryDownloadPath, LiveCategory
from reconciler.model.versions import CATEGORY_LIMITS_REASON, resets_category_limits
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.convert import convert_categories

# The share limits of a category (>= 5.2): the key in torrents/categories, and the key in editCategory (5.3).
_EDIT_KEYS: Final = {
    "ratio_limit": "ratioLimit",
    "seeding_time_limit": "seedingTimeLimit",
    "inactive_seeding_time_limit": "inactiveSeedingTimeLimit",
    "share_limit_action": "shareLimitAction",
    "share_limits_mode": "shareLimitsMode",
}


class CategoryCalls:
    """The category calls of `Session`."""

    _instance: Instance
    _connection: Connection

    def read_categories(self) -> Mapping[str, LiveCategory]:
        """Return every category by its name."""
        return convert_categories(self._connection.call("torrents/categories", Client.read_category_rows))

    def create_category(self, name: str, save_path: str, download_path: CategoryDownloadPath = None) -> None:
        """Create a category. Raises `RejectedError` (409) if it exists."""
        paths = _download_path_arguments(download_path)
        self._connection.call(
            "torrents/createCategory", lambda client: client.torrents_create_category(name, save_path, **paths)
        )

    def edit_category(
        self, category: LiveCategory, save_path: str | None = None, download_path: CategoryDownloadPath = None
    ) -> None:
        """Set the paths of an existing category. None keeps a path.

        An edit replaces everything (until 5.2), so the other values of `category` are sent back. Nothing is sent if the
        paths are unchanged: until 5.1, such an edit is refused.
        """
        save_path = category.save_path if save_path is None else save_path
        download_path = category.download_path if download_path is None else download_path
        if (normalize_path(save_path), download_path) == (normalize_path(category.save_path), category.download_path):
            return
        limits: dict[str, Any] = {_EDIT_KEYS[key]: value for key, value in category.share_limits.items()}
        if limits and resets_category_limits(self._connection.api_version):  # set since the plan was made
            raise UnsupportedError(f"{self._instance.name}: category {category.name} {CATEGORY_LIMITS_REASON}")
        limits |= _download_path_arguments(download_path)
        self._connection.call(
            "torrents/editCategory", lambda client: client.torrents_edit_category(category.name, save_path, **limits)
        )

    def remove_categories(self, names: Collection[str]) -> None:
        """Remove categories with their subcategories. A missing category is no error."""
        if not names or any(not name or "\n" in name for name in names):
            raise ValueError("names are a non-empty collection of categories")
        self._connection.call(
            "torrents/removeCategories", lambda client: client.torrents_remove_categories(list(names))
        )


def _download_path_arguments(path: CategoryDownloadPath) -> dict[str, Any]:
    """Return the arguments for a category's download path (>= 4.4): unset (None), no path (False), or a path."""
    if path is None:
        return {}
    return {"enable_download_path": path is not False, "download_path": path or ""}
