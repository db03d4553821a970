"""A single run that is repeated until every pending torrent is placed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.engine.context import RunContext
from reconciler.engine.results import compute_exit_code
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import ObjectKind, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, Status

POLL_INTERVAL: Final = 5.0  # seconds between two runs; shorter where time alone places a torrent earlier
_LOGIN_REFUSED_STATUSES: Final = (Status.AUTH_FAILED, Status.BANNED)  # contacted once: five refusals ban our address

RunFunction = Callable[[DesiredState, RunOptions, RunContext], Run]
PendingCallback = Callable[[Sequence[PendingTorrent], float], None]


def run_until_placed(
    desired: DesiredState,
    options: RunOptions,
    context: RunContext,
    timeout: float,
    report_pending: PendingCallback,
    run: RunFunction = run_once,
) -> Run:
    """Repeat `run` until nothing is pending, for at most `timeout` seconds; return all runs merged into one.

    `report_pending` is called before each pause, with what is pending and the seconds that remain. Raises
    `UnknownInstance`. An instance that has refused our credentials is not contacted again.
    """
    end, merged = context.retry.clock.now() + timeout, None
    refused: list[str] = []
    while True:
        later = run(desired, replace(options, skip=refused), context)
        merged = merge_runs(merged, later, options) if merged else later
        refused = [result.name for result in merged.instances if result.status in _LOGIN_REFUSED_STATUSES]
        remaining = end - context.retry.clock.now()
        if not merged.pending or remaining <= 0 or context.stop.is_set():
            return merged
        report_pending(merged.pending, remaining)
        try:
            context.retry.clock.sleep(min(remaining, _compute_pause(merged.pending, context.utc())))
        except StopRequested:
            return merged


def _compute_pause(pending: Sequence[PendingTorrent], now: datetime) -> float:
    """Return the seconds until the next run."""
    soon = [(torrent.until - now).total_seconds() for torrent in pending if torrent.until]
    return max(0.05, min([POLL_INTERVAL, *soon]))


def merge_runs(earlier: Run, later: Run, options: RunOptions) -> Run:
    """Merge two runs: the state after the later one, with what both have changed."""
    later_results = {result.name: result for result in later.instances}
    earlier_results = {result.name: result for result in earlier.instances}
    instances = tuple(
        _merge_instance_results(earlier_results.get(name), later_results[name])
        if name in later_results
        else earlier_results[name]
        for name in sorted({*earlier_results, *later_results})
    )
    code = compute_exit_code(
        instances,
        detailed=options.detailed_exitcode,
        needs_attention=bool(later.pending or later.endless),
        strict=options.strict,
    )
    return replace(later, instances=instances, exit_code=code)


def _merge_instance_results(earlier: InstanceResult | None, later: InstanceResult) -> InstanceResult:
    if earlier is None:
        return later
    applied = tuple(result for result in earlier.results if result.has_effect)
    settled = _list_present_infohashes(applied) - _list_present_infohashes(later.results)
    return replace(
        later,
        results=(*applied, *later.results),
        requests=earlier.requests + later.requests,
        owned=earlier.owned if earlier.version else later.owned,
        foreign=earlier.foreign if earlier.version else later.foreign,
        unchanged=max(0, later.unchanged - len(settled)),
    )


def _list_present_infohashes(results: Sequence[ActionResult]) -> set[str | None]:
    """Return the infohashes of the torrents that are not deleted."""
    actions = (result.action for result in results)
    return {
        action.infohash for action in actions if action.kind is ObjectKind.TORRENT and action.verb is not Verb.DELETE
    }
