"""Reading all instances at once; the failure of one stays its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import Connect, Look, Needs, OpenTarget, Reading
from reconciler.health.qbittorrent_probes import judge_network
from reconciler.health.state import History
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.health import Answer, ConnectionStatus, ExternalIp, Health, Interface, Probe
from reconciler.qbittorrent import Mirror, Session
from reconciler.retry import Pace

T = TypeVar("T")

WORKERS = 32  # instances at a time; each holds one connection and one thread


def connect(instance: Instance, stop: threading.Event) -> OpenTarget:
    """A session on the real Web API of an instance, not yet open."""
    return Session(instance, stop=stop)


def follow(instance: Instance, stop: threading.Event) -> OpenTarget:
    """The same for a loop: it reads cheaply what has hardly changed."""
    import structlog  # a tenth of a second that a single run can do without

    return Mirror(instance, stop=stop, tell=structlog.get_logger().warning)


@contextmanager
def read_all(
    instances: Iterable[Instance], stop: threading.Event, look: Look, connect: Connect = connect
) -> Iterator[Mapping[str, Reading]]:
    """Snapshots of all instances, by name, read side by side; their sessions are logged out at the end."""
    chosen = {instance.name: instance for instance in instances}
    sessions = {name: connect(instance, stop) for name, instance in chosen.items()}
    try:
        yield each(sessions, lambda name: look(chosen[name], sessions[name]))
    finally:
        each(sessions, lambda name: sessions[name].close())


def each(names: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
    """Do the work for all names side by side and wait for all of it; signals are handled meanwhile."""
    names = list(names)
    if not names:
        return {}
    with ThreadPoolExecutor(min(WORKERS, len(names)), thread_name_prefix="instance") as pool:
        futures: dict[str, Future[T]] = {name: pool.submit(work, name) for name in names}
        wait(futures.values())
    return {name: future.result() for name, future in futures.items()}


def read(target: OpenTarget, pace: Pace, wanted: Needs) -> Reading:
    """Open one instance and read it whole."""
    try:
        pace.patiently(target.open)
        return Reading(target, pace.patiently(lambda: target.snapshot(wanted.files, wanted.content)))
    except (InstanceError, Stopped) as error:
        return Reading(target, error=error)


def read_afresh(reading: Reading, pace: Pace, wanted: Needs) -> Reading:
    """The same instance by a full read, in the session that is open. Its health is what it was a moment ago."""
    try:
        snapshot = pace.patiently(lambda: reading.target.refresh(wanted.files, wanted.content))
        return replace(reading, snapshot=snapshot)
    except (InstanceError, Stopped) as error:
        return Reading(reading.target, error=error)


class Checkup:
    """One run's look at the health of instances. Safe for one thread per instance."""

    def __init__(self, history: History, pace: Pace, now: Callable[[], datetime]) -> None:
        self._history: Final = history
        self._pace: Final = pace
        self._now: Final = now

    def read(self, instance: Instance, target: OpenTarget, wanted: Needs) -> Reading:
        """The instance read whole, with its health. The network is probed meanwhile."""
        answers = _start(instance.health)
        reading = read(target, self._pace, wanted)
        asked: Sequence[tuple[Probe, Answer]] = ()
        if reading.snapshot:
            try:
                asked = self._ask(instance, target, reading.snapshot.version)
            except (InstanceError, Stopped) as error:
                reading = Reading(target, error=error)
        return replace(reading, health=self._health(instance, [*answers(), *asked], reading.error))

    def _ask(self, instance: Instance, target: OpenTarget, version: str) -> list[tuple[Probe, Answer]]:
        """What qBittorrent says itself: not asked for what no probe needs."""
        subjects = [probe.subject for probe in instance.health]
        interface = any(isinstance(subject, Interface) for subject in subjects)
        transfer = any(isinstance(subject, (ConnectionStatus, ExternalIp)) for subject in subjects)
        if not (interface or transfer):
            return []
        seen = self._pace.patiently(lambda: target.network(interface=interface, transfer=transfer))
        return [
            (probe, judge_network(probe.subject, seen, version))
            for probe in instance.health
            if isinstance(probe.subject, (Interface, ConnectionStatus, ExternalIp))
        ]

    def _health(
        self, instance: Instance, answers: Sequence[tuple[Probe, Answer]], error: InstanceError | Stopped | None
    ) -> Health | None:
        if isinstance(error, Stopped):
            return None
        order = {id(probe): number for number, probe in enumerate(instance.health)}
        return self._history.learn(instance, sorted(answers, key=lambda one: order[id(one[0])]), error, self._now())


def _start(probes: Sequence[Probe]) -> Callable[[], Sequence[tuple[Probe, Answer]]]:
    if not probes:
        return lambda: ()
    from reconciler.health.probes import start  # most runs have nothing to probe

    return start(probes)


def looking(desired: Desired, checkup: Checkup, roster: Roster, pace: Pace, utc: Callable[[], datetime]) -> Look:
    """How to read an instance: with its health and, where a group asks for it, its free space."""
    measured = frozenset[str]().union(*(group.measured for group in desired.groups.values()))

    def look(instance: Instance, target: OpenTarget) -> Reading:
        reading = checkup.read(instance, target, Needs.of(desired, instance.name))
        if reading.snapshot is None or instance.name not in measured or not roster.measure(instance.name, utc()):
            return reading
        try:
            return replace(reading, free=pace.patiently(target.free_space))
        except Stopped as error:
            return Reading(target, error=error)
        except InstanceError:  # it answers, and does not tell: that is no member to fill up
            return reading

    return look
