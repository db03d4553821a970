"""A single run that waits while other runs change its instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from reconciler.engine.context import RunContext
from reconciler.engine.results import compute_exit_code
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.engine.wait import merge_runs
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.lease import LeaseHold
from reconciler.model.run import Run, Status
from reconciler.retry import compute_backoff_delay

WAIT_TIMEOUT: Final = 300.0  # seconds; longer than it takes to recognize that a run on another machine has ended
FIRST_PAUSE: Final = 0.5  # seconds, at most, between two tries; doubled with each
MAX_PAUSE: Final = 8.0

RivalCallback = Callable[[Mapping[str, LeaseHold], float], None]


def run_when_free(desired: DesiredState, options: RunOptions, context: RunContext, report_rivals: RivalCallback) -> Run:
    """Run once; observe, plan and apply again where another run was under way, as soon as that has ended.

    The result is that of all tries, merged. An expected plan is made again as a whole. After `WAIT_TIMEOUT` the
    instance is an error, and a surplus copy is left to the next run. `report_rivals` is called before each pause, with
    the other run on each instance and the seconds that remain. Raises `UnknownInstance`.
    """
    clock = context.retry.clock
    end, tries = clock.now() + WAIT_TIMEOUT, 0
    run = run_once(desired, options, context)
    while rivals := _collect_rivals(run, options):
        remaining, tries = end - clock.now(), tries + 1
        if remaining <= 0 or context.stop.is_set():
            return _fail_waiting(run, options)
        report_rivals(rivals, remaining)
        try:
            clock.sleep(min(remaining, compute_backoff_delay(tries, FIRST_PAUSE, MAX_PAUSE, clock.random())))
        except StopRequested:
            return _fail_waiting(run, options)
        if options.expect_plan:  # all of it was deferred
            run = run_once(desired, options, context)
            continue
        later = run_once(desired, replace(options, instances=tuple(sorted(rivals))), context)
        elsewhere = tuple(
            torrent for torrent in run.pending if rivals.keys().isdisjoint(desired.members_of(torrent.group))
        )
        later = replace(later, pending=(*elsewhere, *later.pending))
        run = merge_runs(run, later, options)
    return run


def _collect_rivals(run: Run, options: RunOptions) -> dict[str, LeaseHold]:
    """Return the other runs to wait for, by instance. For a surplus copy, no expected plan is made again."""
    rivals = {
        instance.name: instance.rival or (None if options.expect_plan else instance.keeper_rival)
        for instance in run.instances
    }
    return {name: rival for name, rival in rivals.items() if rival}


def _fail_waiting(run: Run, options: RunOptions) -> Run:
    """Return the run with an error for each instance that another run still changes."""
    instances = tuple(
        replace(
            instance,
            status=Status.ERROR,
            error=f"another run is under way ({instance.rival}); nothing was changed. Try again when it has ended",
        )
        if instance.rival
        else instance
        for instance in run.instances
    )
    code = compute_exit_code(
        instances,
        detailed=options.detailed_exitcode,
        needs_attention=bool(run.pending or run.endless),
        strict=options.strict,
    )
    return replace(run, instances=instances, exit_code=code)
