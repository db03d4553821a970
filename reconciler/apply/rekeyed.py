"""Torrents whose id has changed.

A hybrid torrent that was added by its v1 hash alone gets another id with its metadata, and the old id then means
nothing (qBittorrent >= 4.4). Only a full read shows whether a torrent that is not found by its id still exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job, find_live, index_by_id
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError
from reconciler.retry import RetryPolicy

FIRST_SEARCH_DELAY = 1.0  # seconds; an add that is just not listed yet is the likelier reason


class RekeyedTorrents:
    """Searches for missing torrents, at growing intervals: a full read of thousands takes a server a second."""

    def __init__(self, target: Target, retry: RetryPolicy) -> None:
        self._target = target
        self._retry = retry
        self._search_times = self._iter_search_times(retry.clock.now())
        self._next_search = next(self._search_times)

    def find_if_due(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the result of `find` if enough time has passed, else nothing."""
        if self._retry.clock.now() < self._next_search:
            return []
        self._next_search = next(time for time in self._search_times if time > self._retry.clock.now())
        return self.find(jobs)

    def find(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs whose torrent has another id, after giving them that id. Raises `InstanceLost`."""
        if not jobs:
            return []
        try:
            live = index_by_id(self._retry.call_with_retry(self._target.read_snapshot).torrents)
        except InstanceError as error:
            raise InstanceLost(error) from error
        rekeyed = []
        for job in jobs:
            torrent = find_live(job, live)
            if torrent and torrent.id not in job.ids:
                job.torrent_id = torrent.id
                rekeyed.append(job)
        return rekeyed

    @staticmethod
    def _iter_search_times(start: float) -> Iterator[float]:
        wait = FIRST_SEARCH_DELAY
        while True:
            yield start + wait
            wait *= 2
