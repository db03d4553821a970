"""Deletions in memory, with the log in which a server tells what became of the data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import CONTENT_REMOVAL, ApiVersion

T = TypeVar("T")


class MemoryDeletions:
    """The calls of `MemoryInstance` that delete torrents, count their seeds and read the log.

    `undeletable`: the ids of torrents whose data cannot be deleted. `slow_log_reads`: how many reads of the log do not
    show the end of deletions yet.
    """

    torrents: dict[str, LiveTorrent]
    seed_counts: dict[str, int]
    undeletable: set[str]
    slow_log_reads: int
    _api: ApiVersion
    _log_entries: list[LogEntry]
    _late_entries: list[tuple[bool, str]]

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove torrents. There is no data, but the log tells of its deletion."""
        keys = _check_ids(ids)

        def work() -> None:
            for key in keys:
                if torrent := self.torrents.pop(key, None):
                    self._log_deletion(torrent, delete_files)

        self._run_request(work)

    def count_other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        """Return the seed counts that were set, for the torrents that are there."""
        keys = _check_ids(ids)
        return self._run_request(lambda: {key: self.seed_counts.get(key, 0) for key in keys if key in self.torrents})

    def read_log(self, after_id: int) -> Sequence[LogEntry]:
        """Return the entries of the log after the one with that id."""

        def work() -> Sequence[LogEntry]:
            self.slow_log_reads -= 1
            if self.slow_log_reads < 0:
                for is_problem, text in self._late_entries:
                    self._add_entry(text, is_problem)
                self._late_entries.clear()
            return [entry for entry in self._log_entries if entry.id > after_id]

        return self._run_request(work)

    def _log_deletion(self, torrent: LiveTorrent, delete_files: bool) -> None:
        name, is_undeletable = torrent.name, torrent.id in self.undeletable
        if CONTENT_REMOVAL.is_available(self._api):
            self._add_entry(f'Torrent removed. Torrent: "{name}"')
            done = f'Torrent content removed. Torrent: "{name}"'
            failed = f'Failed to remove torrent content. Torrent: "{name}"'
        else:
            done = f"'{name}' was removed from the transfer list and hard disk."
            failed = f"'{name}' was removed from the transfer list but the files couldn't be deleted."
        if delete_files and torrent.has_metadata:
            self._late_entries.append((is_undeletable, failed if is_undeletable else done))

    def _add_entry(self, text: str, is_problem: bool = False) -> None:
        self._log_entries.append(LogEntry(len(self._log_entries), is_problem, text))

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError


def _check_ids(ids: Collection[str]) -> list[str]:
    if not ids or "all" in ids:
        raise ValueError("ids are a non-empty collection, without `all`")
    return list(ids)
