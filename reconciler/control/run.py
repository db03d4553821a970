"""The single run behind every way of use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Protocol

from reconciler.apply.executor import Executor
from reconciler.apply.pace import Pace, real_pace
from reconciler.control.blast import with_other_seeds
from reconciler.control.exit_code import exit_code
from reconciler.control.exporting import keep
from reconciler.control.lending import lend, lenders, snapshots_of
from reconciler.control.making import content_of
from reconciler.control.reading import Connect, Needs, Reading, connect, each, read_afresh, read_all
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.plan import InstancePlan, Outcome, Plan, Verb
from reconciler.model.run import ActionResult, InstanceResult, Mode, Run, Status
from reconciler.model.snapshot import Snapshot
from reconciler.plan import make_plan
from reconciler.plan.planner import ELSEWHERE
from reconciler.plan.shard import Shard


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the desired state. `instances` empty: all of them, `shard` None: all of those."""

    dry_run: bool = False
    instances: tuple[str, ...] = ()
    accept_plan: str | None = None
    take_over: bool = False
    detailed_exitcode: bool = False
    shard: Shard | None = None


class Progress(Protocol):
    """Told how far each instance is, from several threads."""

    def started(self, instance: str, total: int) -> None:
        """`total` actions are about to be executed."""

    def advanced(self, instance: str, count: int) -> None:
        """`count` more of them have been dealt with."""

    def finished(self, instance: str) -> None:
        """Nothing more comes for this instance."""


class Silent:
    """A progress that nobody watches."""

    def started(self, instance: str, total: int) -> None:
        """Nothing to show."""

    def advanced(self, instance: str, count: int) -> None:
        """Nothing to show."""

    def finished(self, instance: str) -> None:
        """Nothing to show."""


class Planner(Protocol):
    """Makes the plan of a run. It may hold back actions of `make_plan`'s, and never adds one."""

    def __call__(
        self,
        desired: Desired,
        snapshots: Mapping[str, Snapshot],
        *,
        accept: str | None = None,
        take_over: bool = False,
        today: date | None = None,
        beside: Mapping[str, Snapshot] = ELSEWHERE,
    ) -> Plan:
        """The plan for every instance that was read whole; those `beside` are not planned."""


def utc_day() -> date:
    """Today, wherever this runs."""
    return datetime.now(UTC).date()


class UnknownInstance(ValueError):
    """An instance was named that the desired state does not have."""


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
    today: Callable[[], date] = utc_day,
) -> Run:
    """Read, plan, guard and, unless it is a dry-run, apply. Raises `UnknownInstance`; all else is in the result.

    Instances named in `skip` are left alone and are not in the result.
    `stop` may be set at any time: the request in flight is finished, sessions are logged out, and what was not
    done is reported as dropped.
    """
    pace = pace or real_pace(stop)
    mode = Mode.DRY_RUN if options.dry_run else Mode.APPLY
    instances = [one for one in chosen(desired, options.instances, options.shard) if one.name not in skip]
    others = lenders(desired, instances, skip)
    names = [one.name for one in instances]
    with read_all([*instances, *others], stop, pace, connect, partial(_needs, desired, names)) as read:
        readings, plan = _planned(desired, options, partial(planner, today=today()), read, names, pace)
        plans = {part.name: part for part in plan.instances}

        def conclude(name: str) -> InstanceResult:
            reading, part = readings[name], plans.get(name)
            if part is None:
                return unread(name, reading)
            part = with_other_seeds(part, reading.target, pace)
            if options.dry_run or part.suspended or part.verdict.refused:
                return _result(part, reading, _as_planned(part))
            results, lost = _apply(part, reading, pace, progress)
            return _result(part, reading, results, lost)

        results = each(names, conclude)
    content = content_of(desired, snapshots_of(readings), results)
    counted = tuple(
        replace(results[name], requests=readings[name].target.requests, content=content.get(name, ()))
        for name in sorted(results)
    )
    code = exit_code(counted, detailed=options.detailed_exitcode)
    lent = tuple(_lender(one.name, readings[one.name]) for one in others)
    return Run(mode, plan.hash, code, counted, desired.warnings, lent)


def _planned(
    desired: Desired,
    options: Options,
    planner: Planner,
    readings: Mapping[str, Reading],
    names: Sequence[str],
    pace: Pace,
) -> tuple[Mapping[str, Reading], Plan]:
    """The plan for the instances `names`. Where it deletes what only deltas told of, it is made anew on a full read."""

    def make(readings: Mapping[str, Reading]) -> Plan:
        read = snapshots_of(readings)
        return planner(
            desired,
            {name: snapshot for name, snapshot in read.items() if name in names},
            accept=options.accept_plan,
            take_over=options.take_over,
            beside={name: snapshot for name, snapshot in read.items() if name not in names},
        )

    readings = lend(desired, readings, pace)
    plan = make(readings)
    doubtful = [part.name for part in plan.instances if _deletes(part) and not readings[part.name].target.fresh]
    if options.dry_run or not doubtful:
        return readings, plan
    afresh = each(doubtful, lambda name: read_afresh(readings[name], pace, Needs.of(desired, name)))
    readings = lend(desired, {**readings, **afresh}, pace)
    return readings, make(readings)


def _needs(desired: Desired, planned: Sequence[str], name: str) -> Needs:
    return Needs.of(desired, name) if name in planned else Needs()


def _deletes(part: InstancePlan) -> bool:
    allowed = not part.suspended and not part.verdict.refused
    return allowed and any(action.verb is Verb.DELETE and action.hold is None for action in part.actions)


def chosen(desired: Desired, names: Sequence[str], shard: Shard | None = None) -> list[Instance]:
    """The instances to work on: those named that the shard holds. Raises `UnknownInstance` for a name not declared."""
    unknown = sorted(set(names) - set(desired.instances))
    if unknown:
        known = ", ".join(sorted(desired.instances))
        raise UnknownInstance(f'no instance "{unknown[0]}" in the desired state, which has: {known}')
    return [
        instance
        for name, instance in desired.instances.items()
        if (not names or name in names) and (shard is None or shard.holds(name))
    ]


def _apply(
    part: InstancePlan, reading: Reading, pace: Pace, progress: Progress
) -> tuple[tuple[ActionResult, ...], InstanceError | None]:
    progress.started(part.name, sum(action.hold is None for action in part.actions))
    try:
        return Executor(reading.target, pace, lambda count: progress.advanced(part.name, count), keep).execute(part)
    finally:
        progress.finished(part.name)


def _as_planned(part: InstancePlan) -> tuple[ActionResult, ...]:
    return tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in part.actions)


def unread(name: str, reading: Reading) -> InstanceResult:
    """The result of an instance that could not be read."""
    error = reading.error
    status = error.status if isinstance(error, InstanceError) else Status.ERROR
    why = "the run was stopped before it was read" if isinstance(error, Stopped) else str(error)
    return InstanceResult(name, status, why)


def _lender(name: str, reading: Reading) -> InstanceResult:
    """How an instance answered for which nothing was planned."""
    read = reading.snapshot
    return InstanceResult(name, Status.OK, None, read.version, read.web_api) if read else unread(name, reading)


def _result(
    part: InstancePlan,
    reading: Reading,
    results: tuple[ActionResult, ...],
    lost: InstanceError | None = None,
) -> InstanceResult:
    snapshot = reading.snapshot
    settled = Status.SUSPENDED if part.suspended else Status.OK
    return InstanceResult(
        part.name,
        lost.status if lost else settled,
        str(lost) if lost else None,
        snapshot.version if snapshot else None,
        snapshot.web_api if snapshot else None,
        owned=part.owned,
        foreign=part.foreign,
        unchanged=part.unchanged,
        verdict=part.verdict,
        results=results,
        spared=part.spared,
    )
