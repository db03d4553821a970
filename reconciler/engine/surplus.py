"""Deletions that are only right while another instance has the torrent: made last, after that one was asked again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from reconciler.apply.executor import Executor
from reconciler.apply.target import Target
from reconciler.engine.observe import each
from reconciler.engine.reading import Reading
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.groups import Copy
from reconciler.model.plan import Action, InstancePlan, Kind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.plan.placement.copies import reliable
from reconciler.retry import Pace

_FINE = (Status.OK, Status.SUSPENDED)
_NOT_ASKED = "another instance is to be asked first, and was not"


def parted(plan: InstancePlan) -> tuple[InstancePlan, tuple[Action, ...]]:
    """The plan without its deletions of surplus copies, and these; with them, those of categories that they empty."""
    last = tuple(action for action in plan.actions if action.hold is None and _keeper(action))
    if last:
        last += tuple(a for a in plan.actions if a.hold is None and a.kind is Kind.CATEGORY and a.verb is Verb.DELETE)
    later = set(map(id, last))
    return replace(plan, actions=tuple(action for action in plan.actions if id(action) not in later)), last


def leave(
    plans: Mapping[str, InstancePlan],
    results: Mapping[str, InstanceResult],
    readings: Mapping[str, Reading],
    owner: str,
    pace: Pace,
) -> dict[str, InstanceResult]:
    """Carry out what `parted` has left over, where all else was carried out before; gives the results with these."""
    todo = {
        name: last
        for name, plan in plans.items()
        if not (plan.suspended or plan.verdict.refused) and (last := parted(plan)[1])
    }
    if not todo:
        return dict(results)
    doubts = _doubts(todo, results, readings, owner, pace)

    def work(name: str) -> InstanceResult:
        return _execute(plans[name], todo[name], doubts, results[name], readings[name], pace)

    return {**results, **each(todo, work)}


def _execute(
    plan: InstancePlan,
    last: tuple[Action, ...],
    doubts: Mapping[Copy, str],
    result: InstanceResult,
    reading: Reading,
    pace: Pace,
) -> InstanceResult:
    dropped = {id(action): doubts[copy] for action in last if (copy := _keeper(action)) and copy in doubts}
    lost: InstanceError | None = None
    done: tuple[ActionResult, ...] = ()
    if result.status not in _FINE:
        dropped = dict.fromkeys(map(id, last), f"the instance was lost: {result.error}")
    elif sure := tuple(action for action in last if id(action) not in dropped):
        done, lost = Executor(reading.target, pace, lambda count: None).execute(replace(plan, actions=sure))
    came = {id(one.action): one for one in (*result.results, *done)}
    results = tuple(
        came.get(id(one)) or ActionResult(one, Outcome.DROPPED, dropped.get(id(one), _NOT_ASKED))
        for one in plan.actions
    )
    if lost:
        result = replace(result, status=lost.status, error=str(lost))
    return replace(result, results=results)


def _doubts(
    todo: Mapping[str, tuple[Action, ...]],
    results: Mapping[str, InstanceResult],
    readings: Mapping[str, Reading],
    owner: str,
    pace: Pace,
) -> dict[Copy, str]:
    """The copies that cannot be relied on now, and why."""
    asked: defaultdict[str, set[Copy]] = defaultdict(set)
    for actions in todo.values():
        for action in actions:
            if copy := _keeper(action):
                asked[copy.instance].add(copy)

    def ask(name: str) -> dict[Copy, str]:
        result = results.get(name)
        if result and result.status not in _FINE:
            return dict.fromkeys(asked[name], f"{name} was lost, and could not be asked again for its copy")
        target = readings[name].target
        try:
            live = {one.id: one for one in pace.patiently(lambda: target.read([one.torrent_id for one in asked[name]]))}
        except (InstanceError, Stopped) as error:
            return dict.fromkeys(asked[name], f"{name} could not be asked again for its copy: {error}")
        changed = f"the copy on {name} is not what it was when this was planned"
        return {
            copy: changed
            for copy in asked[name]
            if copy.torrent_id not in live or not reliable(live[copy.torrent_id], copy, owner)
        }

    return {copy: why for found in each(asked, ask).values() for copy, why in found.items()}


def _keeper(action: Action) -> Copy | None:
    return action.placed.keeper if action.placed else None


def with_other_seeds(plan: InstancePlan, target: Target, pace: Pace) -> InstancePlan:
    """The plan with the other seeds of what it deletes or puts into quarantine: one request, none where there is none.

    They change all the time, so they are no part of a snapshot. Where they cannot be had, the plan goes on without.
    """
    ids = [action.torrent_id for action in plan.actions if action.blast and action.kind is Kind.TORRENT]
    known = [key for key in ids if key]
    if not known:
        return plan
    try:
        seeds = pace.patiently(lambda: target.other_seeds(known))
    except (InstanceError, Stopped):
        return plan
    actions = tuple(
        replace(action, blast=replace(action.blast, other_seeds=seeds.get(action.torrent_id or "")))
        if action.blast and action.kind is Kind.TORRENT
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)
