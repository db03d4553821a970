"""The table of what a qBittorrent can do: one row for each fact, with the release that brought it, and its source.

The Web API version decides, and for some facts the version of libtorrent that qBittorrent is built on. The source of a
row is one of these:

- `changelog`: qBittorrent's `WebAPI_Changelog.md`, which begins with 2.11.6.
- `tag`: the code of qBittorrent at the tag of that release, compared with that of the release before.
- `tried on`: real servers.

Between two releases, only development builds report the versions in between.

See docs/decisions/0024-a-row-of-the-version-table-claims-the-least.md.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

Version = tuple[int, ...]
ApiVersion = Version

_VERSION_PATTERN: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,3}")


@dataclass(frozen=True, slots=True)
class Capability:
    """A behaviour of qBittorrent from the Web API version `since` on, which came with `release`.

    `libtorrent`: the first version of libtorrent with which a build has it; () for every build. `source`: how that is
    known.
    """

    label: str
    since: ApiVersion
    release: str
    source: str
    libtorrent: Version = ()

    def is_available(self, api_version: ApiVersion, libtorrent: Version | None = None) -> bool:
        """True if a server of these versions behaves so. `libtorrent` None: only the Web API version is judged."""
        return api_version >= self.since and (libtorrent is None or libtorrent >= self.libtorrent)

    @property
    def since_text(self) -> str:
        """The Web API version as text, like `2.11.4`."""
        return ".".join(map(str, self.since))


OLDEST_SUPPORTED: Final = Capability("oldest supported version", (2, 5), "4.2.4", "tag")
NEWEST_TESTED: Final = Capability("newest tested version", (2, 16, 2), "5.3.0", "tested on 5.3.0")
EVERY_VERSION: Final = Capability("every version", (), "", "")

# torrents/add
TAGS_AT_ADD: Final = Capability("tags with an add", (2, 7), "4.3.2", "tag; ignored silently before")
SUBFOLDER_LAYOUT: Final = Capability("content_layout subfolder", (2, 7), "4.3.2", "tag")
SHARE_LIMITS_AT_ADD: Final = Capability("share limits with an add", (2, 8, 1), "4.3.4", "tag")
STOP_CONDITION_AT_ADD: Final = Capability("stop_condition", (2, 8, 18), "4.5", "tag")
FORCE_START_AT_ADD: Final = Capability("force_start with an add", (2, 11, 4), "5.1", "tag")

# Torrents
V2_TORRENTS: Final = Capability("v2 torrents", (2, 8, 4), "4.4", "tag; tried on 5.1.4 with 1.2 and 2.0", (2,))
CONTENT_PATH: Final = Capability("content_path in torrents/info", (2, 6, 1), "4.3.1", "tag")
SKIPPED_FILES_STAY: Final = Capability(
    "skipped files stay where they are", (2, 6), "4.3", "tag; 4.2 moves them into `.unwanted`"
)
PIECE_ORDER_SHOWN: Final = Capability(
    "first_last_piece_first shows for every torrent", (2, 6), "4.3", "tag; on 4.2 it is what the pieces show"
)
DOWNLOAD_PATH: Final = Capability("download_path", (2, 8, 4), "4.4", "tag")
RESOLVED_SAVE_PATH: Final = Capability(
    "a relative save path shows where it leads", (2, 8, 4), "4.4", "tag; 4.3.6 resolves some, as the Web API of 4.3.5"
)
IMMEDIATE_PRIORITY: Final = Capability("file priorities show at once", (2, 8, 14), "4.5", "tag")
TORRENT_EXPORT: Final = Capability("export of .torrent files", (2, 8, 14), "4.5", "tag")
METADATA_BY_FILE: Final = Capability(
    "a .torrent file gives a torrent its metadata", (2, 8, 18), "4.5", "tag; tried on 4.5.2, 5.1.0 and 5.3.0"
)
MISSING_TRACKER_REMOVAL: Final = Capability("removing a tracker that is not there", (2, 8, 18), "4.5", "tag")
INACTIVE_SEEDING_TIME: Final = Capability("share_limits.inactive_seeding_time", (2, 9, 2), "4.6", "tag")
SAVE_PATH_AS_DOWNLOAD_PATH: Final = Capability(
    "a removed download path shows as the save path", (2, 9, 2), "4.6", "tag; tried on 4.6.7"
)
STOPPED_STATE_NAMES: Final = Capability("`stopped` where it was `paused`", (2, 11), "5.0", "tag")
COMMENT_IN_LIST: Final = Capability("comment in torrents/info", (2, 11), "5.0", "tag")
CONTENT_REMOVAL: Final = Capability("deleting data in the background, or to the trash", (2, 11), "5.0", "tag")
ADD_WEB_SEEDS: Final = Capability("web_seeds", (2, 11, 4), "5.1", "tag")
TRACKER_URL_DECODING: Final = Capability(
    "percent-encoded URLs of trackers to remove", (2, 11, 4), "5.1", "tag; 5.0 takes them as they are"
)
FILES_IN_LIST: Final = Capability("files in torrents/info", (2, 11, 8), "5.2", "changelog")
BULK_ADD_TRACKERS: Final = Capability("trackers for many torrents in one request", (2, 11, 9), "5.2", "changelog")
SHARE_LIMIT_ACTION: Final = Capability("share_limits.action", (2, 12), "5.2", "changelog")
SET_COMMENT: Final = Capability("comment", (2, 12, 1), "5.2", "changelog")
SHARE_LIMITS_MODE: Final = Capability("share limits mode", (2, 15, 3), "5.3", "changelog")
LINK_TRACKER_FILTER: Final = Capability(
    "only HTTP and UDP trackers of a link are added", (2, 16), "5.3", "tried on 5.3.0"
)

# Categories
CATEGORY_DOWNLOAD_PATH: Final = Capability("download_path of a category", (2, 8, 4), "4.4", "tag")
CATEGORY_EDIT_MOVES_DATA: Final = Capability(
    "an edited category moves its data", (2, 8, 4), "4.4", "tag; tried on 4.5.2"
)
DEFAULT_PATH_SPARES_OTHERS: Final = Capability(
    "a new default path leaves torrents with a path of their own alone",
    (2, 8, 14),
    "4.5",
    "tag; 4.4.2 does so too, as the Web API of 4.4.1; before, all automatic torrents become manual",
)
CATEGORY_EDIT_KEEPS_DATA: Final = Capability(
    "an edited category leaves its data", (2, 11, 4), "5.1", "tag; tried on 5.0.5 and 5.1.0"
)
SUBCATEGORIES: Final = Capability("categories within categories", (2, 15), "5.2", "changelog; an option before")
CATEGORY_SHARE_LIMITS: Final = Capability("share limits of a category", (2, 15), "5.2", "tag")
LENIENT_CATEGORY_EDIT: Final = Capability(
    "a category edit that changes nothing is accepted", (2, 15, 1), "5.2", "changelog"
)
CATEGORY_SHARE_LIMITS_EDIT: Final = Capability("share limits with a category edit", (2, 16, 2), "5.3", "tried on 5.3.0")

# torrentcreator
TORRENT_CREATOR: Final = Capability("torrent creator", (2, 10, 4), "5.0", "tag of 5.0.0beta1, which reports 2.10.4")
CREATOR_URL_DECODING: Final = Capability("torrentcreator decodes its URLs", (2, 12), "5.2", "tag")

# The application
INCREMENTAL_SYNC: Final = Capability("incremental sync/maindata", (2, 9, 2), "4.6", "tag")
INTERFACE_NAME: Final = Capability("name of the network interface", (2, 9, 2), "4.6", "tag")
DIRECTORY_CONTENT: Final = Capability("app/getDirectoryContent", (2, 11), "5.0", "tag")
EXTERNAL_ADDRESS: Final = Capability("external address in transfer/info", (2, 11, 3), "5.1", "tag")
LIMIT_IMPLIES_FLAG: Final = Capability("a share limit preference sets its `_enabled`", (2, 11, 6), "5.2", "changelog")
API_KEYS: Final = Capability("API keys", (2, 14, 1), "5.2", "changelog")
FREE_SPACE_AT_PATH: Final = Capability("app/getFreeSpaceAtPath", (2, 15, 2), "5.3", "changelog")
TORRENT_FILES_BACKUP: Final = Capability(
    "`torrent_files_backup_dir` where it was `export_dir`", (2, 16), "5.3", "changelog"
)


def parse_version(text: str) -> Version | None:
    """Return `2.11.4` as numbers, ignoring a suffix; None if the text is no version."""
    match = _VERSION_PATTERN.match(text)
    return tuple(int(number) for number in match.group().split(".")) if match else None


def is_tested(api_version: ApiVersion) -> bool:
    """False for a version newer than every tested one.

    Such a server is not refused, because the Web API grows mostly by addition. Its filters are checked before use.
    """
    return api_version[:3] <= NEWEST_TESTED.since


def resets_category_limits(api_version: ApiVersion) -> bool:
    """True if editing a category resets its share limits, and the edit cannot carry them (qBittorrent 5.2)."""
    return CATEGORY_SHARE_LIMITS.is_available(api_version) and not CATEGORY_SHARE_LIMITS_EDIT.is_available(api_version)


CATEGORY_LIMITS_REASON: Final = (
    f"has share limits of its own, which qBittorrent {CATEGORY_SHARE_LIMITS.release} would reset with an edit through "
    f"the API. Change its path in qBittorrent itself, or update to {CATEGORY_SHARE_LIMITS_EDIT.release}"
)
