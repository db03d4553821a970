"""Deletions that are only right while another instance has the torrent: made last, after that one was asked again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from reconciler.apply.executor import Executor
from reconciler.apply.target import Target
from reconciler.engine.observe import map_instances
from reconciler.engine.reading import Observation
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.groups import KeptCopy
from reconciler.model.plan import Action, InstancePlan, ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.plan.placement.copies import can_replace
from reconciler.retry import RetryPolicy

_NOT_VERIFIED_REASON = "another instance is to be asked first, and was not"


def split_surplus_deletions(plan: InstancePlan) -> tuple[InstancePlan, tuple[Action, ...]]:
    """The plan without its deletions of surplus copies, and these; with them, those of categories that they empty."""
    last = tuple(action for action in plan.actions if action.hold is None and _get_kept_copy(action))
    if last:
        last += tuple(
            a for a in plan.actions if a.hold is None and a.kind is ObjectKind.CATEGORY and a.verb is Verb.DELETE
        )
    later = set(map(id, last))
    return replace(plan, actions=tuple(action for action in plan.actions if id(action) not in later)), last


def delete_surplus_copies(
    plans: Mapping[str, InstancePlan],
    results: Mapping[str, InstanceResult],
    observations: Mapping[str, Observation],
    owner: str,
    retry: RetryPolicy,
) -> dict[str, InstanceResult]:
    """Carry out what `split_surplus_deletions` has left over, where all else was carried out before; gives the results with these."""
    todo = {
        name: last
        for name, plan in plans.items()
        if not (plan.suspended or plan.verdict.refused) and (last := split_surplus_deletions(plan)[1])
    }
    if not todo:
        return dict(results)
    doubts = _unverified_copies(todo, results, observations, owner, retry)

    def delete_on_instance(name: str) -> InstanceResult:
        return _execute_deletions(plans[name], todo[name], doubts, results[name], observations[name], retry)

    return {**results, **map_instances(todo, delete_on_instance)}


def _execute_deletions(
    plan: InstancePlan,
    deletions: tuple[Action, ...],
    unverified: Mapping[KeptCopy, str],
    result: InstanceResult,
    observation: Observation,
    retry: RetryPolicy,
) -> InstanceResult:
    dropped = {
        id(action): unverified[copy] for action in deletions if (copy := _get_kept_copy(action)) and copy in unverified
    }
    lost: InstanceError | None = None
    done: tuple[ActionResult, ...] = ()
    if not result.status.is_ok:
        dropped = dict.fromkeys(map(id, deletions), f"the instance was lost: {result.error}")
    elif sure := tuple(action for action in deletions if id(action) not in dropped):
        done, lost = Executor(observation.target, retry, lambda count: None).execute(replace(plan, actions=sure))
    came = {id(one.action): one for one in (*result.results, *done)}
    results = tuple(
        came.get(id(one)) or ActionResult(one, Outcome.DROPPED, dropped.get(id(one), _NOT_VERIFIED_REASON))
        for one in plan.actions
    )
    if lost:
        result = replace(result, status=lost.status, error=str(lost))
    return replace(result, results=results)


def _unverified_copies(
    deletions: Mapping[str, tuple[Action, ...]],
    results: Mapping[str, InstanceResult],
    observations: Mapping[str, Observation],
    owner: str,
    retry: RetryPolicy,
) -> dict[KeptCopy, str]:
    """The copies that cannot be relied on now, and why."""
    asked: defaultdict[str, set[KeptCopy]] = defaultdict(set)
    for actions in deletions.values():
        for action in actions:
            if copy := _get_kept_copy(action):
                asked[copy.instance].add(copy)

    def verify_copies(name: str) -> dict[KeptCopy, str]:
        result = results.get(name)
        if result and not result.status.is_ok:
            return dict.fromkeys(asked[name], f"{name} was lost, and could not be asked again for its copy")
        target = observations[name].target
        try:
            live = {
                one.id: one
                for one in retry.call_with_retry(lambda: target.read_torrents([one.torrent_id for one in asked[name]]))
            }
        except (InstanceError, StopRequested) as error:
            return dict.fromkeys(asked[name], f"{name} could not be asked again for its copy: {error}")
        changed = f"the copy on {name} is not what it was when this was planned"
        return {
            copy: changed
            for copy in asked[name]
            if copy.torrent_id not in live or not can_replace(live[copy.torrent_id], copy, owner)
        }

    return {copy: why for found in map_instances(asked, verify_copies).values() for copy, why in found.items()}


def _get_kept_copy(action: Action) -> KeptCopy | None:
    return action.placement.kept_copy if action.placement else None


def add_other_seeds(plan: InstancePlan, target: Target, retry: RetryPolicy) -> InstancePlan:
    """The plan with the other seeds of what it deletes or puts into quarantine: one request, none where there is none.

    They change all the time, so they are no part of a snapshot. Where they cannot be had, the plan goes on without.
    """
    ids = [action.torrent_id for action in plan.actions if action.blast and action.kind is ObjectKind.TORRENT]
    known = [key for key in ids if key]
    if not known:
        return plan
    try:
        seeds = retry.call_with_retry(lambda: target.count_other_seeds(known))
    except (InstanceError, StopRequested):
        return plan
    actions = tuple(
        replace(action, blast=replace(action.blast, other_seeds=seeds.get(action.torrent_id or "")))
        if action.blast and action.kind is ObjectKind.TORRENT
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)
