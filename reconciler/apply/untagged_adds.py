"""Finds adds that met an existing torrent, and finishes adds whose tags must follow (qBittorrent < 4.3.2).

These are finished in a run that was asked to stop, too.

See docs/decisions/0016-remember-adds-until-they-have-their-tag.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final

from reconciler.apply.delivery import group_jobs
from reconciler.apply.job import Job, find_live, index_by_id, tags_to_add
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError
from reconciler.model.fields.names import OWNER
from reconciler.model.plan import FieldValue, Outcome
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE_TAG, build_owner_tag, parse_owners

_PAUSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)  # seconds before each read; a watch has to end soon after a signal
_NO_TAG_REASON: Final = "it was there already, without our tag; the next run decides about it"


def not_added_reason(job: Job, live: LiveTorrent, target: Target) -> str | None:
    """Return why a torrent is not what an add made, so that nothing more may be done to it; None if it is.

    It was added after the snapshot was read, or the reply had left it out. qBittorrent accepts such an add and leaves
    the torrent as it is.
    """
    if not job.is_add:
        return None
    reason = _find_reason(job.action.get_new_value(OWNER), live.tags)
    return None if reason == _NO_TAG_REASON and not target.can_tag_at_add else reason


@lru_cache(4096)  # thousands of adds have few different sets of tags
def _find_reason(owner: FieldValue, tags: frozenset[str]) -> str | None:
    if IGNORE_TAG in tags:
        return f"it was there already, with the tag {IGNORE_TAG}"
    if others := [name for name in parse_owners(tags) if name != owner]:
        return f'it was there already, and belongs to the owner "{others[0]}"'
    return _NO_TAG_REASON if owner and build_owner_tag(str(owner)) not in tags else None


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
        elif reason := not_added_reason(job, torrent, target):
            job.end(Outcome.DROPPED, reason)
        elif tags_to_add(job.action.changes) <= torrent.tags:
            if job.is_applied(torrent):
                job.end(Outcome.APPLIED)
        else:
            job.torrent_id = torrent.id
            untagged.append(job)
    for tags, group in group_jobs(untagged, lambda job: tags_to_add(job.action.changes)):
        target.add_tags([job.id for job in group], sorted(tags))
    return pending + untagged
