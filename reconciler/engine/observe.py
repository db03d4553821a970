"""Reading all instances concurrently; the failure of one affects no other.

See docs/decisions/0022-libtorrent-is-asked-where-something-depends-on-it.md.
See docs/decisions/0062-stop-torrents-before-other-instances-are-read.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from time import monotonic
from typing import TYPE_CHECKING

from reconciler.apply.executor import Executor
from reconciler.engine.concurrency import contain_errors, log_internal_error, map_instances
from reconciler.engine.context import RunContext
from reconciler.engine.observation import Observation, Observations, OpenTarget, ReadRequest
from reconciler.engine.selection import RunScope
from reconciler.health.qbittorrent_probes import evaluate_network
from reconciler.model.content import Content
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredState, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.health import (
    ConnectionStatusCheck,
    ExternalIpCheck,
    Health,
    InterfaceCheck,
    Probe,
    ProbeResult,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import InstancePlan
from reconciler.model.snapshot import Snapshot
from reconciler.plan import urgent_actions
from reconciler.retry import RetryPolicy
from reconciler.waits import track_wait

if TYPE_CHECKING:
    from reconciler.health.probes import RunningProbes

ProbeResults = Sequence[tuple[Probe, ProbeResult]]


@contextmanager
def observe_instances(scope: RunScope, context: RunContext) -> Iterator[Observations]:
    """Read the instances of a run, and yield what each gave, by name; log out of all of them at the end.

    The kill switch acts here: the urgent actions of an instance are executed as soon as it is read, without waiting
    for others. They are the actions that the plan of the whole run shows for it, from the same snapshot. If a plan is
    expected, they are executed with the rest of it, or not at all.
    """
    context.placement_memory.drop_undeclared(scope.desired)
    context.placement_memory.correct_future_times(context.utc())
    if context.live_state is not None:
        from reconciler.engine.recall import recall_observations  # only here: hardly a run needs it

        observations = recall_observations(scope.observed, context.live_state)
        _remember_observations(observations, scope, context)
        yield observations
        return
    with open_sessions(scope.observed, context) as sessions:
        observer = _Observer(scope, context, sessions)
        observe = contain_errors(observer.observe, observer.fail)
        patience = context.patience
        observations = (
            map_instances(sessions, observe, wait_for=lambda reads: patience.wait_for_reads(reads, observer.give_up))
            if patience
            else map_instances(sessions, observe)
        )
        _remember_observations(observations, scope, context)
        yield observations


def _remember_observations(observations: Observations, scope: RunScope, context: RunContext) -> None:
    context.placement_memory.record_observations(observations, context.utc())
    context.add_memory.record_observations(observations, scope.desired, context.utc())
    context.keep_observations(observations)


@contextmanager
def open_sessions(instances: Iterable[Instance], context: RunContext) -> Iterator[Mapping[str, OpenTarget]]:
    """Yield a session for each instance, by name, not yet logged in; log out of all of them at the end."""
    sessions = {instance.name: context.make_session(instance) for instance in instances}
    try:
        yield sessions
    finally:
        map_instances(sessions, lambda name: sessions[name].close(), "logging out of")


def read_instance(target: OpenTarget, retry: RetryPolicy, read_request: ReadRequest) -> Observation:
    """Log in to one instance and read it whole."""
    try:
        retry.call_with_retry(target.open)
        snapshot = retry.call_with_retry(lambda: target.read_snapshot(read_request.files_of, read_request.creations))
        return Observation(target, _add_server_facts(snapshot, target, retry, read_request))
    except (InstanceError, StopRequested) as error:
        return Observation(target, error=error)


def reread_instance(observation: Observation, retry: RetryPolicy, read_request: ReadRequest) -> Observation:
    """Read an instance again by a full read, in its open session. Its health stays as it was observed."""
    try:
        snapshot = retry.call_with_retry(
            lambda: observation.target.read_full_snapshot(read_request.files_of, read_request.creations)
        )
        snapshot = _add_server_facts(snapshot, observation.target, retry, read_request)
        return replace(observation, snapshot=snapshot)
    except (InstanceError, StopRequested) as error:
        return Observation(observation.target, error=error)


def fail_observations(
    observations: Observations, failures: Mapping[str, InternalError], desired: DesiredState, context: RunContext
) -> Observations:
    """Return the observations with those of `failures` as if the instances could not be read."""
    failed = {}
    for name, error in failures.items():
        log_internal_error(error)
        health = context.health_history.update_health(desired.instances[name], (), error, context.utc())
        failed[name] = replace(observations[name], snapshot=None, error=error, health=health)
    context.placement_memory.record_observations(failed, context.utc())
    return {**observations, **failed}


def _add_server_facts(
    snapshot: Snapshot, target: OpenTarget, retry: RetryPolicy, read_request: ReadRequest
) -> Snapshot:
    """Return the snapshot, with the default save path and the version of libtorrent where the plan depends on them.

    The default save path shows the platform if nothing else does.
    """
    if read_request.platform and snapshot.is_on_windows is None:
        snapshot = replace(snapshot, default_save_path=retry.call_with_retry(target.read_default_save_path))
    if is_libtorrent_needed(snapshot, read_request.v2_entries):
        snapshot = replace(snapshot, libtorrent=retry.call_with_retry(target.read_libtorrent_version))
    return snapshot


def is_libtorrent_needed(snapshot: Snapshot, v2_entries: Sequence[DesiredTorrent]) -> bool:
    """True if the version of libtorrent decides about one of these torrents: one that the instance does not have."""
    if not v2_entries or snapshot.supports_v2 is not None:
        return False
    live_keys = {key for torrent in snapshot.torrents for key in torrent.infohashes.ids}
    live_keys |= {normalize_data_path(torrent.content_root) for torrent in snapshot.torrents}
    return any(live_keys.isdisjoint(_list_keys(entry)) for entry in v2_entries)


def _list_keys(entry: DesiredTorrent) -> tuple[str, ...]:
    """Return the ids of a torrent, or the path of its content."""
    return (normalize_data_path(entry.content.path),) if isinstance(entry.content, Content) else entry.ids


def _start_probes(probes: Sequence[Probe]) -> RunningProbes | None:
    if not probes:
        return None
    from reconciler.health.probes import start_probes  # most runs have nothing to probe

    return start_probes(probes)


@dataclass(frozen=True, slots=True)
class _Observer:
    """Observes the instances of a run, each in a thread of its own."""

    scope: RunScope
    context: RunContext
    sessions: Mapping[str, OpenTarget]
    acting: set[str] = field(default_factory=set)  # instances on which urgent actions are executed

    def observe(self, name: str) -> Observation:
        """Read one instance, with its health and free space, and stop at once what must not run there."""
        instance = self.scope.desired.instances[name]
        patience = self.context.patience
        started_at = monotonic()
        observation = self._read_free_space(name, self._read_with_health(instance))
        if patience and observation.snapshot:
            patience.record_read(name, monotonic() - started_at)
        if self.scope.is_dry_run or self.scope.options.expect_plan or name not in self.scope.planned:
            return observation
        return self._apply_urgent_actions(instance, observation)

    def give_up(self, name: str) -> None:
        """End the read of an instance that others wait for. Urgent actions go on."""
        if name not in self.acting:
            self.sessions[name].cancel()

    def fail(self, name: str, error: InternalError) -> Observation:
        """Return the observation of an instance that a bug of ours made impossible."""
        health = self._update_health(self.scope.desired.instances[name], (), error)
        return Observation(self.sessions[name], error=error, health=health)

    def _read_with_health(self, instance: Instance) -> Observation:
        """Read the instance while the network is probed."""
        target = self.sessions[instance.name]
        running = _start_probes(instance.health)
        observation = read_instance(
            target, self.context.retry, ReadRequest.for_instance(self.scope.desired, instance.name)
        )
        probe_results: ProbeResults = ()
        if observation.snapshot and instance.health:
            try:
                probe_results = self._run_qbittorrent_probes(instance, observation.snapshot.version)
            except (InstanceError, StopRequested) as error:
                observation = Observation(target, error=error)
        network_results: ProbeResults = ()
        if running:
            with track_wait("probing", instance.name):
                network_results = running.wait()
        health = self._update_health(instance, [*network_results, *probe_results], observation.error)
        return replace(observation, health=health)

    def _run_qbittorrent_probes(self, instance: Instance, version: str) -> ProbeResults:
        """Evaluate the probes that qBittorrent itself answers; no request where there are none."""
        checks = [probe.check for probe in instance.health]
        interface = any(isinstance(check, InterfaceCheck) for check in checks)
        transfer = any(isinstance(check, (ConnectionStatusCheck, ExternalIpCheck)) for check in checks)
        if not (interface or transfer):
            return ()
        target = self.sessions[instance.name]
        network = self.context.retry.call_with_retry(
            lambda: target.read_network_state(interface=interface, transfer=transfer)
        )
        return [
            (probe, evaluate_network(probe.check, network, version))
            for probe in instance.health
            if isinstance(probe.check, (InterfaceCheck, ConnectionStatusCheck, ExternalIpCheck))
        ]

    def _update_health(
        self, instance: Instance, probe_results: ProbeResults, error: InstanceError | StopRequested | None
    ) -> Health | None:
        if isinstance(error, StopRequested):
            return None
        order = {id(probe): number for number, probe in enumerate(instance.health)}
        in_order = sorted(probe_results, key=lambda probe_result: order[id(probe_result[0])])
        return self.context.health_history.update_health(instance, in_order, error, self.context.utc())

    def _read_free_space(self, name: str, observation: Observation) -> Observation:
        groups = self.scope.desired.groups.values()
        if observation.snapshot is None or not any(name in group.space_limited_members for group in groups):
            return observation
        if not self.context.placement_memory.start_measurement_if_due(name, self.context.utc()):
            return observation
        try:
            free_space = self.context.retry.call_with_retry(observation.target.read_free_space)
            return replace(observation, free_space=free_space)
        except StopRequested as error:
            return Observation(observation.target, error=error)
        except InstanceError:  # it answers, but not this: placement adds nothing to a member of unknown free space
            return observation

    def _apply_urgent_actions(self, instance: Instance, observation: Observation) -> Observation:
        desired = self.scope.desired
        is_suspended = desired.suspend or instance.suspend or self.context.is_suspended(instance.name)
        if not observation.snapshot or not observation.health or is_suspended:
            return observation
        urgent = urgent_actions(desired, instance.name, observation.snapshot, observation.health)
        if not urgent:
            return observation
        self.acting.add(instance.name)
        results, error = Executor(observation.target, self.context.retry).execute(InstancePlan(instance.name, urgent))
        results_by_id = {result.action.torrent_id or "": result for result in results}
        return replace(observation, urgent_results=results_by_id, urgent_error=error)
