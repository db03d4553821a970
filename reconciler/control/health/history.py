"""What is known of the health of instances from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from reconciler.control.health.machine import combined, judged, unanswered
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError
from reconciler.model.health import Answer, Health, Probe, ProbeHealth


class History:
    """Kept in memory by a watch, empty at the start of every other run. Safe for one thread per instance.

    The one place where health outlives a run: whoever wants it to outlive the process too keeps `instances` and
    `probes`, and puts them back before the first run.
    """

    def __init__(self) -> None:
        self.instances: Final[dict[str, Health]] = {}
        self.probes: Final[dict[tuple[str, Probe], ProbeHealth]] = {}

    def learn(
        self, instance: Instance, answers: Sequence[tuple[Probe, Answer]], error: InstanceError | None, now: datetime
    ) -> Health:
        """The health of an instance after one more look at it; `error` is what its Web API failed with."""
        probes = []
        for probe, answer in answers:
            key = instance.name, probe
            self.probes[key] = judged(probe, self.probes.get(key), answer, now)
            probes.append(self.probes[key])
        before = self.instances.get(instance.name)
        health = unanswered(before, error, probes, now) if error else combined(before, probes, now)
        self.instances[instance.name] = health
        return health

    def keep(self, instances: Mapping[str, Instance]) -> None:
        """Forget instances and probes that are not declared any more: a probe that has changed begins anew."""
        for name in self.instances.keys() - instances.keys():
            del self.instances[name]
        declared = {(name, probe) for name, instance in instances.items() for probe in instance.health}
        for key in self.probes.keys() - declared:
            del self.probes[key]
