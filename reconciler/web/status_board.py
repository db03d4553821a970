"""Where the loop's runs are noted and everything that is shown is read from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.engine.events import Finished
from reconciler.model.desired import Desired, Instance
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, Status
from reconciler.report.phrases import without_name
from reconciler.report.summary import sentence
from reconciler.web.loop_view import Counting, LastChange, Seen, View

MISSED: Final = 3  # intervals without an attempt, and the loop is stuck
LEAST_PATIENCE: Final = 30.0  # seconds, where three intervals are shorter
RUN_PATIENCE: Final = 900.0  # seconds in which a run under way may show no progress: remote errors are not our death
KEPT: Final = 100  # actions of the last change, for each instance: it is kept for months


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Board:
    """An `Observer` of the loop, safe to use from any thread.

    `names`: the instances that the loop is limited to, if it is; `ours`: the names of those that are its, where several
    processes share them. The progress `pulse` tells a long run from a hung one.
    """

    def __init__(
        self,
        interval: float,
        names: Sequence[str] = (),
        *,
        ours: Callable[[Desired], Collection[str]] = lambda desired: desired.instances,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval, self._names, self._ours = interval, names, ours
        self._desired: Desired | None = None
        self._now, self._monotonic = now, monotonic
        self._lock = threading.Lock()
        self._started = now()
        self._life = monotonic()
        self._under_way = False
        self._counting = Counting()
        self._declared: Mapping[str, Instance] = {}
        self._suspended: frozenset[str] = frozenset()
        self._unready = "no run has ended yet"
        self._view = View(self._started, self._started, interval, 0, self._counting.totals())
        self.pulse = Pulse(self.alive)

    def _expect(self, desired: Desired) -> None:
        names, ours = self._names, set(self._ours(desired))
        declared = {
            name: one for name, one in desired.instances.items() if name in ours and (not names or name in names)
        }
        suspended = frozenset(name for name, one in declared.items() if desired.suspend or one.suspend)
        with self._lock:
            self._declared, self._suspended = declared, suspended
            known = {seen.name: seen for seen in self._view.instances if seen.name in declared}
            seen = (replace(known.get(name, Seen(name)), url=one.url) for name, one in declared.items())
            self._view = replace(self._view, instances=_sorted(seen))

    def began(self, desired: Desired) -> None:
        """A run begins, with this desired state in force."""
        if desired is not self._desired:
            self._desired = desired
            self._expect(desired)
        with self._lock:
            self._life, self._under_way = self._monotonic(), True
            self._view = replace(self._view, last_attempt=self._now())

    def alive(self) -> None:
        """The run under way has got further."""
        with self._lock:
            self._life = self._monotonic()

    def finished(self, finished: Finished) -> None:
        """A run has ended."""
        run, waiting = finished.run, finished.waiting or {}
        ended = finished.began + timedelta(seconds=finished.seconds)
        good = run.exit_code in (0, 2) and not waiting
        change = _change(run, finished.trigger, ended)
        with self._lock:
            self._life, self._under_way = self._monotonic(), False
            self._counting.add(finished)
            before = self._view
            instances = _sorted(self._seen(finished, ended, {seen.name: seen for seen in before.instances}))
            if self._unready:
                self._unready = self._why_unready(instances)
            self._view = replace(
                before,
                runs=before.runs + 1,
                totals=self._counting.totals(),
                instances=instances,
                last=finished,
                last_attempt=finished.began,
                last_success=ended if good else before.last_success,
                last_change=change or before.last_change,
            )

    def view(self) -> View:
        """The loop as it is now."""
        with self._lock:
            return replace(self._view, now=self._now(), stuck=self._why_stuck(), unready=self._unready)

    def _seen(self, finished: Finished, ended: datetime, before: Mapping[str, Seen]) -> Iterator[Seen]:
        results = {result.name: result for result in finished.run.instances}
        waiting = finished.waiting or {}
        for name in {*results, *waiting, *self._declared}:
            known = before.get(name, Seen(name))
            result = results.get(name)
            declared = self._declared.get(name)
            now = replace(known, waiting=waiting.get(name), url=declared.url if declared else known.url)
            if result:
                read_at = known.read_at if result.version is None else ended
                yield replace(now, result=result, current=True, read_at=read_at)
            else:
                yield replace(now, result=known.result and _without_actions(known.result), current=False)

    def _why_unready(self, instances: Sequence[Seen]) -> str:
        missing = [seen for seen in instances if not seen.read and seen.name not in self._suspended]
        return "not every instance has been read yet: " + "; ".join(map(_why, missing)) if missing else ""

    def _why_stuck(self) -> str:
        silent = self._monotonic() - self._life
        patience = max(MISSED * self._interval, RUN_PATIENCE if self._under_way else LEAST_PATIENCE)
        if silent <= patience:
            return ""
        what = "the run under way has shown no progress" if self._under_way else "no run has begun"
        return f"{what} for {silent:.0f} s; the interval is {self._interval:g} s"


class Pulse:
    """A progress of `control` that is nothing but a sign of life."""

    def __init__(self, alive: Callable[[], None]) -> None:
        self._alive = alive

    def started(self, instance: str, total: int) -> None:
        """`total` actions are about to be executed."""
        self._alive()

    def advanced(self, instance: str, count: int) -> None:
        """`count` more of them have been dealt with."""
        self._alive()

    def finished(self, instance: str) -> None:
        """Nothing more comes for this instance."""
        self._alive()


def _change(run: Run, trigger: str, ended: datetime) -> LastChange | None:
    applied = {
        instance.name: [result for result in instance.results if result.outcome is Outcome.APPLIED]
        for instance in run.instances
    }
    count = sum(map(len, applied.values()))
    kept: list[tuple[str, tuple[ActionResult, ...]]] = [
        (name, tuple(few[:KEPT])) for name, few in applied.items() if few
    ]
    return LastChange(ended, trigger, sentence(run), tuple(kept), count) if count else None


def _sorted(instances: Iterator[Seen]) -> tuple[Seen, ...]:
    return tuple(sorted(instances, key=lambda seen: seen.name))


def _without_actions(result: InstanceResult) -> InstanceResult:
    return replace(result, results=(), spared=())


def _why(seen: Seen) -> str:
    if seen.waiting:
        return f"{seen.name} ({without_name(seen.name, seen.waiting.reason)})"
    if seen.result and seen.result.status is not Status.OK:
        return f"{seen.name} ({without_name(seen.name, seen.result.error or str(seen.result.status))})"
    return f"{seen.name} (not tried yet)"
