"""Looking at instances again and again, in one session each and without planning anything for execution."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from reconciler.engine.observe import Checkup, looking, read_all
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import OpenTarget, Reading
from reconciler.engine.results import unread
from reconciler.engine.selection import chosen, with_linked
from reconciler.health.state import History
from reconciler.model.desired import Desired, Instance
from reconciler.model.run import InstanceResult, Status
from reconciler.model.status import StatusReport
from reconciler.qbittorrent import Mirror
from reconciler.qbittorrent.transfers import Gauge
from reconciler.queries.status import Observe, compared
from reconciler.retry import Clock, Pace, real_clock, real_pace
from reconciler.watch.backoff import Domains
from reconciler.watch.session_pool import Pool

LONGEST: Final = 30.0  # seconds: somebody is looking, and wants to see soon what is back


def observe_again(instance: Instance, stop: threading.Event, gauge: Gauge) -> OpenTarget:
    """A session on a real instance that reads by deltas where it can (see `Mirror`), with a gauge that reads along."""
    import structlog

    return Mirror(instance, stop=stop, gauge=gauge, tell=structlog.get_logger().debug)


class Viewer:
    """A context manager that logs out at its end. Raises `UnknownInstance` when made.

    What cannot be read is left alone for a while, as in a watch: 15 minutes where our credentials were refused.
    """

    def __init__(
        self,
        desired: Desired,
        instances: Sequence[str],
        stop: threading.Event,
        *,
        pace: Pace | None = None,
        clock: Clock | None = None,
        observe: Observe = observe_again,
        roster: Roster | None = None,
    ) -> None:
        chosen(desired, instances)
        self._desired = desired
        self._names = tuple(instances)
        self._stop = stop
        self._pace = pace or replace(real_pace(stop), attempts=1)  # the next look is the next attempt
        self._observe = observe
        self._gauges: dict[str, Gauge] = {}
        self._pool = Pool(self._connect)
        self._clock = clock or real_clock()
        self._failing = Domains(self._clock, longest=LONGEST)
        self._history = History()
        self._roster = roster or Roster()
        self._roster.keep(desired)
        self._readings: dict[str, Reading] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.close()

    def use(self, desired: Desired) -> None:
        """From now on this is what is declared."""
        self._desired = desired
        self._pool.keep(desired.instances)
        self._failing.revise(desired.instances)
        self._history.keep(desired.instances)
        self._roster.keep(desired)

    def look(self) -> StatusReport:
        """Read and compare: one request for each instance that tells deltas, but for those that `Mirror` names."""
        names = [name for name in self._names if name in self._desired.instances]
        instances = chosen(self._desired, names) if names or not self._names else []
        left = self._failing.waiting().keys() - set(self._failing.take_due())
        wanted = with_linked(self._desired, instances)
        due = [instance for instance in wanted if instance.name not in left]
        utc = self._clock.utc
        checkup = Checkup(self._history, self._pace, utc)
        how = looking(self._desired, checkup, self._roster, self._pace, utc)
        with read_all(due, self._stop, how, self._pool.connect) as readings:
            self._learn(readings)
            self._roster.saw(readings, utc())
        self._readings = {one.name: readings.get(one.name) or self._readings[one.name] for one in wanted}
        return compared(self._desired, instances, self._readings, self._gauges, self._roster.known, utc())

    def _learn(self, readings: Mapping[str, Reading]) -> None:
        results = [
            unread(name, reading) if reading.error else InstanceResult(name, Status.OK)
            for name, reading in readings.items()
        ]
        self._failing.learn(results, self._desired.instances)

    def _connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        gauge = self._gauges[instance.name] = Gauge()
        return self._observe(instance, stop, gauge)
