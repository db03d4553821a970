"""Follows what becomes of the data of deleted torrents, in the log of the server.

The torrent leaves the list at once, and a server deletes its data in the background, or moves it to the trash.
See docs/decisions/0047-read-in-the-log-what-became-of-deleted-data.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError
from reconciler.model.plan import Outcome
from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import CONTENT_REMOVAL
from reconciler.retry import RetryPolicy

PATIENCE: Final = 10.0  # seconds; terabytes on a slow disk take longer, and nothing waits for them
_TRASH_HINT: Final = (
    ". It moves deleted data to the trash and may have none; set its preference torrent_content_remove_option to Delete"
)
_UNREADABLE_TEXT: Final = "removed, but whether its data is gone is not known, because the log cannot be read"
_PENDING_TEXT: Final = "removed; its data is still being deleted"
_LINKS: Final = "://"  # a text with a link is not shown: it may contain a passkey


class DeletedData:
    """The data of the torrents that are about to be deleted with it. Created before they are."""

    def __init__(self, jobs: Iterable[tuple[Job, LiveTorrent]], target: Target, retry: RetryPolicy) -> None:
        self._target = target
        self._retry = retry
        self._jobs: defaultdict[str, list[Job]] = defaultdict(list)  # by the name of the torrent, as the log names it
        for job, live in jobs:
            if job.deletes_files and live.has_metadata:
                self._jobs[live.name].append(job)
        self._last_id: int | None = None  # None: the log cannot be read
        if self._jobs:
            self._read_new_entries(after_id=-1)

    def end_jobs(self, jobs: Sequence[Job]) -> None:
        """End the jobs of torrents that are gone from the list, as far as their data is seen to be gone too.

        Waits for a while, and not for an instance that does not answer any more.
        """
        followed = {id(job) for group in self._jobs.values() for job in group}
        for job in jobs:
            job.is_removed = True
            if id(job) not in followed:
                job.end(Outcome.APPLIED)
        try:
            if any(job.outcome is None for job in jobs):
                self._follow_log()
        finally:
            for job in jobs:
                job.end(Outcome.DEFERRED, _UNREADABLE_TEXT if self._last_id is None else _PENDING_TEXT)

    def _follow_log(self) -> None:
        mentions: defaultdict[str, int] = defaultdict(int)
        start = self._retry.clock.now()
        for wait in self._retry.poll_intervals():
            for entry in self._read_new_entries(after_id=self._last_id):
                for name in [name for name, jobs in self._jobs.items() if _is_open(jobs) and entry.has_name(name)]:
                    mentions[name] += 1
                    self._end_if_known(name, mentions[name], entry)
            is_done = not any(map(_is_open, self._jobs.values()))
            if is_done or self._last_id is None or self._retry.clock.now() - start > PATIENCE:
                return
            self._retry.clock.sleep(wait)

    def _end_if_known(self, name: str, mentions: int, entry: LogEntry) -> None:
        """End the jobs of a name if an entry says that data could not be deleted, or is the last to be expected.

        From 5.0 on, one entry is about the torrent, and one about its data.
        """
        jobs = self._jobs[name]
        if entry.is_problem:
            text = "see its log" if _LINKS in entry.text else f"its log says: {entry.text}"
            is_trashed = any(job.action.blast and job.action.blast.to_trash for job in jobs)
            for job in jobs:
                job.end(
                    Outcome.FAILED,
                    f"removed, but its data is still there; {text}{_TRASH_HINT if is_trashed else ''}",
                )
        elif mentions >= len(jobs) * (2 if CONTENT_REMOVAL.is_available(self._target.api_version) else 1):
            for job in jobs:
                job.end(Outcome.APPLIED)

    def _read_new_entries(self, after_id: int | None) -> Sequence[LogEntry]:
        if after_id is None:
            return ()
        try:
            entries = self._retry.call_with_retry(lambda: self._target.read_log(after_id))
        except InstanceError:
            self._last_id = None
            return ()
        self._last_id = max([after_id, *(entry.id for entry in entries)])
        return entries


def _is_open(jobs: Sequence[Job]) -> bool:
    return any(job.outcome is None for job in jobs)
