"""The loop of a watch: wait for a trigger, read changed files, reconcile, and report to the listeners."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from datetime import datetime

import structlog

from reconciler.engine.add_memory import AddMemory
from reconciler.engine.context import RunContext, connect_incremental
from reconciler.engine.events import FinishedRun, Progress, RunListener, RunTrigger, SilentProgress
from reconciler.engine.observation import ReadRequest, SessionFactory
from reconciler.engine.patience import Patience
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.results import build_unread_result
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.engine.session_key import session_key
from reconciler.health.state import HealthHistory
from reconciler.journal import Journal
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.groups import NO_PLACEMENT_FACTS
from reconciler.model.lazy_dataclass import dataclass
from reconciler.plan import Plan
from reconciler.plan.plan import NO_OWNED_COUNTS, NO_UNREAD_FILES
from reconciler.report.json.common import problem_json
from reconciler.retry import RetryPolicy, system_retry_policy
from reconciler.watch.background_reader import BackgroundReader, StartWorker, start_in_thread
from reconciler.watch.backoff import InstanceBackoff
from reconciler.watch.desired_source import DesiredSource
from reconciler.watch.fetch_retry import FetchRetry
from reconciler.watch.holdback import ActionBackoff
from reconciler.watch.live_states import LiveStateKeeper
from reconciler.watch.plan_cache import CachingPlanner
from reconciler.watch.schedule import Schedule, TriggerQueue
from reconciler.watch.session_pool import SessionPool
from reconciler.watch.suspensions import SuspensionBook

REQUEST_ATTEMPTS = 2  # of one request; after that the next run tries again, so that other instances need not wait

_EXPLICIT_TRIGGERS = (RunTrigger.RELOAD, RunTrigger.SIGNAL)


@dataclasses.dataclass(slots=True)
class Heartbeat:
    """Signs of life of the loop, to be read from any thread. `faults` counts internal errors."""

    attempts: int = 0
    faults: int = 0
    last_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class WatchContext:
    """The surroundings of a watch loop.

    `connect` opens targets that are kept between runs; `listeners` are called in the thread of the loop; `start_worker`
    starts work that may take long; `journal` keeps what is remembered across restarts. `retry` None: the default.
    `suspensions` None: nobody but an earlier process can have suspended an instance.
    """

    stop: threading.Event
    connect: SessionFactory = connect_incremental
    retry: RetryPolicy | None = None
    listeners: Sequence[RunListener] = ()
    progress: Progress = field(default_factory=SilentProgress)
    start_worker: StartWorker = start_in_thread
    journal: Journal | None = None
    suspensions: SuspensionBook | None = None


class WatchLoop:
    """Runs in the calling thread until `stop` is set and `trigger_queue.wake()` called; no instance's error ends it."""

    def __init__(
        self,
        source: DesiredSource,
        options: RunOptions,
        interval: float,
        trigger_queue: TriggerQueue,
        context: WatchContext,
    ) -> None:
        self.heartbeat = Heartbeat()
        self._source = source
        self._options = options
        self._trigger_queue = trigger_queue
        self._stop = context.stop
        self._listeners = context.listeners
        self._retry = context.retry or replace(system_retry_policy(context.stop), max_attempts=REQUEST_ATTEMPTS)
        self._clock = self._retry.clock
        self._pool = SessionPool(context.connect)
        self._schedule = Schedule(interval, self._clock.random)
        self._instance_backoff = InstanceBackoff(self._clock)
        self._action_backoff = ActionBackoff(self._clock, 2 * interval)
        self._health_history = HealthHistory()
        self._journal = context.journal
        self._suspensions = context.suspensions or SuspensionBook(self._journal, self._clock.utc)
        self._placement_memory = PlacementMemory(
            self._journal.read_placement_facts(source.desired) if self._journal else NO_PLACEMENT_FACTS
        )
        patience = Patience()
        self._live_states = LiveStateKeeper(source)
        self._plans: deque[Plan] = deque(maxlen=1)  # of the last run
        self._run_context = RunContext(
            context.stop,
            self._retry,
            self._pool.connect,
            CachingPlanner(self._action_backoff, self._journal),
            self._placement_memory,
            self._health_history,
            find_unread_files=self._journal.find_unread_files if self._journal else (lambda _desired: NO_UNREAD_FILES),
            add_memory=AddMemory(self._journal.read_untagged_adds(), self._journal.save_untagged_adds)
            if self._journal
            else AddMemory(),
            progress=context.progress,
            patience=patience,
            keep_observations=self._live_states.keep_observations,
            keep_plan=self._plans.append,
            is_suspended=self._suspensions.is_suspended,
        )
        self._retry_due_at = math.inf  # when a pending torrent can be placed, or another run is looked for again
        self._background_reader = BackgroundReader(
            self._pool, self._retry, context.stop, trigger_queue.wake, context.start_worker, patience
        )
        self._recovered: set[str] = set()  # instances that had failed and have answered since the last run
        self._last_fingerprints = source.read_fingerprints  # from when the files were checked last
        self._fetch_retry = FetchRetry(source.retry_fetches, trigger_queue.wake, self._clock, context.start_worker)
        self._fetch_retry.reset(is_needed=bool(source.desired.unknown_entries))
        self._has_arrivals = False  # torrents that were fetched since the files were read
        self._log = structlog.get_logger()

    def run(self) -> None:
        """Run at once, then whenever there is a trigger; log out everywhere at the end."""
        if self._journal:
            self._action_backoff.restore(self._journal.read_contested(self._source.desired.owner))
        try:
            triggers = {RunTrigger.START}
            while not self._stop.is_set():
                if triggers:
                    self._run_cycle(next(trigger for trigger in RunTrigger if trigger in triggers))
                self._wait_for_triggers()
                triggers = self._collect_due_triggers()
        finally:
            self.close_sessions()

    def close_sessions(self) -> None:
        """Log out everywhere. Another thread may call this when the loop does not end in time."""
        self._pool.close()

    def _wait_for_triggers(self) -> None:
        suspended_until = self._suspensions.compute_next_end()
        until = min(
            self._clock.from_utc(suspended_until) if suspended_until else math.inf,
            self._schedule.compute_next_run(),
            self._instance_backoff.compute_next_retry(),
            self._retry_due_at,
            self._fetch_retry.next_at,
        )
        triggers = self._trigger_queue.wait(until - self._clock.now())
        for trigger in triggers:
            self._schedule.request_run(trigger, self._clock.now())
        if RunTrigger.FILES in triggers:
            self._last_fingerprints = self._source.fingerprint_files()
        for name in self._suspensions.pop_ended():
            self._log.info("the suspension has ended", instance=name)
            self._schedule.request_run(RunTrigger.RETRY, self._clock.now())
        if self._retry_due_at <= self._clock.now():
            self._retry_due_at = math.inf
            self._schedule.request_run(RunTrigger.RETRY, self._clock.now())
        self._retry_failed_instances()
        self._fetch_retry.start_if_due(at_once=not triggers.isdisjoint(_EXPLICIT_TRIGGERS))
        if self._fetch_retry.pop_arrival():
            self._has_arrivals = True
            self._schedule.request_run(RunTrigger.RETRY, self._clock.now())

    def _retry_failed_instances(self) -> None:
        """Read failing instances in the background. An instance that answers takes part in the next run."""
        instances = self._source.desired.instances
        for name in self._instance_backoff.pop_due():
            if name in instances:
                self._background_reader.start_read(
                    instances[name], ReadRequest.for_instance(self._source.desired, name)
                )
        for instance, observation in self._background_reader.pop_observations():
            declared = instances.get(instance.name)
            if declared is None or session_key(declared) != session_key(instance) or self._stop.is_set():
                continue
            if observation.error:
                self._instance_backoff.record_results([build_unread_result(instance.name, observation)], instances)
            else:
                self._recovered.add(instance.name)
                self._schedule.request_run(RunTrigger.RETRY, self._clock.now())

    def _collect_due_triggers(self) -> set[RunTrigger]:
        """Return the reasons to run now. Changed files are read first, once nobody writes them any more."""
        triggers = self._schedule.get_due_triggers(self._clock.now())
        try:
            return self._include_file_changes(triggers) if triggers else triggers
        except StopRequested:
            return set()
        except Exception as error:
            self._report_fault(error)
            return triggers

    def _include_file_changes(self, triggers: set[RunTrigger]) -> set[RunTrigger]:
        now, fingerprints = self._clock.now(), self._source.fingerprint_files(thorough=RunTrigger.INTERVAL in triggers)
        if fingerprints == self._source.read_fingerprints:
            self._schedule.cancel_request(RunTrigger.FILES)
            if self._has_arrivals:
                self._reload_desired()
            return triggers - {RunTrigger.FILES}
        if fingerprints == self._last_fingerprints and self._reload_desired():
            return triggers | {RunTrigger.FILES}
        if self._schedule.is_debounce_over(now):  # somebody keeps writing: run with the state that was read before
            return triggers - {RunTrigger.FILES} or {RunTrigger.INTERVAL}
        self._last_fingerprints = self._source.fingerprint_files()
        self._schedule.request_run(RunTrigger.FILES, now)
        return set()

    def _reload_desired(self) -> bool:
        before = self._source.desired
        if not self._source.read():
            return False
        self._has_arrivals = False
        self._fetch_retry.reset(is_needed=bool(self._source.desired.unknown_entries))
        logged = {warning.message for warning in before.warnings}  # at the start, or after an earlier change
        warnings = [warning for warning in self._source.desired.warnings if warning.message not in logged]
        for log, problems in ((self._log.error, self._source.problems), (self._log.warning, warnings)):
            for problem in problems:
                details = problem_json(problem)
                log(details.pop("message"), **details)
        if self._source.problems:
            self._log.error("the desired state is invalid now; the last good one stays in force")
        else:
            self._log.info("the desired state was read again", torrents=len(self._source.desired.torrents))
        self._action_backoff.forget_changed(before, self._source.desired)
        return True

    def _run_cycle(self, trigger: RunTrigger) -> None:
        started_at, moment = self._clock.utc(), self._clock.now()
        self._schedule.record_run_start(moment)
        self.heartbeat.attempts, self.heartbeat.last_attempt = self.heartbeat.attempts + 1, started_at
        try:
            desired = self._suspensions.apply(self._source.desired)
            self._notify_listeners(lambda listener: listener.on_run_start(desired))
            finished_run = self._reconcile(desired, trigger, started_at, moment)
            if self._journal:
                self._journal.record_run(desired, finished_run, self._placement_memory)
            if finished_run.run.instances or not self._stop.is_set():
                self._notify_listeners(lambda listener: listener.on_run_end(finished_run))
        except Exception as error:
            self._report_fault(error)
        finally:
            self._schedule.record_run_end(self._clock.now())

    def _reconcile(
        self, desired: DesiredState, trigger: RunTrigger, started_at: datetime, moment: float
    ) -> FinishedRun:
        self._pool.close_stale(desired.instances)
        self._instance_backoff.forget_changed(desired.instances)
        self._health_history.drop_undeclared(desired.instances)
        options = self._make_options(desired)
        remembered = self._journal.read_owned_counts(desired) if self._journal else NO_OWNED_COUNTS
        run_context = replace(self._run_context, remembered=remembered)
        run = run_once(desired, options, run_context)
        if self._stop.is_set():  # an instance that was not read any more has not failed
            run = replace(run, instances=tuple(instance for instance in run.instances if instance.version))
        else:
            self._instance_backoff.record_results((*run.instances, *run.linked_instances), desired.instances)
            self._action_backoff.record_results(run.instances)
            if self._journal and (contested := self._action_backoff.get_contested_if_changed()) is not None:
                self._journal.save_contested(desired.owner, {instance.name for instance in run.instances}, contested)
        until = min((pending.until for pending in run.pending if pending.until), default=None)
        self._retry_due_at = self._clock.from_utc(until) if until else math.inf
        if any(instance.rival or instance.keeper_rival for instance in run.instances):
            self._retry_due_at = min(self._retry_due_at, self._schedule.draw_retry_time(self._clock.now()))
        seconds = self._clock.now() - moment
        backoffs = self._instance_backoff.get_backoffs()
        live_state = replace(self._live_states.collect(desired, run_context, backoffs), taken_at=started_at)
        return FinishedRun(
            run,
            trigger,
            started_at,
            seconds,
            self._source.problems,
            backoffs,
            live_state,
            self._action_backoff.get_torrent_backoffs(),
            self._plans[-1] if self._plans else None,
        )

    def _make_options(self, desired: DesiredState) -> RunOptions:
        """Return the options of the next run: it leaves failing instances alone, and may have an accepted plan."""
        recovered, self._recovered = self._recovered, set()
        selected = tuple(name for name in self._options.instances if name in desired.instances)
        is_none_left = bool(self._options.instances) and not selected
        failing = self._instance_backoff.get_backoffs().keys() - recovered
        accepted = self._trigger_queue.pop_accepted_plan()
        if accepted:
            self._log.info("this run may execute the plan that was accepted", plan_hash=accepted)
        skip = list(desired.instances) if is_none_left else failing
        return replace(self._options, instances=selected, skip=skip, accept_once=accepted)

    def _notify_listeners(self, notify: Callable[[RunListener], None]) -> None:
        for listener in self._listeners:
            try:
                notify(listener)
            except Exception as error:
                self._report_fault(error)

    def _report_fault(self, error: Exception) -> None:
        """Log and count an internal error."""
        self.heartbeat.faults += 1
        self._log.error("internal error; the loop goes on", error=f"{type(error).__name__}: {error}")
        self._log.debug("traceback", exc_info=error)
