"""What apply needs of an instance. `live.Session` is the real one, `testing.MemoryInstance` the one in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from reconciler.model.snapshot import AddOptions, LiveCategory, LiveTorrent, Snapshot


class Target(Protocol):
    """One open session on one instance.

    Every method is one request (`read` and `snapshot` add one more where only the server's filter knows the stop
    intent). Ids are live torrent ids; a collection of them is never empty. A mutation that returns is only
    accepted, not done: read back. Every method raises `model.errors.InstanceError`, or `Stopped` before it sends.
    """

    @property
    def tags_at_add(self) -> bool:
        """Does an add take tags (qBittorrent >= 4.3.2)? Where not, `add` leaves them out and `add_tags` must follow."""

    def snapshot(self) -> Snapshot:
        """Every torrent and category. Raises rather than return less than all."""

    def categories(self) -> Mapping[str, LiveCategory]:
        """Every category by its name."""

    def read(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Those of the given ids that are there, in any order."""

    def add(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links that share their options; one that is already there is no error."""

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Put tags on, creating those that are new."""

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Take tags off. `tags` is never empty: qBittorrent would take off all of them."""

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Put into a category that exists; "" takes out of any."""

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path; management becomes manual."""

    def rename(self, torrent_id: str, name: str) -> None:
        """Give one torrent its name."""

    def stop(self, ids: Collection[str]) -> None:
        """Stop (pause)."""

    def start(self, ids: Collection[str]) -> None:
        """Start (resume). Never for one that runs: it would lose its forced start."""

    def force_start(self, ids: Collection[str]) -> None:
        """Start past the queue, stopped or not. A stop takes this off, and a plain start does not bring it back."""

    def delete(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove, with or without downloaded data."""

    def create_category(self, name: str, save_path: str) -> None:
        """Make a category that is not there."""

    def edit_category(self, category: LiveCategory, save_path: str) -> None:
        """Give a category that is there another path, keeping all else it has."""
