"""Automatic management that outlasts a change of a setting.

A server may be set to end it for the torrents that follow a path when this path changes: the path of a category
(`category_changed_tmm_enabled`, where that is the default), or the default one (`save_path_changed_tmm_enabled`).
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.errors import RejectedError, ServerFaultError, UnsupportedError
from reconciler.model.fields.names import AUTO_TMM
from reconciler.model.plan import Outcome, SetPreference, UpdateCategory
from reconciler.retry import RetryPolicy


def restore_management(jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> None:
    """Put the torrents of these changes under automatic management again, where a change has ended it.

    A job whose torrents stay without it has failed. Raises `InstanceError` with the instance.
    """
    for job in jobs:
        action = job.action
        if not isinstance(action, UpdateCategory | SetPreference):
            continue
        lost = _find_lost(action.automatic_ids, target, retry)
        if not lost:
            continue
        cause = "it stays off"
        try:
            retry.call_with_retry(lambda ids=lost: target.set_option(ids, AUTO_TMM, True))  # type: ignore[misc]
            lost = _find_lost(lost, target, retry)
        except (RejectedError, UnsupportedError, ServerFaultError) as error:
            cause = str(error)
        if lost:
            job.end(Outcome.FAILED, f"it has ended the automatic management of {len(lost):,} torrents: {cause}")


def _find_lost(ids: Sequence[str], target: Target, retry: RetryPolicy) -> list[str]:
    """Return those of the torrents that exist and are not under automatic management."""
    if not ids:
        return []
    return [torrent.id for torrent in retry.call_with_retry(lambda: target.read_torrents(ids)) if not torrent.auto_tmm]
