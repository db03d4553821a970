"""What a result makes of a probe, and probes of an instance. Pure: the time is passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.model.desired import Instance
from reconciler.model.errors import AuthFailed, Banned, InstanceError, TimedOut
from reconciler.model.health import Answer, Health, Probe, ProbeHealth, State


def judged(probe: Probe, before: ProbeHealth | None, answer: Answer, now: datetime) -> ProbeHealth:
    """A probe after one more result.

    The first result decides, since there is nothing to weigh it against; later ones only once as many in a row as the
    threshold says speak against what was so before.
    """
    error = None if answer.passed else answer.text
    if before is None:
        return ProbeHealth(str(probe.subject), answer.state, now, answer.text, answer.mend, 0, error)
    after = replace(before, last_error=error or before.last_error, against=0)
    if answer.passed == (before.state is State.OK):
        since = before.since if answer.state is before.state else now
        return replace(after, state=answer.state, since=since, text=answer.text, mend=answer.mend)
    against = before.against + 1
    if against < (probe.success_threshold if answer.passed else probe.failure_threshold):
        return replace(after, against=against)
    return replace(after, state=answer.state, since=now, text=answer.text, mend=answer.mend)


def combined(before: Health | None, probes: Sequence[ProbeHealth], now: datetime) -> Health:
    """An instance whose Web API answers, by its probes."""
    for state in (State.VPN_DOWN, State.NOT_CONFIGURED):
        failing = [probe for probe in probes if probe.state is state]
        if failing:
            error = "; ".join(f"{probe.probe}: {probe.text}" for probe in failing)
            return Health(state, _since(before, state, now), error, tuple(probes))
    return Health(State.OK, _since(before, State.OK, now), None, tuple(probes))


def unanswered(before: Health | None, error: Exception, probes: Sequence[ProbeHealth], now: datetime) -> Health:
    """An instance whose Web API could not be read."""
    state = state_of(error)
    return Health(state, _since(before, state, now), str(error), tuple(probes))


def state_of(error: Exception) -> State:
    """What a failure of the Web API is called."""
    if isinstance(error, TimedOut):
        return State.TIMEOUT
    if isinstance(error, (AuthFailed, Banned)):
        return State.AUTH_FAILED
    return State.UNREACHABLE if isinstance(error, InstanceError) else State.NOT_CONFIGURED


def _since(before: Health | None, state: State, now: datetime) -> datetime:
    return before.since if before and before.state is state else now


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
