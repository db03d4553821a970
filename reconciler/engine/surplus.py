"""Deletions of surplus copies: made last, after the instances with the copies were read again.

See docs/decisions/0044-count-other-seeds-only-for-deletions.md.
See docs/decisions/0072-delete-surplus-copies-last-and-keep-their-data.md.
See docs/decisions/0077-a-keeper-that-another-run-changes-is-not-relied-on.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reconciler.apply.executor import Executor
from reconciler.apply.target import Target
from reconciler.engine.concurrency import contain_errors, map_instances
from reconciler.engine.leases import LeaseDoubt, RunLeases
from reconciler.engine.observation import Observations
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.groups import KeptCopy
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lease import LeaseHold
from reconciler.model.plan import (
    Action,
    AddTorrent,
    DeleteCategory,
    DeleteTorrent,
    InstancePlan,
    Outcome,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.model.preferences import CONTENT_REMOVE_OPTION, MOVE_TO_TRASH
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import CONTENT_REMOVAL
from reconciler.plan.placement.copies import bytes_at_risk, can_replace, is_partial
from reconciler.retry import RetryPolicy

_LOST = "the instance was lost"
_NOT_VERIFIED_REASON = "the copy to keep, on another instance, was not verified"


def split_surplus_deletions(plan: InstancePlan) -> tuple[InstancePlan, tuple[Action, ...]]:
    """Split a plan: everything else, and the surplus deletions with the category deletions that depend on them."""
    deletions = tuple(
        action
        for action in plan.actions
        if not isinstance(action, AddTorrent) and action.hold is None and _get_kept_copy(action)
    )
    if not deletions:
        return plan, ()
    deletions += tuple(action for action in plan.actions if action.hold is None and isinstance(action, DeleteCategory))
    deferred = set(map(id, deletions))
    return replace(plan, actions=tuple(action for action in plan.actions if id(action) not in deferred)), deletions


def delete_surplus_copies(
    plans: Mapping[str, InstancePlan],
    results: Mapping[str, InstanceResult],
    observations: Observations,
    leases: RunLeases,
    owner: str,
    retry: RetryPolicy,
) -> dict[str, InstanceResult]:
    """Execute the surplus deletions of all plans, and return the results with them. All else was executed before.

    Each instance with a copy, kept or not, is read again after it is known that no other run changes it.
    """
    deletions = {
        name: surplus
        for name, plan in plans.items()
        if not (plan.suspended or plan.verdict.refused) and (surplus := split_surplus_deletions(plan)[1])
    }
    if not deletions:
        return dict(results)
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for name, actions in deletions.items():
        for action in actions:
            if (copy := _get_kept_copy(action)) and isinstance(action, TorrentAction) and action.torrent_id:
                ids[name].add(action.torrent_id)
                ids[copy.instance].add(copy.torrent_id)
    doubts = leases.confirm(ids)
    reader = _CopyReader(ids, doubts, results, observations, retry)
    reads = map_instances(ids, contain_errors(reader.read, lambda _, error: error))
    deleter = _SurplusDeleter(plans, deletions, reads, results, observations, owner, retry)
    return {
        **results,
        **map_instances(deletions, contain_errors(deleter.delete, deleter.fail), "deleting surplus copies from"),
    }


CopyRead = Mapping[str, LiveTorrent] | LeaseDoubt | str  # the copies on an instance by their ids; or why not


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason why a torrent is not deleted now. `rival`: another run, after which it can be."""

    reason: str
    rival: LeaseHold | None = None


@dataclass(frozen=True, slots=True)
class _CopyReader:
    """Reads the copies on instances again, where no other run changes them. `ids`: of the copies, by instance."""

    ids: Mapping[str, Collection[str]]
    doubts: Mapping[str, LeaseDoubt]
    results: Mapping[str, InstanceResult]
    observations: Observations
    retry: RetryPolicy

    def read(self, name: str) -> CopyRead:
        """Return the copies on one instance, by their ids; or the reason why they cannot be relied on."""
        result = self.results.get(name)
        if result and not result.status.is_ok:
            return _LOST
        if name in self.doubts:
            return self.doubts[name]
        target = self.observations[name].target
        try:
            torrents = self.retry.call_with_retry(lambda: target.read_torrents(self.ids[name]))
        except (InstanceError, StopRequested) as error:
            return error
        return {torrent.id: torrent for torrent in torrents}


@dataclass(frozen=True, slots=True)
class _SurplusDeleter:
    """Deletes surplus copies whose kept copy is verified, and drops or defers the other deletions."""

    plans: Mapping[str, InstancePlan]
    deletions: Mapping[str, tuple[Action, ...]]
    reads: Mapping[str, CopyRead]
    results: Mapping[str, InstanceResult]
    observations: Observations
    owner: str
    retry: RetryPolicy

    def delete(self, name: str) -> InstanceResult:
        """Return the result of one instance with its surplus deletions."""
        plan, result, deletions = self.plans[name], self.results[name], self.deletions[name]
        obstacles = {id(action): self._find_obstacle(name, action) for action in deletions}
        verified = tuple(action for action in deletions if not obstacles[id(action)])
        spared = [_spare(action, obstacles.get(id(action))) for action in plan.actions]
        executor = Executor(self.observations[name].target, self.retry)
        result = execute_last(replace(plan, actions=verified), plan.actions, spared, result, executor)
        rival = next((obstacle.rival for obstacle in obstacles.values() if obstacle and obstacle.rival), None)
        return replace(result, keeper_rival=rival or result.keeper_rival)

    def _find_obstacle(self, name: str, action: Action) -> Obstacle | None:
        """Return why an action of an instance is not carried out now; None if it can be."""
        own = self.reads[name]
        if not isinstance(own, Mapping):
            if own == _LOST:
                return Obstacle(f"the instance was lost: {self.results[name].error}")
            return _doubt_copy(name, own)
        copy = _get_kept_copy(action)
        if copy is None or not isinstance(action, TorrentAction):
            return None
        kept = self.reads[copy.instance]
        if not isinstance(kept, Mapping):
            return _doubt_copy(copy.instance, kept)
        keeper, surplus = kept.get(copy.torrent_id), own.get(action.torrent_id or "")
        if keeper is None or not can_replace(keeper, copy, self.owner):
            return Obstacle(f"the copy on {copy.instance} has changed since the plan was made")
        if surplus and not can_replace(keeper, _require_as_much(copy, surplus), self.owner):
            return Obstacle(f"it has more now than the copy on {copy.instance}")
        return None

    def fail(self, name: str, error: InternalError) -> InstanceResult:
        """Return the result of one instance without its surplus deletions, which a bug of ours prevents."""
        return replace(self.results[name], status=error.status, error=str(error))


def execute_last(
    plan: InstancePlan,
    all_actions: Sequence[Action],
    spared: Sequence[ActionResult],
    result: InstanceResult,
    executor: Executor,
) -> InstanceResult:
    """Execute the plan of what comes after everything else, and return the result with it, in the order of all actions.

    `spared`: the results of actions that have no other one.
    """
    executed, error = executor.execute(plan) if plan.actions else ((), None)
    by_action = {id(entry.action): entry for entry in (*spared, *result.results, *executed)}
    results = tuple(by_action[id(action)] for action in all_actions if id(action) in by_action)
    if error:
        result = replace(result, status=error.status, error=str(error))
    return replace(result, results=results)


def _require_as_much(copy: KeptCopy, surplus: LiveTorrent) -> KeptCopy:
    """Return what the kept copy has to have now, where less than a surplus copy has is no reason to keep that one."""
    least = bytes_at_risk(surplus) if copy.min_size else 0
    return replace(copy, min_size=least, must_be_complete=copy.must_be_complete or not is_partial(surplus))


def make_obstacle(instance: str, doubt: LeaseDoubt | str, reason: str) -> Obstacle:
    """Return the obstacle of a doubt about an instance. `reason`: of a doubt that is no other run."""
    if isinstance(doubt, LeaseHold):
        return Obstacle(f"another run is under way on {instance} ({doubt})", doubt)
    return Obstacle(reason)


def _doubt_copy(instance: str, doubt: LeaseDoubt | str) -> Obstacle:
    return make_obstacle(instance, doubt, f"the copy on {instance} could not be verified: {doubt}")


def _spare(action: Action, obstacle: Obstacle | None) -> ActionResult:
    """Return the result of an action that is not carried out: deferred for another run, else dropped."""
    if obstacle is None:
        return ActionResult(action, Outcome.DROPPED, _NOT_VERIFIED_REASON)
    return ActionResult(action, Outcome.DEFERRED if obstacle.rival else Outcome.DROPPED, obstacle.reason)


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
        if not isinstance(action, AddTorrent)
        and isinstance(action, TorrentAction)
        and action.blast
        and not action.disruptive
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


def defer_repeated_adds(plan: InstancePlan, target: Target, retry: RetryPolicy) -> InstancePlan:
    """Return the plan with each add deferred whose torrent is there by now: one request, if there are adds.

    Another process may have had the lease between the read and now, while the number of shards changes.
    """
    ids = {
        torrent_id
        for action in plan.actions
        if isinstance(action, AddTorrent) and action.source and action.hold is None
        for torrent_id in action.source.infohashes.ids
    }
    if not ids:
        return plan
    try:
        torrents = retry.call_with_retry(lambda: target.read_torrents(ids))
    except (InstanceError, StopRequested):
        return plan  # the first change fails in the same way
    present = {torrent_id for torrent in torrents for torrent_id in (torrent.id, *torrent.infohashes.ids)}
    reason = "another run has added it since this one read the instance"
    actions = tuple(
        replace(action, hold=Outcome.DEFERRED, reason=reason)
        if isinstance(action, AddTorrent) and action.source and not present.isdisjoint(action.source.infohashes.ids)
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)
