"""A single run that does not take "pending" for an answer at once: it tries again until everything has its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.engine.events import Progress
from reconciler.engine.observe import connect
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import Connect
from reconciler.engine.results import exit_code
from reconciler.engine.run import Options, Planner, run_once, utc_now
from reconciler.model.desired import Desired
from reconciler.model.errors import Stopped
from reconciler.model.groups import Pending
from reconciler.model.plan import Kind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, Status
from reconciler.plan import make_plan
from reconciler.retry import Pace, real_pace

POLL: Final = 5.0  # seconds between two runs, and less where time alone will place something earlier
_REFUSED: Final = (Status.AUTH_FAILED, Status.BANNED)  # asked once: five refusals ban our address

Tell = Callable[[Sequence[Pending], float], None]


def run_until_placed(
    desired: Desired,
    options: Options,
    progress: Progress,
    stop: threading.Event,
    wait: float,
    tell: Tell,
    *,
    pace: Pace | None = None,
    connect: Connect = connect,
    planner: Planner = make_plan,
    roster: Roster | None = None,
    utc: Callable[[], datetime] = utc_now,
) -> Run:
    """`run_once`, again and again for up to `wait` seconds while something is pending; the runs are told as one.

    `tell` is given what is pending and the seconds that are left, before each pause. Raises `UnknownInstance`.
    """
    pace, roster = pace or real_pace(stop), roster or Roster()
    end, run = pace.now() + wait, None
    while True:
        skip: list[str] = [part.name for part in run.instances if part.status in _REFUSED] if run else []
        now = run_once(
            desired, options, progress, stop,
            pace=pace, connect=connect, planner=planner, skip=skip, roster=roster, utc=utc,
        )  # fmt: skip
        run = joined(run, now, detailed=options.detailed_exitcode) if run else now
        left = end - pace.now()
        if not run.pending or left <= 0 or stop.is_set():
            return run
        tell(run.pending, left)
        try:
            pace.sleep(min(left, _pause(run.pending, utc())))
        except Stopped:
            return run


def _pause(pending: Sequence[Pending], now: datetime) -> float:
    """Seconds until it is worth another look."""
    soon = [(one.until - now).total_seconds() for one in pending if one.until]
    return max(0.05, min([POLL, *soon]))


def joined(first: Run, then: Run, *, detailed: bool) -> Run:
    """Two runs as one: as things are after the second, with what the first has done already."""
    parts = {part.name: part for part in then.instances}
    before = {part.name: part for part in first.instances}
    instances = tuple(
        _joined(before.get(name), parts[name]) if name in parts else before[name] for name in sorted({*before, *parts})
    )
    code = exit_code(instances, detailed=detailed, pending=bool(then.pending))
    return replace(then, instances=instances, exit_code=code)


def _joined(first: InstanceResult | None, then: InstanceResult) -> InstanceResult:
    if first is None:
        return then
    done = tuple(one for one in first.results if one.outcome is Outcome.APPLIED)
    settled = _torrents(done) - _torrents(then.results)
    return replace(
        then,
        results=(*done, *then.results),
        requests=first.requests + then.requests,
        owned=first.owned if first.version else then.owned,
        foreign=first.foreign if first.version else then.foreign,
        unchanged=max(0, then.unchanged - len(settled)),
    )


def _torrents(results: Sequence[ActionResult]) -> set[str | None]:
    """Those that stay."""
    actions = (one.action for one in results)
    return {one.infohash for one in actions if one.kind is Kind.TORRENT and one.verb is not Verb.DELETE}
