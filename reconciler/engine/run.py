"""The single run behind every way of use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from reconciler.apply.executor import Executor
from reconciler.atomic_file import keep
from reconciler.engine.content import content_of, lend, snapshots_of
from reconciler.engine.events import Progress
from reconciler.engine.kill_switch import stop_at_once
from reconciler.engine.observe import Checkup, connect, each, looking, read_afresh, read_all
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import Connect, Needs, OpenTarget, Reading
from reconciler.engine.results import as_planned, exit_code, linked_with, result_of, unread
from reconciler.engine.selection import chosen, concerned, concerning, with_linked
from reconciler.engine.surplus import leave, parted, with_other_seeds
from reconciler.health.state import History
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.groups import NOTHING, Known
from reconciler.model.health import Health
from reconciler.model.plan import Action, InstancePlan, Plan, Verb
from reconciler.model.run import ActionResult, InstanceResult, Mode, Run
from reconciler.model.shard import Shard
from reconciler.model.snapshot import Snapshot
from reconciler.plan import NO_HEALTH, make_plan
from reconciler.retry import Pace, real_pace


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the desired state. `instances` empty: all of them, `shard` None: all of those."""

    dry_run: bool = False
    instances: tuple[str, ...] = ()
    accept_plan: str | None = None
    take_over: bool = False
    detailed_exitcode: bool = False
    shard: Shard | None = None


class Planner(Protocol):
    """Makes the plan of a run. It may hold back actions of `make_plan`'s, and never adds one."""

    def __call__(
        self,
        desired: Desired,
        snapshots: Mapping[str, Snapshot],
        *,
        accept: str | None = None,
        take_over: bool = False,
        now: datetime | None = None,
        known: Known = NOTHING,
        only: Collection[str] | None = None,
        health: Mapping[str, Health] = NO_HEALTH,
    ) -> Plan:
        """The plan for every instance that was read whole, or of those `only`."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def run_once(
    desired: Desired,
    options: Options,
    progress: Progress,
    stop: threading.Event,
    *,
    pace: Pace | None = None,
    connect: Connect = connect,
    planner: Planner = make_plan,
    skip: Collection[str] = (),
    roster: Roster | None = None,
    utc: Callable[[], datetime] = utc_now,
    checkup: Checkup | None = None,
) -> Run:
    """Read, plan, guard and, unless it is a dry-run, apply. Raises `UnknownInstance`; all else is in the result.

    Instances named in `skip` are left alone and are not in the result. Those that a group links to the chosen ones are
    read too, for what is to be on one depends on the others, and are not changed. `roster` is what earlier runs
    know of the members of groups, and learns from this one. `checkup` reads the instances with their health; a loop
    brings its own, which remembers.
    `stop` may be set at any time: the request in flight is finished, sessions are logged out, and what was not
    done is reported as dropped.
    """
    pace = pace or real_pace(stop)
    roster = roster or Roster()
    roster.keep(desired)
    mode = Mode.DRY_RUN if options.dry_run else Mode.APPLY
    instances = [one for one in chosen(desired, options.instances, options.shard) if one.name not in skip]
    checkup = checkup or Checkup(History(), pace, utc)
    only = {one.name for one in instances}

    look = looking(desired, checkup, roster, pace, utc)

    def act(instance: Instance, target: OpenTarget) -> Reading:
        reading = look(instance, target)
        looked_at = options.dry_run or instance.name not in only
        return reading if looked_at else stop_at_once(desired, instance, reading, pace)

    with read_all(with_linked(desired, instances, skip), stop, act, connect) as read:
        roster.saw(read, utc())
        plan_them = partial(planner, known=roster.known, now=utc(), only=only)
        readings, plan = _planned(desired, options, plan_them, read, pace)
        plans = {part.name: part for part in plan.instances}

        def conclude(name: str) -> InstanceResult:
            reading, part = readings[name], plans.get(name)
            if part is None:
                return unread(name, reading)
            part = with_other_seeds(part, reading.target, pace)
            if options.dry_run or part.suspended or part.verdict.refused:
                return result_of(part, reading, as_planned(part))
            results, lost = _apply(parted(part)[0], reading, pace, progress)
            return result_of(part, reading, results, reading.lost or lost)

        results = each(only, conclude)
        if not options.dry_run:
            results = leave(plans, results, readings, desired.owner, pace)
            roster.did(results.values(), utc())
    content = content_of(desired, snapshots_of(readings), results)
    counted = tuple(
        replace(results[name], requests=readings[name].target.requests, content=content.get(name, ()))
        for name in sorted(results)
    )
    names = {one.name for one in chosen(desired, options.instances, options.shard)}
    pending = concerning(desired, plan.pending, names)
    if not stop.is_set():
        roster.wants(pending, concerned(desired, names))
    code = exit_code(counted, detailed=options.detailed_exitcode, pending=bool(pending))
    beside = tuple(linked_with(name, one) for name, one in sorted(readings.items()) if name not in results)
    return Run(mode, plan.hash, code, counted, desired.warnings, pending, beside)


def _planned(
    desired: Desired,
    options: Options,
    planner: Planner,
    readings: Mapping[str, Reading],
    pace: Pace,
) -> tuple[Mapping[str, Reading], Plan]:
    """The plan. Where it deletes what only deltas told of, it is made anew on a full read."""

    def make(readings: Mapping[str, Reading]) -> Plan:
        snapshots = snapshots_of(readings)
        health = {name: reading.health for name, reading in readings.items() if reading.health}
        return planner(desired, snapshots, accept=options.accept_plan, take_over=options.take_over, health=health)

    readings = lend(desired, readings, pace)
    plan = make(readings)
    doubtful = [part.name for part in plan.instances if _deletes(part) and not readings[part.name].target.fresh]
    if options.dry_run or not doubtful:
        return readings, plan
    afresh = each(doubtful, lambda name: read_afresh(readings[name], pace, Needs.of(desired, name)))
    readings = lend(desired, {**readings, **afresh}, pace)
    return readings, make(readings)


def _deletes(part: InstancePlan) -> bool:
    allowed = not part.suspended and not part.verdict.refused
    return allowed and any(action.verb is Verb.DELETE and action.hold is None for action in part.actions)


def _apply(
    part: InstancePlan, reading: Reading, pace: Pace, progress: Progress
) -> tuple[tuple[ActionResult, ...], InstanceError | None]:
    left = tuple(action for action in part.actions if not _done(action, reading))
    progress.started(part.name, sum(action.hold is None for action in left))
    try:
        executor = Executor(reading.target, pace, lambda count: progress.advanced(part.name, count), keep)
        results, lost = executor.execute(replace(part, actions=left))
    finally:
        progress.finished(part.name)
    rest = iter(results)
    return tuple(_done(action, reading) or next(rest) for action in part.actions), lost


def _done(action: Action, reading: Reading) -> ActionResult | None:
    return reading.done.get(action.torrent_id or "") if action.urgent else None
