"""Where the loop's runs are noted and everything that is shown is read from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, Status
from reconciler.report.phrases import strip_instance_prefix
from reconciler.report.summary import summary_text
from reconciler.retry import Clock, system_clock
from reconciler.web.loop_view import InstanceView, LastChange, LoopView, RunCounters

MAX_MISSED_INTERVALS: Final = 3  # intervals without an attempt, and the loop is stuck
MIN_STUCK_SECONDS: Final = 30.0  # seconds, where three intervals are shorter
MAX_SILENT_RUN_SECONDS: Final = (
    900.0  # seconds in which a run under way may show no progress: remote errors are not our death
)
MAX_ACTIONS_KEPT: Final = 100  # actions of the last change, for each instance: it is kept for months


class StatusBoard:
    """An `RunListener` of the loop, safe to use from any thread.

    `names`: the instances that the loop is limited to, if it is; `ours`: the names of those that are its, where several
    processes share them. The progress `progress` tells a long run from a hung one.
    """

    def __init__(
        self,
        interval: float,
        selected: Sequence[str] = (),
        *,
        select_instances: Callable[[DesiredState], Collection[str]] = lambda desired: desired.instances,
        clock: Clock | None = None,
    ) -> None:
        self._interval, self._selected, self._select_instances = interval, selected, select_instances
        self._desired: DesiredState | None = None
        self._clock = clock or system_clock()
        self._lock = threading.Lock()
        self._started = self._clock.utc()
        self._last_progress_at = self._clock.now()
        self._is_running = False
        self._counters = RunCounters()
        self._declared: Mapping[str, Instance] = {}
        self._suspended: frozenset[str] = frozenset()
        self._unready_reason = "no run has ended yet"
        self._view = LoopView(self._started, self._started, interval, 0, self._counters.get_totals())
        self.progress = LivenessProgress(self.record_progress)

    def _update_declared(self, desired: DesiredState) -> None:
        names, ours = self._selected, set(self._select_instances(desired))
        declared = {
            name: one for name, one in desired.instances.items() if name in ours and (not names or name in names)
        }
        suspended = frozenset(name for name, one in declared.items() if desired.suspend or one.suspend)
        with self._lock:
            self._declared, self._suspended = declared, suspended
            known = {seen.name: seen for seen in self._view.instances if seen.name in declared}
            seen = (replace(known.get(name, InstanceView(name)), url=one.url) for name, one in declared.items())
            self._view = replace(self._view, instances=_sort_instances(seen))

    def on_run_start(self, desired: DesiredState) -> None:
        """A run begins, with this desired state in force."""
        if desired is not self._desired:
            self._desired = desired
            self._update_declared(desired)
        with self._lock:
            self._last_progress_at, self._is_running = self._clock.now(), True
            self._view = replace(self._view, last_attempt=self._clock.utc())

    def record_progress(self) -> None:
        """The run under way has got further."""
        with self._lock:
            self._last_progress_at = self._clock.now()

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """A run has ended."""
        run, waiting = finished_run.run, finished_run.backoffs or {}
        ended = finished_run.started_at + timedelta(seconds=finished_run.seconds)
        good = run.exit_code in (0, 2) and not waiting
        change = _summarize_change(run, finished_run.trigger, ended)
        with self._lock:
            self._last_progress_at, self._is_running = self._clock.now(), False
            self._counters.count_run(finished_run)
            before = self._view
            instances = _sort_instances(
                self._update_instances(finished_run, ended, {seen.name: seen for seen in before.instances})
            )
            if self._unready_reason:
                self._unready_reason = self._compute_unready_reason(instances)
            self._view = replace(
                before,
                run_count=before.run_count + 1,
                totals=self._counters.get_totals(),
                instances=instances,
                last_run=finished_run,
                last_attempt=finished_run.started_at,
                last_success=ended if good else before.last_success,
                last_change=change or before.last_change,
            )

    def get_view(self) -> LoopView:
        """The loop as it is now."""
        with self._lock:
            return replace(
                self._view,
                now=self._clock.utc(),
                stuck_reason=self._compute_stuck_reason(),
                unready_reason=self._unready_reason,
            )

    def _update_instances(
        self, finished_run: FinishedRun, ended: datetime, before: Mapping[str, InstanceView]
    ) -> Iterator[InstanceView]:
        results = {result.name: result for result in finished_run.run.instances}
        waiting = finished_run.backoffs or {}
        for name in {*results, *waiting, *self._declared}:
            known = before.get(name, InstanceView(name))
            result = results.get(name)
            declared = self._declared.get(name)
            now = replace(known, backoff=waiting.get(name), url=declared.url if declared else known.url)
            if result:
                read_at = known.read_at if result.version is None else ended
                yield replace(now, result=result, is_current=True, read_at=read_at)
            else:
                yield replace(now, result=known.result and _drop_actions(known.result), is_current=False)

    def _compute_unready_reason(self, instances: Sequence[InstanceView]) -> str:
        missing = [seen for seen in instances if not seen.is_read and seen.name not in self._suspended]
        return "not every instance has been read yet: " + "; ".join(map(_unread_reason, missing)) if missing else ""

    def _compute_stuck_reason(self) -> str:
        silent = self._clock.now() - self._last_progress_at
        patience = max(
            MAX_MISSED_INTERVALS * self._interval, MAX_SILENT_RUN_SECONDS if self._is_running else MIN_STUCK_SECONDS
        )
        if silent <= patience:
            return ""
        what = "the run under way has shown no progress" if self._is_running else "no run has begun"
        return f"{what} for {silent:.0f} s; the interval is {self._interval:g} s"


class LivenessProgress:
    """A progress of `control` that is nothing but a sign of life."""

    def __init__(self, record_progress: Callable[[], None]) -> None:
        self._record_progress = record_progress

    def start_instance(self, instance: str, total: int) -> None:
        """`total` actions are about to be executed."""
        self._record_progress()

    def advance_instance(self, instance: str, count: int) -> None:
        """`action_count` more of them have been dealt with."""
        self._record_progress()

    def finish_instance(self, instance: str) -> None:
        """Nothing more comes for this instance."""
        self._record_progress()


def _summarize_change(run: Run, trigger: str, ended: datetime) -> LastChange | None:
    applied = {
        instance.name: [result for result in instance.results if result.outcome is Outcome.APPLIED]
        for instance in run.instances
    }
    count = sum(map(len, applied.values()))
    kept: list[tuple[str, tuple[ActionResult, ...]]] = [
        (name, tuple(few[:MAX_ACTIONS_KEPT])) for name, few in applied.items() if few
    ]
    return LastChange(ended, trigger, summary_text(run), tuple(kept), count) if count else None


def _sort_instances(instances: Iterator[InstanceView]) -> tuple[InstanceView, ...]:
    return tuple(sorted(instances, key=lambda seen: seen.name))


def _drop_actions(result: InstanceResult) -> InstanceResult:
    return replace(result, results=(), spared=())


def _unread_reason(instance: InstanceView) -> str:
    if instance.backoff:
        return f"{instance.name} ({strip_instance_prefix(instance.name, instance.backoff.reason)})"
    if instance.result and instance.result.status is not Status.OK:
        return f"{instance.name} ({strip_instance_prefix(instance.name, instance.result.error or str(instance.result.status))})"
    return f"{instance.name} (not tried yet)"
