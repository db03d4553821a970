"""The interface of an instance that apply needs.

`qbittorrent.Session` implements it, and `testing.MemoryInstance` in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from reconciler.model.content import CreationSpec, CreatorTask
from reconciler.model.files import LiveFile, Priority
from reconciler.model.plan import FieldValue
from reconciler.model.preferences import PreferenceValue
from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import (
    AddOptions,
    CategoryDownloadPath,
    LiveCategory,
    LiveTorrent,
    ShareLimits,
    Snapshot,
    TorrentSift,
)
from reconciler.model.versions import ApiVersion


class Target(Protocol):
    """One open session on one instance.

    Every method is one request (`read_torrents` and `read_snapshot` add one more where only the server's filter knows
    the stop intent, and `read_torrents` is one for every 2,500 ids). Ids are live torrent ids; a collection of them is
    never empty. A mutation that returns is only accepted, not done: read back. Every method raises
    `model.errors.InstanceError`, or `Stopped` before it sends.
    """

    @property
    def api_version(self) -> ApiVersion:
        """The Web API version as numbers: what an add carries depends on it, among other things."""

    @property
    def can_tag_at_add(self) -> bool:
        """True if an add takes tags (qBittorrent >= 4.3.2).

        Otherwise `add_magnets` omits them, and `add_tags` must follow.
        """

    def ignore_stop(self) -> AbstractContextManager[None]:
        """Context in which requests are sent although the run was asked to stop, to finish what has begun."""

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Every torrent and category, with the files of those torrents that one of these ids means.

        And with the tasks that make one of these torrents, where there are any; what came of one that is finished takes
        one request more.

        Raises rather than return less than all.
        """

    def read_categories(self) -> Mapping[str, LiveCategory]:
        """Every category by its name."""

    def read_torrents(self, ids: Collection[str], sift: TorrentSift | None = None) -> tuple[LiveTorrent, ...]:
        """Return the torrents that exist among the given ids, in any order.

        `sift` gets each of them once, in parts, while the server makes the next part, and decides which are returned.
        It must send no request, and what it has seen counts for nothing if the method raises.
        """

    def read_files(self, ids: Collection[str]) -> Mapping[str, tuple[LiveFile, ...]]:
        """The files of those torrents that are there and have metadata. Before qBittorrent 5.2 one request for each."""

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links that share their options; one that is already there is no error."""

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files by names of their own, sharing their options; one that is already there is no error.

        One that the instance takes for none is refused (415), when some of the others may have been added.
        """

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Put tags on, creating new ones."""

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Take tags off. `tags` is never empty: qBittorrent would take off all of them."""

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Put into a category that exists; "" takes out of any."""

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path; management becomes manual."""

    def rename_torrent(self, torrent_id: str, name: str) -> None:
        """Give one torrent its name."""

    def stop_torrents(self, ids: Collection[str]) -> None:
        """Stop (pause)."""

    def start_torrents(self, ids: Collection[str]) -> None:
        """Start (resume). Never for one that runs: it would lose its forced start."""

    def set_option(self, ids: Collection[str], field: str, value: FieldValue) -> None:
        """Set an option of `model.options` that is set by itself, in the units of that table."""

    def toggle_option(self, ids: Collection[str], field: str) -> None:
        """Invert `sequential` or `first_last_piece_first`. Never repeated without reading it again."""

    def set_share_limits(self, ids: Collection[str], limits: ShareLimits) -> None:
        """Set all share limits at once."""

    def add_trackers(self, ids: Collection[str], urls: Sequence[str]) -> None:
        """Add trackers to the existing ones. More than one id only from qBittorrent 5.2 on."""

    def remove_trackers(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Remove trackers, as the instance writes them. Before 4.5, refused (409) if none of them is there."""

    def add_web_seeds(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Add web seeds to the existing ones (qBittorrent >= 5.1)."""

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Give files a priority."""

    def read_creator_tasks(self) -> tuple[CreatorTask, ...]:
        """All torrents that it is making or has made, without their files (qBittorrent >= 5.0)."""

    def start_creator_task(self, creation: CreationSpec) -> str:
        """Begin to make a torrent, without adding it; the id of the task. A path that leads nowhere fails only later.

        Refused (409) where too many are under way.
        """

    def read_created_torrent(self, task_id: str) -> bytes | None:
        """The .torrent file that a task has made; None where there is none, or no such task."""

    def remove_creator_task(self, task_id: str) -> None:
        """Forget a task, and end it where it is still under way. One that is not there is no error."""

    def export_torrent(self, torrent_id: str) -> bytes | None:
        """The .torrent file of one torrent (qBittorrent >= 4.5); None where it has no metadata yet, or is gone."""

    def add_peer(self, torrent_id: str, address: str) -> None:
        """Add a peer, `IP:port`, to a torrent. A missing torrent is no error."""

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove, with or without downloaded data."""

    def read_log(self, after_id: int) -> Sequence[LogEntry]:
        """Return the entries of the server's log after the one with that id, oldest first; -1: all that it keeps."""

    def count_other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        """Return the minimum number of other seeds of each torrent."""

    def create_category(self, name: str, save_path: str, download_path: CategoryDownloadPath = None) -> None:
        """Make a category that is not there."""

    def edit_category(
        self, category: LiveCategory, save_path: str | None = None, download_path: CategoryDownloadPath = None
    ) -> None:
        """Give a category that is there these paths; None: as it has it, like all else."""

    def remove_categories(self, names: Collection[str]) -> None:
        """Remove categories, with the sub-categories they may have. One that is not there is no error."""

    def read_preferences(self) -> Mapping[str, PreferenceValue]:
        """Every preference of the application by its key."""

    def set_preferences(self, values: Mapping[str, PreferenceValue]) -> None:
        """Set some preferences and leave the others unchanged. A version ignores unknown names."""
