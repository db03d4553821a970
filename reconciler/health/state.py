"""The state of a probe from its results, and the health of an instance from its probes. Pure: the time is passed in.

See docs/decisions/0061-an-inconclusive-probe-does-not-pass.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.model.desired import Instance
from reconciler.model.errors import AuthenticationError, BannedError, InstanceError, ResponseTimeoutError
from reconciler.model.health import Health, HealthState, Probe, ProbeHealth, ProbeResult


def update_probe(probe: Probe, previous: ProbeHealth | None, probe_result: ProbeResult, now: datetime) -> ProbeHealth:
    """Return the state of a probe after one more result.

    The first result sets the state. Later, the state changes once as many results in a row contradict it as the
    threshold says.
    """
    error = None if probe_result.has_passed else probe_result.text
    if previous is None:
        return ProbeHealth(str(probe.check), probe_result.state, now, probe_result.text, probe_result.hint, 0, error)
    unchanged = replace(previous, last_error=error or previous.last_error, opposing_results=0)
    if probe_result.has_passed == (previous.state is HealthState.OK):
        since = min(previous.since, now) if probe_result.state is previous.state else now
        return replace(unchanged, state=probe_result.state, since=since, text=probe_result.text, hint=probe_result.hint)
    opposing_results = previous.opposing_results + 1
    if opposing_results < (probe.success_threshold if probe_result.has_passed else probe.failure_threshold):
        return replace(unchanged, opposing_results=opposing_results)
    return replace(unchanged, state=probe_result.state, since=now, text=probe_result.text, hint=probe_result.hint)


def health_from_probes(previous: Health | None, probes: Sequence[ProbeHealth], now: datetime) -> Health:
    """Return the health of an instance whose Web API answers: that of its worst probe."""
    for state in (HealthState.VPN_DOWN, HealthState.NOT_CONFIGURED):
        failing = [probe for probe in probes if probe.state is state]
        if failing:
            error = "; ".join(f"{probe.probe}: {probe.text}" for probe in failing)
            return Health(state, _compute_since(previous, state, now), error, tuple(probes))
    return Health(HealthState.OK, _compute_since(previous, HealthState.OK, now), None, tuple(probes))


def health_from_error(
    previous: Health | None, error: Exception, probes: Sequence[ProbeHealth], now: datetime
) -> Health:
    """Return the health of an instance whose Web API could not be read."""
    state = state_from_error(error)
    return Health(state, _compute_since(previous, state, now), str(error), tuple(probes))


def state_from_error(error: Exception) -> HealthState:
    """Return the state that an error of the Web API stands for."""
    if isinstance(error, ResponseTimeoutError):
        return HealthState.TIMEOUT
    if isinstance(error, (AuthenticationError, BannedError)):
        return HealthState.AUTH_FAILED
    return HealthState.UNREACHABLE if isinstance(error, InstanceError) else HealthState.NOT_CONFIGURED


def _compute_since(previous: Health | None, state: HealthState, now: datetime) -> datetime:
    return min(previous.since, now) if previous and previous.state is state else now


class HealthHistory:
    """The health of instances and the state of their probes, which a watch keeps from run to run.

    Safe for one thread per instance.
    """

    def __init__(self) -> None:
        self.instances: Final[dict[str, Health]] = {}
        self.probes: Final[dict[tuple[str, Probe], ProbeHealth]] = {}

    def update_health(
        self,
        instance: Instance,
        probe_results: Sequence[tuple[Probe, ProbeResult]],
        error: InstanceError | None,
        now: datetime,
    ) -> Health:
        """Return the health of an instance after one more observation. `error`: the failure of its Web API."""
        probes = []
        for probe, probe_result in probe_results:
            key = instance.name, probe
            self.probes[key] = update_probe(probe, self.probes.get(key), probe_result, now)
            probes.append(self.probes[key])
        previous = self.instances.get(instance.name)
        health = health_from_error(previous, error, probes, now) if error else health_from_probes(previous, probes, now)
        self.instances[instance.name] = health
        return health

    def drop_undeclared(self, instances: Mapping[str, Instance]) -> None:
        """Forget instances and probes that are no longer declared. A probe that has changed starts from scratch."""
        for name in self.instances.keys() - instances.keys():
            del self.instances[name]
        declared = {(name, probe) for name, instance in instances.items() for probe in instance.health}
        for key in self.probes.keys() - declared:
            del self.probes[key]
