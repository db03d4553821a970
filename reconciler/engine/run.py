"""The single run behind every way of use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.apply.executor import Executor
from reconciler.atomic_file import write_torrent_file
from reconciler.engine.content import collect_snapshots, content_results, export_content_torrents
from reconciler.engine.events import Progress
from reconciler.engine.kill_switch import apply_urgent_actions
from reconciler.engine.observe import HealthChecker, connect, make_observer, map_instances, observe_all, reread_instance
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.reading import Observation, OpenTarget, ReadRequest, SessionFactory
from reconciler.engine.results import (
    _build_linked_result,
    _build_result,
    _results_from_plan,
    build_unread_result,
    compute_exit_code,
)
from reconciler.engine.selection import groups_of, pending_for, select_instances, with_group_peers
from reconciler.engine.surplus import add_other_seeds, delete_surplus_copies, split_surplus_deletions
from reconciler.health.state import HealthHistory
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.history import OwnedCount
from reconciler.model.plan import Action, InstancePlan, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode
from reconciler.model.shard import Shard
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.plan.plan import NO_OWNED_COUNTS
from reconciler.retry import RetryPolicy, system_retry_policy, utc_now


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line adds to the desired state. `instances` empty: all of them, `shard` None: all of those."""

    dry_run: bool = False
    instances: tuple[str, ...] = ()
    accept_plan: str | None = None
    take_over: bool = False
    detailed_exitcode: bool = False
    shard: Shard | None = None


Planner = Callable[[PlanInput], Plan]  # like `make_plan`; it may hold actions back, and never adds one


def run_once(
    desired: DesiredState,
    options: RunOptions,
    progress: Progress,
    stop: threading.Event,
    *,
    retry: RetryPolicy | None = None,
    connect: SessionFactory = connect,
    planner: Planner = make_plan,
    skip: Collection[str] = (),
    placement_memory: PlacementMemory | None = None,
    utc: Callable[[], datetime] = utc_now,
    health_checker: HealthChecker | None = None,
    remembered: Mapping[str, OwnedCount] = NO_OWNED_COUNTS,
) -> Run:
    """Read, plan, guard and, unless it is a dry-run, apply. Raises `UnknownInstance`; all else is in the result.

    Instances named in `skip` are left alone and are not in the result. Those that a group links to the chosen ones are
    read too, for what is to be on one depends on the others, and are not changed. `roster` is what earlier runs
    know of the members of groups, and learns from this one. `checkup` reads the instances with their health; a loop
    brings its own, which remembers.
    `stop` may be set at any time: the request in flight is finished, sessions are logged out, and what was not
    done is reported as dropped.
    """
    retry = retry or system_retry_policy(stop)
    placement_memory = placement_memory or PlacementMemory()
    placement_memory.drop_undeclared(desired)
    mode = RunMode.DRY_RUN if options.dry_run else RunMode.APPLY
    instances = [one for one in select_instances(desired, options.instances, options.shard) if one.name not in skip]
    health_checker = health_checker or HealthChecker(HealthHistory(), retry, utc)
    only = {one.name for one in instances}

    look = make_observer(desired, health_checker, placement_memory, retry, utc)

    def observe_instance(instance: Instance, target: OpenTarget) -> Observation:
        reading = look(instance, target)
        looked_at = options.dry_run or instance.name not in only
        return reading if looked_at else apply_urgent_actions(desired, instance, reading, retry)

    with observe_all(with_group_peers(desired, instances, skip), stop, observe_instance, connect) as read:
        placement_memory.record_observations(read, utc())
        plan_input = PlanInput(
            desired, {}, {}, placement_memory.facts, remembered, only, options.accept_plan, options.take_over, utc()
        )
        readings, plan = _plan_with_fresh_reads(plan_input, options, planner, read, retry)
        plans = {part.name: part for part in plan.instances}

        def execute_instance(name: str) -> InstanceResult:
            reading, part = readings[name], plans.get(name)
            if part is None:
                return build_unread_result(name, reading)
            part = add_other_seeds(part, reading.target, retry)
            if options.dry_run or part.suspended or part.verdict.refused:
                return _build_result(part, reading, _results_from_plan(part))
            results, lost = _apply_plan(split_surplus_deletions(part)[0], reading, retry, progress)
            return _build_result(part, reading, results, reading.urgent_error or lost)

        results = map_instances(only, execute_instance)
        if not options.dry_run:
            results = delete_surplus_copies(plans, results, readings, desired.owner, retry)
            placement_memory.record_results(results.values(), utc())
    content = content_results(plan, collect_snapshots(readings), results)
    counted = tuple(
        replace(results[name], requests=readings[name].target.request_count, content=content.get(name, ()))
        for name in sorted(results)
    )
    names = {one.name for one in select_instances(desired, options.instances, options.shard)}
    pending = pending_for(desired, plan.pending, names)
    if not stop.is_set():
        placement_memory.set_pending(pending, groups_of(desired, names))
    code = compute_exit_code(counted, detailed=options.detailed_exitcode, pending=bool(pending))
    beside = tuple(_build_linked_result(name, one) for name, one in sorted(readings.items()) if name not in results)
    return Run(mode, plan.hash, code, counted, desired.warnings, pending, beside)


def _plan_with_fresh_reads(
    plan_input: PlanInput,
    options: RunOptions,
    planner: Planner,
    observations: Mapping[str, Observation],
    retry: RetryPolicy,
) -> tuple[Mapping[str, Observation], Plan]:
    """The plan. Where it deletes what only deltas told of, it is made anew on a full read."""

    def plan_observations(observations: Mapping[str, Observation]) -> Plan:
        snapshots = collect_snapshots(observations)
        health = {name: reading.health for name, reading in observations.items() if reading.health}
        return planner(replace(plan_input, snapshots=snapshots, health=health))

    desired = plan_input.desired
    observations = export_content_torrents(desired, observations, retry)
    plan = plan_observations(observations)
    doubtful = [
        part.name
        for part in plan.instances
        if _has_deletions(part) and not observations[part.name].target.has_full_snapshot
    ]
    if options.dry_run or not doubtful:
        return observations, plan
    afresh = map_instances(
        doubtful, lambda name: reread_instance(observations[name], retry, ReadRequest.for_instance(desired, name))
    )
    observations = export_content_torrents(desired, {**observations, **afresh}, retry)
    return observations, plan_observations(observations)


def _has_deletions(instance_plan: InstancePlan) -> bool:
    allowed = not instance_plan.suspended and not instance_plan.verdict.refused
    return allowed and any(action.verb is Verb.DELETE and action.hold is None for action in instance_plan.actions)


def _apply_plan(
    instance_plan: InstancePlan, observation: Observation, retry: RetryPolicy, progress: Progress
) -> tuple[tuple[ActionResult, ...], InstanceError | None]:
    left = tuple(action for action in instance_plan.actions if not _get_urgent_result(action, observation))
    progress.start_instance(instance_plan.name, sum(action.hold is None for action in left))
    try:
        executor = Executor(
            observation.target,
            retry,
            lambda count: progress.advance_instance(instance_plan.name, count),
            write_torrent_file,
        )
        results, lost = executor.execute(replace(instance_plan, actions=left))
    finally:
        progress.finish_instance(instance_plan.name)
    rest = iter(results)
    return tuple(_get_urgent_result(action, observation) or next(rest) for action in instance_plan.actions), lost


def _get_urgent_result(action: Action, observation: Observation) -> ActionResult | None:
    return observation.urgent_results.get(action.torrent_id or "") if action.urgent else None
