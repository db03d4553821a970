"""The last check before data moves: the plan may be minutes old, and other torrents may have come to use the data."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.plan import NO_BLAST, Action, Blast, Outcome, SetPreference, UpdateCategory
from reconciler.model.snapshot import Snapshot
from reconciler.plan.blast import name_torrents
from reconciler.plan.categories import find_category_paths
from reconciler.plan.followers import FollowerFinder
from reconciler.plan.moves import attach_move_blasts
from reconciler.retry import RetryPolicy


def drop_outdated_moves(jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> None:
    """Drop what would by now affect more torrents than its plan shows. Raises `InstanceLost`.

    These are moves of data that another torrent has begun to share, and settings that more torrents follow.
    """
    if not any(job.action.disruptive for job in jobs):
        return
    try:
        snapshot = retry.call_with_retry(target.read_snapshot)
    except InstanceError as error:
        raise InstanceLost(error) from error
    actions = attach_move_blasts(
        [job.action for job in jobs], snapshot, _find_future_paths([job.action for job in jobs], snapshot)
    )
    followers = FollowerFinder(snapshot, lambda _: True)
    for job, action in zip(jobs, actions, strict=True):
        if job.action.disruptive and (reason := _find_new_effect(job.action, _find_blast(action, followers))):
            job.end(Outcome.DROPPED, reason)


def _find_future_paths(actions: Sequence[Action], snapshot: Snapshot) -> dict[str, str]:
    edited = {
        action.name: str(action.get_new_value(SAVE_PATH, ""))
        for action in actions
        if isinstance(action, UpdateCategory) and action.get_new_value(SAVE_PATH) is not None
    }
    return find_category_paths({}, snapshot) | edited


def _find_blast(action: Action, followers: FollowerFinder) -> Blast:
    """Return whom the action would affect now."""
    if isinstance(action, UpdateCategory):
        return followers.find_category_followers(action.name) or NO_BLAST
    if isinstance(action, SetPreference):
        return followers.find_preference_followers(action.name, {}, {action.name: action.value}) or NO_BLAST
    return action.blast or NO_BLAST


def _find_new_effect(planned: Action, blast: Blast) -> str | None:
    """Return what has changed since the plan; None if nothing has. What was accepted is not asked again."""
    before = planned.blast or NO_BLAST
    if new := {*blast.owned_ids, *blast.foreign_ids} - {*before.owned_ids, *before.foreign_ids}:
        return f"{len(new):,} more {'torrent follows' if len(new) == 1 else 'torrents follow'} it since it was planned"
    if blast.shares_with and not before.shares_with:
        return f"{name_torrents(blast.shares_with)} may have files in its data since it was planned"
    return None
