"""A single run that does not take "pending" for an answer at once: it tries again until everything has its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.engine.events import Progress
from reconciler.engine.observe import connect
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.reading import SessionFactory
from reconciler.engine.results import compute_exit_code
from reconciler.engine.run import Planner, RunOptions, run_once
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.groups import PendingTorrent
from reconciler.model.history import OwnedCount
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, Status
from reconciler.plan import make_plan
from reconciler.plan.plan import NO_OWNED_COUNTS
from reconciler.retry import RetryPolicy, system_retry_policy, utc_now

POLL_INTERVAL: Final = 5.0  # seconds between two runs, and less where time alone will place something earlier
_LOGIN_REFUSED_STATUSES: Final = (Status.AUTH_FAILED, Status.BANNED)  # asked once: five refusals ban our address

PendingCallback = Callable[[Sequence[PendingTorrent], float], None]


def run_until_placed(
    desired: DesiredState,
    options: RunOptions,
    progress: Progress,
    stop: threading.Event,
    timeout: float,
    report_pending: PendingCallback,
    *,
    retry: RetryPolicy | None = None,
    connect: SessionFactory = connect,
    planner: Planner = make_plan,
    placement_memory: PlacementMemory | None = None,
    utc: Callable[[], datetime] = utc_now,
    remembered: Mapping[str, OwnedCount] = NO_OWNED_COUNTS,
) -> Run:
    """`run_once`, again and again for up to `wait` seconds while something is pending; the runs are told as one.

    `tell` is given what is pending and the seconds that are left, before each pause. Raises `UnknownInstance`.
    """
    retry, placement_memory = retry or system_retry_policy(stop), placement_memory or PlacementMemory()
    end, run = retry.clock.now() + timeout, None
    while True:
        skip: list[str] = [part.name for part in run.instances if part.status in _LOGIN_REFUSED_STATUSES] if run else []
        now = run_once(
            desired, options, progress, stop,
            retry=retry, connect=connect, planner=planner, skip=skip, placement_memory=placement_memory, utc=utc,
            remembered=remembered,
        )  # fmt: skip
        run = merge_runs(run, now, detailed=options.detailed_exitcode) if run else now
        left = end - retry.clock.now()
        if not run.pending or left <= 0 or stop.is_set():
            return run
        report_pending(run.pending, left)
        try:
            retry.clock.sleep(min(left, _compute_pause(run.pending, utc())))
        except StopRequested:
            return run


def _compute_pause(pending: Sequence[PendingTorrent], now: datetime) -> float:
    """Seconds until it is worth another look."""
    soon = [(one.until - now).total_seconds() for one in pending if one.until]
    return max(0.05, min([POLL_INTERVAL, *soon]))


def merge_runs(earlier: Run, later: Run, *, detailed: bool) -> Run:
    """Two runs as one: as things are after the second, with what the first has done already."""
    parts = {part.name: part for part in later.instances}
    before = {part.name: part for part in earlier.instances}
    instances = tuple(
        _merge_instance_results(before.get(name), parts[name]) if name in parts else before[name]
        for name in sorted({*before, *parts})
    )
    code = compute_exit_code(instances, detailed=detailed, pending=bool(later.pending))
    return replace(later, instances=instances, exit_code=code)


def _merge_instance_results(earlier: InstanceResult | None, later: InstanceResult) -> InstanceResult:
    if earlier is None:
        return later
    done = tuple(one for one in earlier.results if one.outcome is Outcome.APPLIED)
    settled = _list_present_infohashes(done) - _list_present_infohashes(later.results)
    return replace(
        later,
        results=(*done, *later.results),
        requests=earlier.requests + later.requests,
        owned=earlier.owned if earlier.version else later.owned,
        foreign=earlier.foreign if earlier.version else later.foreign,
        unchanged=max(0, later.unchanged - len(settled)),
    )


def _list_present_infohashes(results: Sequence[ActionResult]) -> set[str | None]:
    """Those that stay."""
    actions = (one.action for one in results)
    return {one.infohash for one in actions if one.kind is ObjectKind.TORRENT and one.verb is not Verb.DELETE}
