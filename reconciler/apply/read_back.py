"""Finds jobs whose torrents show all that they set, while the server is still making the rest of a long read-back.

What is done here need not be done when the server has nothing left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from reconciler.apply.delivery import read_jobs
from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.apply.untagged_adds import not_added_reason
from reconciler.model.fields.field import AppliedCheck
from reconciler.model.fields.registry import make_applied_checks
from reconciler.model.plan import Change, Outcome
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.retry import RetryPolicy

_MAX_KNOWN_CHECKS: Final = 1000  # of distinct changes, whose checks take a kilobyte each


class ReadBack:
    """One read-back of jobs, by the ids that they have now.

    `applied`: the results of the jobs that show, once the read has ended well.

    A job is found by the likeliest id of its torrent, which no other torrent can have. Every other job is for those who
    see the whole reply.
    """

    def __init__(self, jobs: Sequence[Job], target: Target) -> None:
        self.applied: dict[Job, ActionResult] = {}
        self._jobs = jobs
        self._target = target
        self._ids = [key for job in jobs for key in job.ids]
        self._checks: dict[int, Sequence[AppliedCheck]] = {}  # by the id of the changes, which the jobs keep

    def read(self, retry: RetryPolicy) -> Sequence[LiveTorrent]:
        """Return the torrents that jobs which do not show yet may need. Raises `InstanceLost`."""
        return read_jobs(self._jobs, self._target, retry, self.sift, self._ids)

    @cached_property
    def _jobs_by_id(self) -> dict[str, Job]:
        """Made when the first torrents come, while the server makes others."""
        return {ids[0]: job for job in self._jobs if (ids := job.ids)}

    @cached_property
    def _are_ids_distinct(self) -> bool:
        return len(set(self._ids)) == len(self._ids)

    def end_applied(self) -> list[Job]:
        """End the jobs that show, and return the others."""
        for job, result in self.applied.items():
            job.end_with(result)
        return [job for job in self._jobs if job not in self.applied]

    def sift(self, torrents: Sequence[LiveTorrent]) -> list[LiveTorrent]:
        """Return the torrents that jobs which do not show yet may need.

        If the read is repeated, what is seen then counts.
        """
        jobs_by_id = self._jobs_by_id
        kept = []
        for torrent in torrents:
            job = jobs_by_id.get(torrent.id)
            if job and job.is_applied(torrent, self._find_checks) and not not_added_reason(job, torrent, self._target):
                self.applied[job] = ActionResult(job.action, Outcome.APPLIED)
                if self._are_ids_distinct and torrent.infohashes.ids == (torrent.id,):
                    continue  # no other job can mean it
            elif job:
                self.applied.pop(job, None)
            kept.append(torrent)
        return kept

    def _find_checks(self, changes: Sequence[Change]) -> Sequence[AppliedCheck]:
        """Return the checks of changes. Thousands of jobs share theirs, whose checks are made once."""
        checks = self._checks.get(id(changes))
        if checks is None:
            checks = make_applied_checks(changes)
            if len(self._checks) < _MAX_KNOWN_CHECKS:
                self._checks[id(changes)] = checks
        return checks
