"""Deletions of surplus copies: made last, after the instance that keeps a copy was read again.

See docs/decisions/0044-count-other-seeds-only-for-deletions.md.
See docs/decisions/0072-delete-surplus-copies-last-and-keep-their-data.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.apply.executor import Executor
from reconciler.apply.target import Target
from reconciler.engine.concurrency import contain_errors, map_instances
from reconciler.engine.observation import Observations
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.groups import KeptCopy
from reconciler.model.plan import (
    Action,
    DeleteCategory,
    DeleteTorrent,
    InstancePlan,
    Outcome,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.model.preferences import CONTENT_REMOVE_OPTION, MOVE_TO_TRASH
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.model.versions import CONTENT_REMOVAL
from reconciler.plan.placement.copies import can_replace
from reconciler.retry import RetryPolicy

_NOT_VERIFIED_REASON = "the copy to keep, on another instance, was not verified"


def split_surplus_deletions(plan: InstancePlan) -> tuple[InstancePlan, tuple[Action, ...]]:
    """Split a plan: everything else, and the surplus deletions with the category deletions that depend on them."""
    deletions = tuple(action for action in plan.actions if action.hold is None and _get_kept_copy(action))
    if deletions:
        deletions += tuple(
            action for action in plan.actions if action.hold is None and isinstance(action, DeleteCategory)
        )
    deferred = set(map(id, deletions))
    return replace(plan, actions=tuple(action for action in plan.actions if id(action) not in deferred)), deletions


def delete_surplus_copies(
    plans: Mapping[str, InstancePlan],
    results: Mapping[str, InstanceResult],
    observations: Observations,
    owner: str,
    retry: RetryPolicy,
) -> dict[str, InstanceResult]:
    """Execute the surplus deletions of all plans, and return the results with them. All else was executed before."""
    deletions = {
        name: surplus
        for name, plan in plans.items()
        if not (plan.suspended or plan.verdict.refused) and (surplus := split_surplus_deletions(plan)[1])
    }
    if not deletions:
        return dict(results)
    kept_copies: defaultdict[str, set[KeptCopy]] = defaultdict(set)
    for action in (action for actions in deletions.values() for action in actions):
        if copy := _get_kept_copy(action):
            kept_copies[copy.instance].add(copy)
    verifier = _CopyVerifier(kept_copies, results, observations, owner, retry)
    unverified: dict[KeptCopy, str] = {}
    for reasons in map_instances(kept_copies, contain_errors(verifier.verify, verifier.fail)).values():
        unverified.update(reasons)
    deleter = _SurplusDeleter(plans, deletions, unverified, results, observations, retry)
    return {
        **results,
        **map_instances(deletions, contain_errors(deleter.delete, deleter.fail), "deleting surplus copies from"),
    }


@dataclass(frozen=True, slots=True)
class _CopyVerifier:
    """Reads the kept copies again, by the instance that they are on."""

    kept_copies: Mapping[str, set[KeptCopy]]
    results: Mapping[str, InstanceResult]
    observations: Observations
    owner: str
    retry: RetryPolicy

    def verify(self, name: str) -> dict[KeptCopy, str]:
        """Return the copies on one instance that cannot be relied on now, each with the reason."""
        copies, result = self.kept_copies[name], self.results.get(name)
        if result and not result.status.is_ok:
            return dict.fromkeys(copies, f"the copy on {name} could not be verified: the instance was lost")
        target, ids = self.observations[name].target, [copy.torrent_id for copy in copies]
        try:
            torrents = {
                torrent.id: torrent for torrent in self.retry.call_with_retry(lambda: target.read_torrents(ids))
            }
        except (InstanceError, StopRequested) as error:
            return dict.fromkeys(copies, f"the copy on {name} could not be verified: {error}")
        changed = f"the copy on {name} has changed since the plan was made"
        return {
            copy: changed
            for copy in copies
            if copy.torrent_id not in torrents or not can_replace(torrents[copy.torrent_id], copy, self.owner)
        }

    def fail(self, name: str, error: InternalError) -> dict[KeptCopy, str]:
        """Return all copies on an instance where a bug of ours prevents their verification."""
        return dict.fromkeys(self.kept_copies[name], f"the copy on {name} could not be verified: {error}")


@dataclass(frozen=True, slots=True)
class _SurplusDeleter:
    """Deletes surplus copies whose kept copy is verified, and drops the other deletions."""

    plans: Mapping[str, InstancePlan]
    deletions: Mapping[str, tuple[Action, ...]]
    unverified: Mapping[KeptCopy, str]
    results: Mapping[str, InstanceResult]
    observations: Observations
    retry: RetryPolicy

    def delete(self, name: str) -> InstanceResult:
        """Return the result of one instance with its surplus deletions."""
        plan, result, deletions = self.plans[name], self.results[name], self.deletions[name]
        drop_reasons = {
            id(action): self.unverified[copy]
            for action in deletions
            if (copy := _get_kept_copy(action)) and copy in self.unverified
        }
        error: InstanceError | None = None
        deleted: tuple[ActionResult, ...] = ()
        if not result.status.is_ok:
            drop_reasons = dict.fromkeys(map(id, deletions), f"the instance was lost: {result.error}")
        elif verified := tuple(action for action in deletions if id(action) not in drop_reasons):
            executor = Executor(self.observations[name].target, self.retry)
            deleted, error = executor.execute(replace(plan, actions=verified))
        results_by_action = {id(entry.action): entry for entry in (*result.results, *deleted)}
        results = tuple(
            results_by_action.get(id(action))
            or ActionResult(action, Outcome.DROPPED, drop_reasons.get(id(action), _NOT_VERIFIED_REASON))
            for action in plan.actions
        )
        if error:
            result = replace(result, status=error.status, error=str(error))
        return replace(result, results=results)

    def fail(self, name: str, error: InternalError) -> InstanceResult:
        """Return the result of one instance without its surplus deletions, which a bug of ours prevents."""
        return replace(self.results[name], status=error.status, error=str(error))


def _get_kept_copy(action: Action) -> KeptCopy | None:
    return action.placement.kept_copy if isinstance(action, TorrentAction) and action.placement else None


def add_live_facts(plan: InstancePlan, target: Target, retry: RetryPolicy) -> InstancePlan:
    """Return the plan with facts about deletions and quarantines that are no part of a snapshot.

    The number of other seeds of each torrent, which changes all the time: one request. And whether the server moves
    deleted data to the trash: one request if data is deleted. The plan goes on without what cannot be read.
    """
    ids = [
        action.torrent_id
        for action in plan.actions
        if isinstance(action, TorrentAction) and action.blast and not action.disruptive
    ]
    live_ids = [torrent_id for torrent_id in ids if torrent_id]
    if not live_ids:
        return plan
    deletes_data = any(isinstance(action, DeleteTorrent) and action.delete_files for action in plan.actions)
    try:
        seeds = retry.call_with_retry(lambda: target.count_other_seeds(live_ids))
    except (InstanceError, StopRequested):
        seeds = {}
    to_trash = deletes_data and has_trash(target, retry)
    actions = tuple(
        replace(
            action,
            blast=replace(action.blast, other_seeds=seeds.get(action.torrent_id or ""), to_trash=to_trash),
        )
        if isinstance(action, DeleteTorrent | UpdateTorrent) and action.blast and not action.disruptive
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)


def has_trash(target: Target, retry: RetryPolicy) -> bool:
    """Return True if the server moves deleted data to the trash. One request, from 5.0 on."""
    if not CONTENT_REMOVAL.is_available(target.api_version):
        return False
    try:
        return retry.call_with_retry(target.read_preferences).get(CONTENT_REMOVE_OPTION) == MOVE_TO_TRASH
    except (InstanceError, StopRequested):
        return False
