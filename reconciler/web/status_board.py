"""The runs of the loop, as the HTTP server reads them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, Status
from reconciler.report.phrases import strip_instance_prefix
from reconciler.report.summary import brief_summary_text
from reconciler.retry import Clock, system_clock
from reconciler.web.instance_label import label_instance
from reconciler.web.loop_view import InstanceView, LastChange, LoopView, RecentRuns, RunCounters

MAX_MISSED_INTERVALS: Final = 3  # after this many intervals without a run the loop is stuck
MIN_STUCK_SECONDS: Final = 30.0  # if three intervals are shorter
MAX_SILENT_RUN_SECONDS: Final = 900.0  # without progress of a run; long, because instances may be slow to fail
MAX_RUNS_KEPT: Final = 8  # of the latest runs; equal ones in a row count as one
MAX_ACTIONS_KEPT: Final = 100  # of the last change, for each instance


class StatusBoard:
    """A `RunListener` of the loop, safe to use from any thread.

    `selected`: the instances that the loop is limited to; empty: all. `select_instances` returns those of its shard.
    `progress` distinguishes a long run from one that hangs. `loop_id` and `shard`: see `LoopView`.
    """

    def __init__(
        self,
        interval: float,
        selected: Sequence[str] = (),
        *,
        select_instances: Callable[[DesiredState], Collection[str]] = lambda desired: desired.instances,
        clock: Clock | None = None,
        loop_id: str = "",
        shard: str = "",
    ) -> None:
        self._interval, self._selected, self._select_instances = interval, selected, select_instances
        self._desired: DesiredState | None = None
        self._dated: DesiredState | None = None  # the last one with valid files
        self._followed: DesiredState | None = None  # the same without what persons have suspended for a while
        self._clock = clock or system_clock()
        self._lock = threading.Lock()
        self._started = self._clock.utc()
        self._last_progress_at = self._clock.now()
        self._is_running = False
        self._counters = RunCounters()
        self._declared: Mapping[str, Instance] = {}
        self._suspended: frozenset[str] = frozenset()
        self._unready_reason = "no run has ended yet"
        self._view = LoopView(
            self._started, self._started, interval, 0, self._counters.get_totals(), loop_id=loop_id, shard=shard
        )
        self._subscribers: list[Callable[[LoopView], None]] = []
        self.progress = LivenessProgress(self.record_progress)

    def _update_declared(self, desired: DesiredState) -> None:
        names = set(self._select_instances(desired))
        if self._selected:
            names.intersection_update(self._selected)
        declared = {name: instance for name, instance in desired.instances.items() if name in names}
        suspended = frozenset(name for name, instance in declared.items() if desired.suspend or instance.suspend)
        with self._lock:
            self._declared, self._suspended = declared, suspended
            views = {view.name: view for view in self._view.instances}
            updated = (
                replace(views.get(name, InstanceView(name)), url=instance.shown_url)
                for name, instance in declared.items()
            )
            self._view = replace(self._view, instances=_sort_instances(updated))

    def on_run_start(self, desired: DesiredState) -> None:
        """Note the start of a run."""
        if desired is not self._desired:
            self._desired = desired
            self._update_declared(desired)
        with self._lock:
            self._last_progress_at, self._is_running = self._clock.now(), True
            self._view = replace(self._view, last_attempt=self._clock.utc())
        self._notify_subscribers()

    def record_progress(self) -> None:
        """Note progress of the present run."""
        with self._lock:
            self._last_progress_at = self._clock.now()

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Note the results of a run."""
        run = finished_run.run
        ended_at = finished_run.ended_at
        change = _summarize_change(run, finished_run.trigger, ended_at)
        with self._lock:
            self._last_progress_at, self._is_running = self._clock.now(), False
            self._counters.count_run(finished_run)
            before = self._view
            instances = _sort_instances(
                self._update_instances(finished_run, ended_at, {view.name: view for view in before.instances})
            )
            if self._unready_reason:
                self._unready_reason = self._compute_unready_reason(instances)
            view = replace(
                before,
                run_count=before.run_count + 1,
                totals=self._counters.get_totals(),
                instances=instances,
                last_run=finished_run,
                last_desired=self._desired,
                last_attempt=finished_run.started_at,
                last_success=ended_at if _is_success(finished_run) else before.last_success,
                last_change=change or before.last_change,
                recent_runs=_add_recent_run(before.recent_runs, finished_run, ended_at),
            )
            self._view = self._date_states(view, before, ended_at)
        self._notify_subscribers()

    def _date_states(self, view: LoopView, before: LoopView, ended_at: datetime) -> LoopView:
        """Return a view with the time since when it is in its state, and follows its desired state."""
        is_invalid = bool(view.last_run and view.last_run.problems)
        if not is_invalid and self._desired is not self._dated:
            self._dated, followed = self._desired, self._desired and _lift_suspensions(self._desired)
            if followed != self._followed:
                view = replace(view, desired_since=view.last_attempt)
            self._followed = followed
        is_same_state = before.last_run is not None and view.state is before.state
        return replace(
            view,
            invalid_since=(before.invalid_since or ended_at) if is_invalid else None,
            state_since=before.state_since if is_same_state else ended_at,
        )

    def subscribe(self, on_change: Callable[[LoopView], None]) -> None:
        """Call a function at the start and the end of each run, in the thread of the loop."""
        self._subscribers.append(on_change)

    def _notify_subscribers(self) -> None:
        for on_change in self._subscribers:
            on_change(self.get_view())

    def get_view(self) -> LoopView:
        """Return the loop as it is now."""
        with self._lock:
            return replace(
                self._view,
                now=self._clock.utc(),
                stuck_reason=self._compute_stuck_reason(),
                unready_reason=self._unready_reason,
            )

    def _update_instances(
        self, finished_run: FinishedRun, ended_at: datetime, before: Mapping[str, InstanceView]
    ) -> Iterator[InstanceView]:
        results = {result.name: result for result in finished_run.run.instances}
        backoffs = finished_run.backoffs or {}
        for name in {*results, *backoffs, *self._declared}:
            view = before.get(name, InstanceView(name))
            result = results.get(name)
            declared = self._declared.get(name)
            view = replace(view, backoff=backoffs.get(name), url=declared.shown_url if declared else view.url)
            if result:
                read_at = view.read_at if result.version is None else ended_at
                view = replace(view, result=result, is_current=True, read_at=read_at)
            else:
                view = replace(view, result=view.result and _drop_actions(view.result), is_current=False)
            is_same_state = name in before and label_instance(view) == label_instance(before[name])
            yield replace(view, since=(before[name].since if is_same_state else None) or ended_at)

    def _compute_unready_reason(self, instances: Sequence[InstanceView]) -> str:
        missing = [view for view in instances if not view.is_read and view.name not in self._suspended]
        return "not every instance has been read yet: " + "; ".join(map(_unread_reason, missing)) if missing else ""

    def _compute_stuck_reason(self) -> str:
        silent_seconds = self._clock.now() - self._last_progress_at
        limit = max(
            MAX_MISSED_INTERVALS * self._interval, MAX_SILENT_RUN_SECONDS if self._is_running else MIN_STUCK_SECONDS
        )
        if silent_seconds <= limit:
            return ""
        symptom = "the run under way has made no progress" if self._is_running else "no run has begun"
        return f"{symptom} for {silent_seconds:.0f} s; the interval is {self._interval:g} s"


class LivenessProgress:
    """A `Progress` that only notes that there is progress."""

    def __init__(self, record_progress: Callable[[], None]) -> None:
        self._record_progress = record_progress

    def start_instance(self, instance: str, total: int) -> None:
        """Note the start of an instance."""
        self._record_progress()

    def advance_instance(self, instance: str, count: int) -> None:
        """Note executed actions."""
        self._record_progress()

    def finish_instance(self, instance: str) -> None:
        """Note the end of an instance."""
        self._record_progress()


def _summarize_change(run: Run, trigger: str, ended_at: datetime) -> LastChange | None:
    applied = {
        instance.name: [result for result in instance.results if result.outcome is Outcome.APPLIED]
        for instance in run.instances
    }
    count = sum(map(len, applied.values()))
    kept: list[tuple[str, tuple[ActionResult, ...]]] = [
        (name, tuple(results[:MAX_ACTIONS_KEPT])) for name, results in applied.items() if results
    ]
    return LastChange(ended_at, trigger, brief_summary_text(run), tuple(kept), count) if count else None


def _lift_suspensions(desired: DesiredState) -> DesiredState:
    """Return a desired state as the files declare it."""
    instances = {
        name: replace(instance, suspend=False, suspended_until=None) if instance.suspended_until else instance
        for name, instance in desired.instances.items()
    }
    return replace(desired, instances=instances)


def _add_recent_run(
    recent: tuple[RecentRuns, ...], finished_run: FinishedRun, ended_at: datetime
) -> tuple[RecentRuns, ...]:
    run, sentence = finished_run.run, _describe_run(finished_run)
    is_success = _is_success(finished_run) and not finished_run.problems
    added = RecentRuns(
        sentence, run.exit_code, is_success, run.mode, (finished_run.trigger,), ended_at, ended_at, finished_run.seconds
    )
    if not recent or (recent[0].sentence, recent[0].exit_code) != (sentence, run.exit_code) or _has_effect(run):
        return (added, *recent[: MAX_RUNS_KEPT - 1])
    last = recent[0]
    triggers = tuple(dict.fromkeys((*last.triggers, finished_run.trigger)))
    repeated = replace(added, triggers=triggers, first_at=last.first_at, count=last.count + 1)
    return (repeated, *recent[1:])


def _is_success(finished_run: FinishedRun) -> bool:
    return finished_run.run.exit_code in (0, 2) and not finished_run.backoffs


def _describe_run(finished_run: FinishedRun) -> str:
    """Return the summary of a run, with what it was made without."""
    run = finished_run.run
    absent = sorted({*(finished_run.backoffs or {})} - {instance.name for instance in run.instances})
    texts = ["the files are invalid"] if finished_run.problems else []
    texts += [f"without {', '.join(absent)}"] if absent else []
    return "; ".join([*texts, brief_summary_text(run)])


def _has_effect(run: Run) -> bool:
    return any(result.has_effect for instance in run.instances for result in instance.results)


def _sort_instances(instances: Iterator[InstanceView]) -> tuple[InstanceView, ...]:
    return tuple(sorted(instances, key=lambda view: view.name))


def _drop_actions(result: InstanceResult) -> InstanceResult:
    return replace(result, results=(), spared=(), faults=())


def _unread_reason(instance: InstanceView) -> str:
    if instance.backoff:
        return f"{instance.name} ({strip_instance_prefix(instance.name, instance.backoff.reason)})"
    if instance.result and instance.result.status is not Status.OK:
        reason = instance.result.error or str(instance.result.status)
        return f"{instance.name} ({strip_instance_prefix(instance.name, reason)})"
    return f"{instance.name} (not tried yet)"
