"""Finishes adds whose tags must follow (qBittorrent < 4.3.2), also in a run that was asked to stop.

See docs/decisions/0016-remember-adds-until-they-have-their-tag.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from reconciler.apply.delivery import group_jobs
from reconciler.apply.job import Job, find_live, index_by_id, tags_to_add
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError
from reconciler.model.plan import Outcome

_PAUSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)  # seconds before each read; a watch has to end soon after a signal


def tag_sent_adds(jobs: Sequence[Job], target: Target, pause: Callable[[float], None]) -> None:
    """Wait for the adds that were sent and put their tags on; end the jobs that show everything they set.

    An instance that fails, or does not list an add in time, leaves the rest to the next run.
    """
    pending = [job for job in jobs if job.is_add and job.sent and job.outcome is None]
    if not pending or target.can_tag_at_add:
        return
    with suppress(InstanceError), target.ignore_stop():
        for seconds in _PAUSES:
            pause(seconds)
            pending = _tag_listed(pending, target)
            if not pending:
                return


def _tag_listed(jobs: Sequence[Job], target: Target) -> list[Job]:
    """Put the tags on the torrents that are listed without them. Return the jobs that are not seen with their tags."""
    live = index_by_id(target.read_torrents([key for job in jobs for key in job.ids]))
    pending, untagged = [], []
    for job in jobs:
        torrent = find_live(job, live)
        if torrent is None:
            pending.append(job)
        elif tags_to_add(job.action.changes) <= torrent.tags:
            if job.is_applied(torrent):
                job.end(Outcome.APPLIED)
        else:
            job.torrent_id = torrent.id
            untagged.append(job)
    for tags, group in group_jobs(untagged, lambda job: tags_to_add(job.action.changes)):
        target.add_tags([job.id for job in group], sorted(tags))
    return pending + untagged
