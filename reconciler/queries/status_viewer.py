"""Looking at instances again and again, in one session each and without planning anything for execution."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from reconciler.engine.observe import HealthChecker, make_observer, observe_all
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.reading import Observation, OpenTarget
from reconciler.engine.results import build_unread_result
from reconciler.engine.selection import select_instances, with_group_peers
from reconciler.health.state import HealthHistory
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.run import InstanceResult, Status
from reconciler.model.status import StatusReport
from reconciler.qbittorrent import IncrementalSession
from reconciler.qbittorrent.transfers import TransferStats
from reconciler.queries.status import StatusSessionFactory, build_status_report
from reconciler.retry import RetryPolicy, system_retry_policy
from reconciler.watch.backoff import InstanceBackoff
from reconciler.watch.session_pool import SessionPool

MAX_BACKOFF: Final = 30.0  # seconds: somebody is looking, and wants to see soon what is back


def connect_for_status(instance: Instance, stop: threading.Event, transfer_stats: TransferStats) -> OpenTarget:
    """A session on a real instance that reads by deltas where it can (see `Mirror`), with a gauge that reads along."""
    import structlog

    return IncrementalSession(instance, stop=stop, transfer_stats=transfer_stats, warn=structlog.get_logger().debug)


class StatusWatcher:
    """A context manager that logs out at its end. Raises `UnknownInstance` when made.

    What cannot be read is left alone for a while, as in a watch: 15 minutes where our credentials were refused.
    """

    def __init__(
        self,
        desired: DesiredState,
        instances: Sequence[str],
        stop: threading.Event,
        *,
        retry: RetryPolicy | None = None,
        create_session: StatusSessionFactory = connect_for_status,
        placement_memory: PlacementMemory | None = None,
    ) -> None:
        select_instances(desired, instances)
        self._desired = desired
        self._names = tuple(instances)
        self._stop = stop
        self._retry = retry or replace(system_retry_policy(stop), max_attempts=1)  # the next look is the next attempt
        self._create_session = create_session
        self._transfer_stats: dict[str, TransferStats] = {}
        self._pool = SessionPool(self._connect)
        self._clock = self._retry.clock
        self._backoff = InstanceBackoff(self._clock, max_delay=MAX_BACKOFF)
        self._health_history = HealthHistory()
        self._placement_memory = placement_memory or PlacementMemory()
        self._placement_memory.drop_undeclared(desired)
        self._observations: dict[str, Observation] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.close()

    def set_desired(self, desired: DesiredState) -> None:
        """From now on this is what is declared."""
        self._desired = desired
        self._pool.close_stale(desired.instances)
        self._backoff.forget_changed(desired.instances)
        self._health_history.drop_undeclared(desired.instances)
        self._placement_memory.drop_undeclared(desired)

    def read_status(self) -> StatusReport:
        """Read and compare: one request for each instance that tells deltas, but for those that `Mirror` names."""
        names = [name for name in self._names if name in self._desired.instances]
        instances = select_instances(self._desired, names) if names or not self._names else []
        left = self._backoff.get_backoffs().keys() - set(self._backoff.pop_due())
        wanted = with_group_peers(self._desired, instances)
        due = [instance for instance in wanted if instance.name not in left]
        utc = self._clock.utc
        checkup = HealthChecker(self._health_history, self._retry, utc)
        how = make_observer(self._desired, checkup, self._placement_memory, self._retry, utc)
        with observe_all(due, self._stop, how, self._pool.connect) as readings:
            self._record_failures(readings)
            self._placement_memory.record_observations(readings, utc())
        self._observations = {one.name: readings.get(one.name) or self._observations[one.name] for one in wanted}
        return build_status_report(
            self._desired, instances, self._observations, self._transfer_stats, self._placement_memory.facts, utc()
        )

    def _record_failures(self, observations: Mapping[str, Observation]) -> None:
        results = [
            build_unread_result(name, reading) if reading.error else InstanceResult(name, Status.OK)
            for name, reading in observations.items()
        ]
        self._backoff.record_results(results, self._desired.instances)

    def _connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        gauge = self._transfer_stats[instance.name] = TransferStats()
        return self._create_session(instance, stop, gauge)
