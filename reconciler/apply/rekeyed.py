"""Torrents that got another id meanwhile.

A hybrid torrent that was added by its v1 hash alone is listed under another id once its metadata is there, and the old
id then means nothing (qBittorrent >= 4.4): not found by that id is not gone. Only a full read tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.apply.delivery import Lost
from reconciler.apply.job import Job, by_id, live_of
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError
from reconciler.retry import Pace

FIRST_LOOK = 1.0  # seconds; an add that is just not listed yet is the likelier reason


class Finder:
    """Looks for what is missing, seldom enough: a full read of thousands takes a server a second."""

    def __init__(self, target: Target, pace: Pace) -> None:
        self._target = target
        self._pace = pace
        self._times = self._doubling(pace.now())
        self._next = next(self._times)

    def overdue(self, jobs: Sequence[Job]) -> list[Job]:
        """The same as `find`, where the time for it has come; else nothing."""
        if self._pace.now() < self._next:
            return []
        self._next = next(time for time in self._times if time > self._pace.now())
        return self.find(jobs)

    def find(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs whose torrent is there under another id, which they have from now on. Raises `Lost`."""
        if not jobs:
            return []
        try:
            live = by_id(self._pace.patiently(self._target.snapshot).torrents)
        except InstanceError as error:
            raise Lost(error) from error
        found = []
        for job in jobs:
            torrent = live_of(job, live)
            if torrent and torrent.id not in job.ids:
                job.torrent_id = torrent.id
                found.append(job)
        return found

    @staticmethod
    def _doubling(began: float) -> Iterator[float]:
        wait = FIRST_LOOK
        while True:
            yield began + wait
            wait *= 2
