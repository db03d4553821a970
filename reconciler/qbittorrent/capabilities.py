"""What a version of qBittorrent can do, decided by its Web API version alone.

A version newer than any we know is never refused: the Web API grows mostly by addition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.model.errors import UnsupportedError

OLDEST_SUPPORTED = (2, 5)  # qBittorrent 4.2.4
NEWEST_TESTED = (2, 16, 2)  # qBittorrent 5.3.0

_VERSION_PATTERN = re.compile(r"[0-9]+(\.[0-9]+){1,3}")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one instance can do. `api_version` is its Web API version as numbers."""

    api_version: tuple[int, ...]

    @property
    def can_tag_at_add(self) -> bool:
        """Does torrents/add take tags? Since Web API 2.7 (qBittorrent 4.3.2); before, it ignores them silently."""
        return self.api_version >= (2, 7)

    @property
    def has_v2_infohashes(self) -> bool:
        """Does it know v2 infohashes? Since Web API 2.8.4 (qBittorrent 4.4), the first to be built on libtorrent 2."""
        return self.api_version >= (2, 8, 4)

    @property
    def can_export_torrents(self) -> bool:
        """Can a .torrent file be had of a torrent? Since Web API 2.8.14 (qBittorrent 4.5)."""
        return self.api_version >= (2, 8, 14)

    @property
    def has_incremental_sync(self) -> bool:
        """Does sync/maindata keep book of what changed? Since Web API 2.9.2 (qBittorrent 4.6).

        Before, it compares the whole state each time, which costs it three times a full list.
        """
        return self.api_version >= (2, 9, 2)

    @property
    def resets_category_limits(self) -> bool:
        """Does editing a category reset its share limits, with no way to send them along?

        So it is in qBittorrent 5.2 (Web API 2.15), the first to have them. Since 5.3 (2.16.2) an edit can carry them.
        """
        return (2, 15) <= self.api_version < (2, 16, 2)

    @property
    def tells_address(self) -> bool:
        """Does transfer/info tell the external address? Since Web API 2.11.3 (qBittorrent 5.1)."""
        return self.api_version >= (2, 11, 3)

    @property
    def torrent_creator(self) -> bool:
        """Can it make torrents? Since Web API 2.10.4 (qBittorrent 5.0)."""
        return self.api_version >= (2, 10, 4)

    @property
    def api_keys(self) -> bool:
        """Does it take API keys? Since Web API 2.14.1 (qBittorrent 5.2)."""
        return self.api_version >= (2, 14, 1)

    @property
    def has_free_space_at_path(self) -> bool:
        """Does it tell the free space of a path? Since Web API 2.15.2 (qBittorrent 5.3)."""
        return self.api_version >= (2, 15, 2)

    @property
    def is_tested(self) -> bool:
        """False for a version newer than any this was tested against: its filters are then checked before use."""
        return self.api_version[:3] <= NEWEST_TESTED


def parse_api_version(text: str) -> tuple[int, ...] | None:
    """`2.11.4` as numbers, also with something behind them; None where it is no version at all."""
    found = _VERSION_PATTERN.match(text)
    return tuple(int(part) for part in found.group().split(".")) if found else None


def determine_capabilities(instance: str, version: str, api_version: tuple[int, ...]) -> Capabilities:
    """What the instance can do. Raises `UnsupportedError` where it is older than all we can work with."""
    if api_version < OLDEST_SUPPORTED:
        raise UnsupportedError(
            f"{instance}: qBittorrent {version} (Web API {'.'.join(map(str, api_version))}) is too old. "
            "Update it: 4.2.4 is the oldest version that can be managed"
        )
    return Capabilities(api_version)
