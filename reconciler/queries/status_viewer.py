"""`status --watch`: repeated status reports, with one session per instance."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from reconciler.engine.context import RunContext
from reconciler.engine.observation import Observation, OpenTarget
from reconciler.engine.observe import observe_instances
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.results import build_unread_result
from reconciler.engine.selection import RunOptions, select_instances, select_scope
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.run import InstanceResult, Status
from reconciler.model.status import StatusReport
from reconciler.qbittorrent import LoginMemory
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.transfers import TransferStats
from reconciler.queries.status import StatusSessionFactory, build_status_report
from reconciler.retry import RetryPolicy, system_retry_policy
from reconciler.watch.backoff import InstanceBackoff
from reconciler.watch.session_pool import SessionPool

MAX_BACKOFF: Final = 30.0  # seconds; short, because a person watches the output


def connect_for_status(
    instance: Instance, stop: threading.Event, transfer_stats: TransferStats, logins: LoginMemory | None = None
) -> OpenTarget:
    """Return a session that reads by deltas where it can, and updates the transfer statistics while it reads."""
    import structlog

    warn = structlog.get_logger().debug
    return IncrementalSession(instance, stop=stop, transfer_stats=transfer_stats, logins=logins, warn=warn)


class StatusWatcher:
    """Reads the status repeatedly. A context manager, which logs out at its end. Its creation raises `UnknownInstance`.

    An instance that could not be read is not contacted for a while, as in a watch. Credentials that it refused are not
    sent again.
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
        self._create_session = create_session
        self._pool = SessionPool(self._connect)
        self._context = RunContext(
            stop,
            retry or replace(system_retry_policy(stop), max_attempts=1),  # the next report is the next attempt
            self._pool.connect,
            placement_memory=placement_memory or PlacementMemory(),
        )
        self._transfer_stats: dict[str, TransferStats] = {}
        self._backoff = InstanceBackoff(self._context.retry.clock, max_delay=MAX_BACKOFF)
        self._observations: dict[str, Observation] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.close()

    def set_desired(self, desired: DesiredState) -> None:
        """Compare with this desired state from now on."""
        self._desired = desired
        self._pool.close_stale(desired.instances)
        self._backoff.forget_changed(desired.instances)
        self._context.health_history.drop_undeclared(desired.instances)

    def read_status(self) -> StatusReport:
        """Read the instances and compare them: one request for each that is read by deltas."""
        names = tuple(name for name in self._names if name in self._desired.instances)
        if self._names and not names:
            return StatusReport((), (), 0)
        waiting = self._backoff.get_backoffs().keys() - set(self._backoff.pop_due())
        options = RunOptions(dry_run=True, instances=names)
        scope = select_scope(self._desired, options)
        with observe_instances(
            select_scope(self._desired, replace(options, skip=waiting)), self._context
        ) as observations:
            self._record_failures(observations)
        self._observations = {
            instance.name: observations.get(instance.name) or self._observations[instance.name]
            for instance in scope.observed
        }
        facts, now = self._context.placement_memory.facts, self._context.utc()
        return build_status_report(scope, self._observations, self._transfer_stats, facts, now)

    def _record_failures(self, observations: Mapping[str, Observation]) -> None:
        results = [
            build_unread_result(name, observation) if observation.error else InstanceResult(name, Status.OK)
            for name, observation in observations.items()
        ]
        self._backoff.record_results(results, self._desired.instances)

    def _connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        transfer_stats = self._transfer_stats[instance.name] = TransferStats()
        return self._create_session(instance, stop, transfer_stats)
