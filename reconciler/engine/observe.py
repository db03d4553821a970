"""Reading all instances at once; the failure of one stays its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.reading import InstanceObserver, Observation, OpenTarget, ReadRequest, SessionFactory
from reconciler.health.qbittorrent_probes import evaluate_network
from reconciler.health.state import HealthHistory
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.health import ConnectionStatusCheck, ExternalIpCheck, Health, InterfaceCheck, Probe, ProbeResult
from reconciler.qbittorrent import IncrementalSession, Session
from reconciler.retry import RetryPolicy

T = TypeVar("T")

MAX_WORKERS = 32  # instances at a time; each holds one connection and one thread


def connect(instance: Instance, stop: threading.Event) -> OpenTarget:
    """A session on the real Web API of an instance, not yet open."""
    return Session(instance, stop=stop)


def connect_incremental(instance: Instance, stop: threading.Event) -> OpenTarget:
    """The same for a loop: it reads cheaply what has hardly changed."""
    import structlog  # a tenth of a second that a single run can do without

    return IncrementalSession(instance, stop=stop, warn=structlog.get_logger().warning)


@contextmanager
def observe_all(
    instances: Iterable[Instance], stop: threading.Event, observe: InstanceObserver, connect: SessionFactory = connect
) -> Iterator[Mapping[str, Observation]]:
    """Snapshots of all instances, by name, read side by side; their sessions are logged out at the end."""
    chosen = {instance.name: instance for instance in instances}
    sessions = {name: connect(instance, stop) for name, instance in chosen.items()}
    try:
        yield map_instances(sessions, lambda name: observe(chosen[name], sessions[name]))
    finally:
        map_instances(sessions, lambda name: sessions[name].close())


def map_instances(names: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
    """Do the work for all names side by side and wait for all of it; signals are handled meanwhile."""
    names = list(names)
    if not names:
        return {}
    with ThreadPoolExecutor(min(MAX_WORKERS, len(names)), thread_name_prefix="instance") as pool:
        futures: dict[str, Future[T]] = {name: pool.submit(work, name) for name in names}
        wait(futures.values())
    return {name: future.result() for name, future in futures.items()}


def read_instance(target: OpenTarget, retry: RetryPolicy, read_request: ReadRequest) -> Observation:
    """Open one instance and read it whole."""
    try:
        retry.call_with_retry(target.open)
        return Observation(
            target, retry.call_with_retry(lambda: target.read_snapshot(read_request.files_of, read_request.content))
        )
    except (InstanceError, StopRequested) as error:
        return Observation(target, error=error)


def reread_instance(observation: Observation, retry: RetryPolicy, read_request: ReadRequest) -> Observation:
    """The same instance by a full read, in the session that is open. Its health is what it was a moment ago."""
    try:
        snapshot = retry.call_with_retry(
            lambda: observation.target.read_full_snapshot(read_request.files_of, read_request.content)
        )
        return replace(observation, snapshot=snapshot)
    except (InstanceError, StopRequested) as error:
        return Observation(observation.target, error=error)


class HealthChecker:
    """One run's look at the health of instances. Safe for one thread per instance."""

    def __init__(self, history: HealthHistory, retry: RetryPolicy, now: Callable[[], datetime]) -> None:
        self._history: Final = history
        self._retry: Final = retry
        self._now: Final = now

    def observe_instance(self, instance: Instance, target: OpenTarget, read_request: ReadRequest) -> Observation:
        """The instance read whole, with its health. The network is probed meanwhile."""
        answers = _start_probes(instance.health)
        reading = read_instance(target, self._retry, read_request)
        asked: Sequence[tuple[Probe, ProbeResult]] = ()
        if reading.snapshot:
            try:
                asked = self._run_qbittorrent_probes(instance, target, reading.snapshot.version)
            except (InstanceError, StopRequested) as error:
                reading = Observation(target, error=error)
        return replace(reading, health=self._update_health(instance, [*answers(), *asked], reading.error))

    def _run_qbittorrent_probes(
        self, instance: Instance, target: OpenTarget, version: str
    ) -> list[tuple[Probe, ProbeResult]]:
        """What qBittorrent says itself: not asked for what no probe needs."""
        subjects = [probe.check for probe in instance.health]
        interface = any(isinstance(subject, InterfaceCheck) for subject in subjects)
        transfer = any(isinstance(subject, (ConnectionStatusCheck, ExternalIpCheck)) for subject in subjects)
        if not (interface or transfer):
            return []
        seen = self._retry.call_with_retry(lambda: target.read_network_state(interface=interface, transfer=transfer))
        return [
            (probe, evaluate_network(probe.check, seen, version))
            for probe in instance.health
            if isinstance(probe.check, (InterfaceCheck, ConnectionStatusCheck, ExternalIpCheck))
        ]

    def _update_health(
        self,
        instance: Instance,
        probe_results: Sequence[tuple[Probe, ProbeResult]],
        error: InstanceError | StopRequested | None,
    ) -> Health | None:
        if isinstance(error, StopRequested):
            return None
        order = {id(probe): number for number, probe in enumerate(instance.health)}
        return self._history.update_health(
            instance, sorted(probe_results, key=lambda one: order[id(one[0])]), error, self._now()
        )


def _start_probes(probes: Sequence[Probe]) -> Callable[[], Sequence[tuple[Probe, ProbeResult]]]:
    if not probes:
        return lambda: ()
    from reconciler.health.probes import start_probes  # most runs have nothing to probe

    return start_probes(probes)


def make_observer(
    desired: DesiredState,
    health_checker: HealthChecker,
    placement_memory: PlacementMemory,
    retry: RetryPolicy,
    utc: Callable[[], datetime],
) -> InstanceObserver:
    """How to read an instance: with its health and, where a group asks for it, its free space."""
    measured = frozenset[str]().union(*(group.space_limited_members for group in desired.groups.values()))

    def observe(instance: Instance, target: OpenTarget) -> Observation:
        reading = health_checker.observe_instance(instance, target, ReadRequest.for_instance(desired, instance.name))
        if (
            reading.snapshot is None
            or instance.name not in measured
            or not placement_memory.start_measurement_if_due(instance.name, utc())
        ):
            return reading
        try:
            return replace(reading, free_space=retry.call_with_retry(target.read_free_space))
        except StopRequested as error:
            return Observation(target, error=error)
        except InstanceError:  # it answers, and does not tell: that is no member to fill up
            return reading

    return observe
