"""Finds jobs whose torrents show all that they set, while the server is still making the rest of a long read-back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.apply.untagged_adds import not_added_reason
from reconciler.model.fields.field import AppliedCheck
from reconciler.model.fields.registry import make_applied_checks
from reconciler.model.plan import Change, Outcome
from reconciler.model.snapshot import LiveTorrent

_MAX_KNOWN_CHECKS: Final = 1000  # of distinct changes, whose checks take a kilobyte each


class ReadBack:
    """One read-back of jobs. `applied`: the jobs that show, once the read has ended well.

    A job is found by the likeliest id of its torrent, which no other torrent can have. Every other job is for those who
    see the whole reply.
    """

    def __init__(self, jobs: Sequence[Job], target: Target) -> None:
        self.applied: set[Job] = set()
        self._jobs = jobs
        self._target = target
        self._checks: dict[int, Sequence[AppliedCheck]] = {}  # by the id of the changes, which the jobs keep

    @cached_property
    def _jobs_by_id(self) -> dict[str, Job]:
        """Made at the first look, when the server has something to do."""
        return {ids[0]: job for job in self._jobs if (ids := job.ids)}

    def end_applied(self) -> list[Job]:
        """End the jobs that show, and return the others."""
        for job in self.applied:
            job.end(Outcome.APPLIED)
        return [job for job in self._jobs if job not in self.applied]

    def look(self, torrents: Sequence[LiveTorrent]) -> None:
        """Look at some of the torrents. If the read is repeated, what is seen then counts."""
        jobs_by_id = self._jobs_by_id
        for torrent in torrents:
            job = jobs_by_id.get(torrent.id)
            if job is None:
                continue
            if job.is_applied(torrent, self._find_checks) and not not_added_reason(job, torrent, self._target):
                self.applied.add(job)
            else:
                self.applied.discard(job)

    def _find_checks(self, changes: Sequence[Change]) -> Sequence[AppliedCheck]:
        """Return the checks of changes. Thousands of jobs share theirs, whose checks are made once."""
        checks = self._checks.get(id(changes))
        if checks is None:
            checks = make_applied_checks(changes)
            if len(self._checks) < _MAX_KNOWN_CHECKS:
                self._checks[id(changes)] = checks
        return checks
