"""The loop itself: waits for a reason, looks at the files, runs, learns, and tells those who watch it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from reconciler.engine.events import Finished, Observer, Progress, Silent
from reconciler.engine.observe import Checkup, follow
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import Connect, Needs
from reconciler.engine.results import unread
from reconciler.engine.run import Options, run_once
from reconciler.health.state import History
from reconciler.journal import Journal
from reconciler.model.errors import Stopped
from reconciler.model.groups import NOTHING
from reconciler.retry import Clock, Pace, delay, real_clock, real_pace
from reconciler.watch.background_reader import Aside, Start, in_thread
from reconciler.watch.backoff import Domains, door
from reconciler.watch.desired_source import Source
from reconciler.watch.holdback import Memory
from reconciler.watch.plan_cache import KeptPlans
from reconciler.watch.schedule import Cause, Schedule, Trigger
from reconciler.watch.session_pool import Pool

ATTEMPTS = 2  # of one request: what fails twice in a row is left to the next run, so that others need not wait for it
FETCH_FIRST = 60.0  # seconds until torrents that could not be fetched are tried again, at most; doubled each time
FETCH_LONGEST = 600.0

_ASKED = (Cause.RELOAD, Cause.SIGNAL)


@dataclass(slots=True)
class Pulse:
    """Is the loop alive? Written by the loop, read from any thread. `faults` counts what ended in a bug of ours."""

    attempts: int = 0
    faults: int = 0
    last_attempt: datetime | None = None


class Watch:
    """Runs until `stop` is set (then `trigger.wake()`), in the calling thread. Nothing that an instance does ends it.

    `connect` opens targets that are kept between runs; `observers` are told of every run, in this thread;
    `aside` does work that may take long without waiting for it; `journal` remembers past the end of the process.
    """

    def __init__(
        self,
        source: Source,
        options: Options,
        interval: float,
        trigger: Trigger,
        stop: threading.Event,
        *,
        observers: Sequence[Observer] = (),
        connect: Connect = follow,
        progress: Progress | None = None,
        clock: Clock | None = None,
        pace: Pace | None = None,
        aside: Start = in_thread,
        journal: Journal | None = None,
    ) -> None:
        self.pulse = Pulse()
        self._source = source
        self._options = options
        self._trigger = trigger
        self._stop = stop
        self._observers = observers
        self._progress = progress or Silent()
        self._clock = clock or real_clock()
        self._pace = pace or replace(real_pace(stop), attempts=ATTEMPTS)
        self._pool = Pool(connect)
        self._schedule = Schedule(interval, self._clock.random)
        self._domains = Domains(self._clock)
        self._memory = Memory(self._clock, 2 * interval)
        self._history = History()
        self._journal = journal
        self._planner = KeptPlans(self._memory, journal)
        self._roster = Roster(journal.known(source.desired) if journal else NOTHING)
        self._places_at = math.inf  # when time alone lets something pending be placed
        self._aside = Aside(self._pool, self._pace, stop, trigger.wake, aside)
        self._back: set[str] = set()  # who had failed and has answered since
        self._looked = source.read_as  # how the files were when they were looked at last
        self._unfetched = 0  # how often in a row torrents could not be fetched
        self._fetch_at = 0.0  # when to try that again
        self._log = structlog.get_logger()

    def run(self) -> None:
        """Run at once, then whenever there is a reason; log out everywhere at the end."""
        if self._journal:
            self._memory.recall(self._journal.fought(self._source.desired.owner))
        try:
            causes = {Cause.START}
            while not self._stop.is_set():
                if causes:
                    self._cycle(next(cause for cause in Cause if cause in causes))
                self._wait()
                causes = self._causes()
        finally:
            self.leave()

    def leave(self) -> None:
        """Log out everywhere. May be called from another thread when the loop does not end in time."""
        self._pool.close()

    def _wait(self) -> None:
        until = min(self._schedule.next_at(), self._domains.retry_at(), self._places_at)
        causes = self._trigger.wait(until - self._clock.now())
        for cause in causes:
            self._schedule.ask(cause, self._clock.now())
        if Cause.FILES in causes:
            self._looked = self._source.look()
        if self._places_at <= self._clock.now():
            self._places_at = math.inf
            self._schedule.ask(Cause.RETRY, self._clock.now())
        self._ask_again()

    def _ask_again(self) -> None:
        """Those who failed are asked aside; the one who answers is in the next run."""
        instances = self._source.desired.instances
        for name in self._domains.take_due():
            if name in instances:
                self._aside.ask(instances[name], Needs.of(self._source.desired, name))
        for asked, reading in self._aside.answers():
            known = instances.get(asked.name)
            if known is None or door(known) != door(asked) or self._stop.is_set():
                continue
            if reading.error:
                self._domains.learn([unread(asked.name, reading)], instances)
            else:
                self._back.add(asked.name)
                self._schedule.ask(Cause.RETRY, self._clock.now())

    def _causes(self) -> set[Cause]:
        """Why to run now. Files that have changed are read first, once they have come to rest."""
        causes = self._schedule.due(self._clock.now())
        try:
            return self._with_files(causes) if causes else causes
        except Stopped:
            return set()
        except Exception as error:
            self._failed(error)
            return causes

    def _with_files(self, causes: set[Cause]) -> set[Cause]:
        now, look = self._clock.now(), self._source.look(thorough=Cause.INTERVAL in causes)
        if look == self._source.read_as:
            self._schedule.drop(Cause.FILES)
            again = self._source.unfetched and (now >= self._fetch_at or not {*causes}.isdisjoint(_ASKED))
            news = again and self._read() and not self._source.problems
            return causes | {Cause.FILES} if news else causes - {Cause.FILES}
        if look == self._looked and self._read():
            return causes | {Cause.FILES}
        if self._schedule.overdue(now):  # they never rest: go on with what we have
            return causes - {Cause.FILES} or {Cause.INTERVAL}
        self._looked = self._source.look()
        self._schedule.ask(Cause.FILES, now)
        return set()

    def _read(self) -> bool:
        before = self._source.desired
        if not self._source.read():
            return False
        for problem in self._source.problems:
            self._log.error(problem.message, file=problem.at.file, line=problem.at.line, mend=problem.mend)
        unfetched = self._source.unfetched
        self._unfetched = self._unfetched + 1 if unfetched else 0
        self._fetch_at = self._clock.now() + delay(self._unfetched, FETCH_FIRST, FETCH_LONGEST, self._clock.random())
        if self._source.problems:
            what = "unknown now, since torrents could not be fetched" if unfetched else "invalid now"
            self._log.error(f"the desired state is {what}; the last good one stays in force")
        else:
            self._log.info("the desired state was read anew", torrents=len(self._source.desired.torrents))
        self._memory.revise(before, self._source.desired)
        return True

    def _cycle(self, cause: Cause) -> None:
        began, moment = self._clock.utc(), self._clock.now()
        self._schedule.began(moment)
        self.pulse.attempts, self.pulse.last_attempt = self.pulse.attempts + 1, began
        try:
            self._tell(lambda observer: observer.began(self._source.desired))
            finished = self._run(cause, began, moment)
            if self._journal:
                self._journal.record(self._source.desired, finished, self._roster)
            if finished.run.instances or not self._stop.is_set():
                self._tell(lambda observer: observer.finished(finished))
        except Exception as error:
            self._failed(error)
        finally:
            self._schedule.ended(self._clock.now())

    def _run(self, cause: Cause, began: datetime, moment: float) -> Finished:
        desired = self._source.desired
        self._pool.keep(desired.instances)
        self._domains.revise(desired.instances)
        self._history.keep(desired.instances)
        back, self._back = self._back, set()
        known = tuple(name for name in self._options.instances if name in desired.instances)
        nobody = bool(self._options.instances) and not known
        run = run_once(
            desired,
            replace(self._options, instances=known),
            self._progress,
            self._stop,
            pace=self._pace,
            connect=self._pool.connect,
            planner=self._planner,
            skip=list(desired.instances) if nobody else self._domains.waiting().keys() - back,
            roster=self._roster,
            utc=self._clock.utc,
            checkup=Checkup(self._history, self._pace, self._clock.utc),
        )
        if self._stop.is_set():  # who was not read any more is not in trouble
            run = replace(run, instances=tuple(part for part in run.instances if part.version))
        else:
            self._domains.learn((*run.instances, *run.linked), desired.instances)
            self._memory.learn(run.instances)
            if self._journal and (fought := self._memory.fought()) is not None:
                self._journal.keep_fought(desired.owner, {part.name for part in run.instances}, fought)
        until = min((one.until for one in run.pending if one.until), default=None)
        self._places_at = self._clock.now() + (until - self._clock.utc()).total_seconds() if until else math.inf
        seconds = self._clock.now() - moment
        return Finished(run, cause, began, seconds, self._source.problems, self._domains.waiting())

    def _tell(self, word: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                word(observer)
            except Exception as error:
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        """A bug of ours: said, counted, and not the end."""
        self.pulse.faults += 1
        self._log.error("internal error; the loop goes on", error=f"{type(error).__name__}: {error}")
        self._log.debug("where it arose", exc_info=error)
