"""The loop itself: waits for a reason, looks at the files, runs, learns, and tells those who watch it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from reconciler.engine.context import RunContext, RunOptions, connect_incremental
from reconciler.engine.events import FinishedRun, Progress, RunListener, RunTrigger, SilentProgress
from reconciler.engine.observation import ReadRequest, SessionFactory
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.results import build_unread_result
from reconciler.engine.run import run_once
from reconciler.health.state import HealthHistory
from reconciler.journal import Journal
from reconciler.model.errors import StopRequested
from reconciler.model.groups import NO_PLACEMENT_FACTS
from reconciler.plan.plan import NO_OWNED_COUNTS
from reconciler.report.json.common import problem_json
from reconciler.retry import RetryPolicy, compute_backoff_delay, system_retry_policy
from reconciler.watch.background_reader import BackgroundReader, StartWorker, start_in_thread
from reconciler.watch.backoff import InstanceBackoff, session_key
from reconciler.watch.desired_source import DesiredSource
from reconciler.watch.holdback import ActionBackoff
from reconciler.watch.plan_cache import CachingPlanner
from reconciler.watch.schedule import Schedule, TriggerQueue
from reconciler.watch.session_pool import SessionPool

REQUEST_ATTEMPTS = (
    2  # of one request: what fails twice in a row is left to the next run, so that others need not wait for it
)
FETCH_BACKOFF_FIRST = (
    60.0  # seconds until torrents that could not be fetched are tried again, at most; doubled each time
)
FETCH_BACKOFF_MAX = 600.0

_EXPLICIT_TRIGGERS = (RunTrigger.RELOAD, RunTrigger.SIGNAL)


@dataclass(slots=True)
class Heartbeat:
    """Is the loop alive? Written by the loop, read from any thread. `faults` counts what ended in a bug of ours."""

    attempts: int = 0
    faults: int = 0
    last_attempt: datetime | None = None


class WatchLoop:
    """Runs until `stop` is set (then `trigger.wake()`), in the calling thread. Nothing that an instance does ends it.

    `connect` opens targets that are kept between runs; `observers` are told of every run, in this thread;
    `aside` does work that may take long without waiting for it; `journal` remembers past the end of the process.
    """

    def __init__(
        self,
        source: DesiredSource,
        options: RunOptions,
        interval: float,
        trigger_queue: TriggerQueue,
        stop: threading.Event,
        *,
        listeners: Sequence[RunListener] = (),
        connect: SessionFactory = connect_incremental,
        progress: Progress | None = None,
        retry: RetryPolicy | None = None,
        start_worker: StartWorker = start_in_thread,
        journal: Journal | None = None,
    ) -> None:
        self.heartbeat = Heartbeat()
        self._source = source
        self._options = options
        self._trigger_queue = trigger_queue
        self._stop = stop
        self._listeners = listeners
        self._retry = retry or replace(system_retry_policy(stop), max_attempts=REQUEST_ATTEMPTS)
        self._clock = self._retry.clock
        self._pool = SessionPool(connect)
        self._schedule = Schedule(interval, self._clock.random)
        self._instance_backoff = InstanceBackoff(self._clock)
        self._action_backoff = ActionBackoff(self._clock, 2 * interval)
        self._health_history = HealthHistory()
        self._journal = journal
        self._placement_memory = PlacementMemory(
            journal.read_placement_facts(source.desired) if journal else NO_PLACEMENT_FACTS
        )
        self._context = RunContext(
            stop,
            self._retry,
            self._pool.connect,
            CachingPlanner(self._action_backoff),
            self._placement_memory,
            self._health_history,
            progress=progress or SilentProgress(),
        )
        self._placement_due_at = math.inf  # when time alone lets something pending be placed
        self._background_reader = BackgroundReader(self._pool, self._retry, stop, trigger_queue.wake, start_worker)
        self._recovered: set[str] = set()  # who had failed and has answered since
        self._last_fingerprints = source.read_fingerprints  # how the files were when they were looked at last
        self._fetch_failures = 0  # how often in a row torrents could not be fetched
        self._fetch_retry_at = 0.0  # when to try that again
        self._log = structlog.get_logger()

    def run(self) -> None:
        """Run at once, then whenever there is a reason; log out everywhere at the end."""
        if self._journal:
            self._action_backoff.restore(self._journal.read_contested(self._source.desired.owner))
        try:
            causes = {RunTrigger.START}
            while not self._stop.is_set():
                if causes:
                    self._run_cycle(next(cause for cause in RunTrigger if cause in causes))
                self._wait_for_triggers()
                causes = self._collect_due_triggers()
        finally:
            self.close_sessions()

    def close_sessions(self) -> None:
        """Log out everywhere. May be called from another thread when the loop does not end in time."""
        self._pool.close()

    def _wait_for_triggers(self) -> None:
        until = min(
            self._schedule.compute_next_run(), self._instance_backoff.compute_next_retry(), self._placement_due_at
        )
        causes = self._trigger_queue.wait(until - self._clock.now())
        for cause in causes:
            self._schedule.request_run(cause, self._clock.now())
        if RunTrigger.FILES in causes:
            self._last_fingerprints = self._source.fingerprint_files()
        if self._placement_due_at <= self._clock.now():
            self._placement_due_at = math.inf
            self._schedule.request_run(RunTrigger.RETRY, self._clock.now())
        self._retry_failed_instances()

    def _retry_failed_instances(self) -> None:
        """Those who failed are asked aside; the one who answers is in the next run."""
        instances = self._source.desired.instances
        for name in self._instance_backoff.pop_due():
            if name in instances:
                self._background_reader.start_read(
                    instances[name], ReadRequest.for_instance(self._source.desired, name)
                )
        for asked, reading in self._background_reader.pop_observations():
            known = instances.get(asked.name)
            if known is None or session_key(known) != session_key(asked) or self._stop.is_set():
                continue
            if reading.error:
                self._instance_backoff.record_results([build_unread_result(asked.name, reading)], instances)
            else:
                self._recovered.add(asked.name)
                self._schedule.request_run(RunTrigger.RETRY, self._clock.now())

    def _collect_due_triggers(self) -> set[RunTrigger]:
        """Why to run now. Files that have changed are read first, once they have come to rest."""
        causes = self._schedule.get_due_triggers(self._clock.now())
        try:
            return self._include_file_changes(causes) if causes else causes
        except StopRequested:
            return set()
        except Exception as error:
            self._report_fault(error)
            return causes

    def _include_file_changes(self, triggers: set[RunTrigger]) -> set[RunTrigger]:
        now, look = self._clock.now(), self._source.fingerprint_files(thorough=RunTrigger.INTERVAL in triggers)
        if look == self._source.read_fingerprints:
            self._schedule.cancel_request(RunTrigger.FILES)
            again = self._source.has_unfetched and (
                now >= self._fetch_retry_at or not {*triggers}.isdisjoint(_EXPLICIT_TRIGGERS)
            )
            news = again and self._reload_desired() and not self._source.problems
            return triggers | {RunTrigger.FILES} if news else triggers - {RunTrigger.FILES}
        if look == self._last_fingerprints and self._reload_desired():
            return triggers | {RunTrigger.FILES}
        if self._schedule.is_debounce_over(now):  # they never rest: go on with what we have
            return triggers - {RunTrigger.FILES} or {RunTrigger.INTERVAL}
        self._last_fingerprints = self._source.fingerprint_files()
        self._schedule.request_run(RunTrigger.FILES, now)
        return set()

    def _reload_desired(self) -> bool:
        before = self._source.desired
        if not self._source.read():
            return False
        for problem in self._source.problems:
            details = problem_json(problem)
            self._log.error(details.pop("message"), **details)
        unfetched = self._source.has_unfetched
        self._fetch_failures = self._fetch_failures + 1 if unfetched else 0
        self._fetch_retry_at = self._clock.now() + compute_backoff_delay(
            self._fetch_failures, FETCH_BACKOFF_FIRST, FETCH_BACKOFF_MAX, self._clock.random()
        )
        if self._source.problems:
            what = "unknown now, since torrents could not be fetched" if unfetched else "invalid now"
            self._log.error(f"the desired state is {what}; the last good one stays in force")
        else:
            self._log.info("the desired state was read anew", torrents=len(self._source.desired.torrents))
        self._action_backoff.forget_changed(before, self._source.desired)
        return True

    def _run_cycle(self, trigger: RunTrigger) -> None:
        began, moment = self._clock.utc(), self._clock.now()
        self._schedule.record_run_start(moment)
        self.heartbeat.attempts, self.heartbeat.last_attempt = self.heartbeat.attempts + 1, began
        try:
            self._notify_listeners(lambda observer: observer.on_run_start(self._source.desired))
            finished = self._reconcile(trigger, began, moment)
            if self._journal:
                self._journal.record_run(self._source.desired, finished, self._placement_memory)
            if finished.run.instances or not self._stop.is_set():
                self._notify_listeners(lambda observer: observer.on_run_end(finished))
        except Exception as error:
            self._report_fault(error)
        finally:
            self._schedule.record_run_end(self._clock.now())

    def _reconcile(self, trigger: RunTrigger, began: datetime, moment: float) -> FinishedRun:
        desired = self._source.desired
        self._pool.close_stale(desired.instances)
        self._instance_backoff.forget_changed(desired.instances)
        self._health_history.drop_undeclared(desired.instances)
        back, self._recovered = self._recovered, set()
        known = tuple(name for name in self._options.instances if name in desired.instances)
        nobody = bool(self._options.instances) and not known
        waiting = list(desired.instances) if nobody else self._instance_backoff.get_backoffs().keys() - back
        options = replace(self._options, instances=known, skip=waiting)
        remembered = self._journal.read_owned_counts(desired) if self._journal else NO_OWNED_COUNTS
        run = run_once(desired, options, replace(self._context, remembered=remembered))
        if self._stop.is_set():  # who was not read any more is not in trouble
            run = replace(run, instances=tuple(part for part in run.instances if part.version))
        else:
            self._instance_backoff.record_results((*run.instances, *run.linked_instances), desired.instances)
            self._action_backoff.record_results(run.instances)
            if self._journal and (fought := self._action_backoff.get_contested_if_changed()) is not None:
                self._journal.save_contested(desired.owner, {part.name for part in run.instances}, fought)
        until = min((one.until for one in run.pending if one.until), default=None)
        self._placement_due_at = self._clock.from_utc(until) if until else math.inf
        seconds = self._clock.now() - moment
        return FinishedRun(run, trigger, began, seconds, self._source.problems, self._instance_backoff.get_backoffs())

    def _notify_listeners(self, notify: Callable[[RunListener], None]) -> None:
        for observer in self._listeners:
            try:
                notify(observer)
            except Exception as error:
                self._report_fault(error)

    def _report_fault(self, error: Exception) -> None:
        """A bug of ours: said, counted, and not the end."""
        self.heartbeat.faults += 1
        self._log.error("internal error; the loop goes on", error=f"{type(error).__name__}: {error}")
        self._log.debug("where it arose", exc_info=error)
