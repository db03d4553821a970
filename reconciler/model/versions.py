"""The table of Web API versions that behaviour depends on: one row for each fact, with the release that brought it.

Rows are measured on real servers, or taken from qBittorrent's history: `WebAPI_Changelog.md` from 2.11.6 on, and the
`API_VERSION` at a commit before that. Between two releases, only development builds report the versions in between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ApiVersion = tuple[int, ...]

_VERSION_PATTERN: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,3}")


@dataclass(frozen=True, slots=True)
class Capability:
    """A behaviour of qBittorrent from the Web API version `since` on, which came with `release`."""

    label: str
    since: ApiVersion
    release: str

    def is_available(self, api_version: ApiVersion) -> bool:
        """True if a server of that Web API version behaves so."""
        return api_version >= self.since

    @property
    def since_text(self) -> str:
        """The Web API version as text, like `2.11.4`."""
        return ".".join(map(str, self.since))


OLDEST_SUPPORTED: Final = Capability("oldest supported version", (2, 5), "4.2.4")
NEWEST_TESTED: Final = Capability("newest tested version", (2, 16, 2), "5.3.0")
EVERY_VERSION: Final = Capability("every version", (), "")

# torrents/add
TAGS_AT_ADD: Final = Capability("tags with an add", (2, 7), "4.3.2")  # ignored silently before
SUBFOLDER_LAYOUT: Final = Capability("content_layout subfolder", (2, 7), "4.3.2")
SHARE_LIMITS_AT_ADD: Final = Capability("share limits with an add", (2, 8, 1), "4.3.4")
STOP_CONDITION_AT_ADD: Final = Capability("stop_condition", (2, 8, 18), "4.5")
FORCE_START_AT_ADD: Final = Capability("force_start with an add", (2, 11, 4), "5.1")

# Torrents
CONTENT_PATH: Final = Capability("content_path in torrents/info", (2, 6, 1), "4.3.1")
V2_INFOHASHES: Final = Capability("v2 infohashes", (2, 8, 4), "4.4")  # the first release on libtorrent 2
DOWNLOAD_PATH: Final = Capability("download_path", (2, 8, 4), "4.4")
IMMEDIATE_PRIORITY: Final = Capability("file priorities show at once", (2, 8, 4), "4.4")  # seen on 4.5.2, not on 4.2.5
SKIPPED_FILES_STAY: Final = Capability(
    "skipped files stay where they are", (2, 8, 4), "4.4"
)  # seen on 4.5.2, not on 4.2.5, which moves them into `.unwanted`
PIECE_ORDER_SHOWN: Final = Capability(
    "first_last_piece_first shows for every torrent", (2, 8, 4), "4.4"
)  # seen on 4.5.2; on 4.2.5 it is what the priorities of the pieces show
TORRENT_EXPORT: Final = Capability("export of .torrent files", (2, 8, 14), "4.5")
INACTIVE_SEEDING_TIME: Final = Capability("share_limits.inactive_seeding_time", (2, 9, 2), "4.6")
STOPPED_STATE_NAMES: Final = Capability("`stopped` where it was `paused`", (2, 11), "5.0")
COMMENT_IN_LIST: Final = Capability("comment in torrents/info", (2, 11), "5.0")
SAVE_PATH_AS_DOWNLOAD_PATH: Final = Capability(
    "a removed download path shows as the save path", (2, 11), "5.0"
)  # seen on 5.1.0 and 5.3.0, not on 4.5.2
RESOLVED_SAVE_PATH: Final = Capability(
    "a relative save path shows where it leads", (2, 8, 4), "4.4"
)  # seen on 4.5.2, not on 4.2.5, which reports C:\\data on Linux as it was given
ADD_WEB_SEEDS: Final = Capability("web_seeds", (2, 11, 4), "5.1")
FILES_IN_LIST: Final = Capability("files in torrents/info", (2, 11, 8), "5.2")
CONTENT_REMOVAL: Final = Capability("deleting data in the background, or to the trash", (2, 11), "5.0")
MISSING_TRACKER_REMOVAL: Final = Capability("removing a tracker that is not there", (2, 8, 18), "4.5")
TRACKER_URL_DECODING: Final = Capability("percent-encoded URLs of trackers to remove", (2, 11), "5.0")
BULK_ADD_TRACKERS: Final = Capability("trackers for many torrents in one request", (2, 11, 9), "5.2")
SHARE_LIMIT_ACTION: Final = Capability("share_limits.action", (2, 12), "5.2")
SET_COMMENT: Final = Capability("comment", (2, 12, 1), "5.2")
SHARE_LIMITS_MODE: Final = Capability("share limits mode", (2, 15, 3), "5.3")
LINK_TRACKER_FILTER: Final = Capability("only HTTP and UDP trackers of a link are added", (2, 16), "5.3")

# Categories
DEFAULT_PATH_SPARES_OTHERS: Final = Capability(
    "a new default path leaves torrents with a path of their own alone", (2, 8, 4), "4.4"
)  # seen on 4.5.2, not on 4.2.5, where all automatic torrents become manual
CATEGORY_EDIT_MOVES_DATA: Final = Capability("an edited category moves its data", (2, 8), "4.3.4")  # not on 4.2.5
CATEGORY_EDIT_KEEPS_DATA: Final = Capability("an edited category leaves its data", (2, 11), "5.0")  # seen on 5.1.0
SUBCATEGORIES: Final = Capability("categories within categories", (2, 15), "5.2")  # an option before
CATEGORY_SHARE_LIMITS: Final = Capability("share limits of a category", (2, 15), "5.2")
LENIENT_CATEGORY_EDIT: Final = Capability("a category edit that changes nothing is accepted", (2, 15, 1), "5.2")
CATEGORY_SHARE_LIMITS_EDIT: Final = Capability("share limits with a category edit", (2, 16, 2), "5.3")

# torrentcreator
TORRENT_CREATOR: Final = Capability("torrent creator", (2, 10, 4), "5.0")  # 5.0.0beta1 has it and reports 2.10.4
CREATOR_URL_DECODING: Final = Capability("torrentcreator decodes its URLs", (2, 12), "5.2")

# The application
INCREMENTAL_SYNC: Final = Capability("incremental sync/maindata", (2, 9, 2), "4.6")
INTERFACE_NAME: Final = Capability("name of the network interface", (2, 11), "5.0")
DIRECTORY_CONTENT: Final = Capability("app/getDirectoryContent", (2, 11), "5.0")
EXTERNAL_ADDRESS: Final = Capability("external address in transfer/info", (2, 11, 3), "5.1")
LIMIT_IMPLIES_FLAG: Final = Capability("a share limit preference sets its `_enabled`", (2, 11, 6), "5.2")
API_KEYS: Final = Capability("API keys", (2, 14, 1), "5.2")
FREE_SPACE_AT_PATH: Final = Capability("app/getFreeSpaceAtPath", (2, 15, 2), "5.3")
TORRENT_FILES_BACKUP: Final = Capability("`torrent_files_backup_dir` where it was `export_dir`", (2, 16), "5.3")


def parse_api_version(text: str) -> ApiVersion | None:
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
