"""Reads an instance together with its health, and stops at once what the kill switch stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.apply.executor import Executor
from reconciler.apply.pace import Pace
from reconciler.control.health.answers import judge_network
from reconciler.control.health.history import History
from reconciler.control.reading import Needs, OpenTarget, Reading, read
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.health import Answer, ConnectionStatus, ExternalIp, Health, Interface, Probe
from reconciler.model.plan import InstancePlan
from reconciler.plan import at_once


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


def stop_at_once(desired: Desired, instance: Instance, reading: Reading, pace: Pace) -> Reading:
    """Carry out what is urgent on one instance, without waiting for others to be read.

    It is the same that the plan of the whole run shows for it, made from the same snapshot by the same function.
    """
    if not reading.snapshot or not reading.health or desired.suspend or instance.suspend:
        return reading
    urgent = at_once(desired, instance.name, reading.snapshot, reading.health)
    if not urgent:
        return reading
    executor = Executor(reading.target, pace, lambda count: None)
    results, lost = executor.execute(InstancePlan(instance.name, urgent))
    return replace(reading, done={result.action.torrent_id or "": result for result in results}, lost=lost)


def _start(probes: Sequence[Probe]) -> Callable[[], Sequence[tuple[Probe, Answer]]]:
    if not probes:
        return lambda: ()
    from reconciler.control.health.probing import start  # most runs have nothing to probe

    return start(probes)
