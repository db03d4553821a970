"""Live states: what a run has read, kept for another run, which then contacts nothing.

See docs/decisions/0111-a-snapshot-has-what-a-plan-needs-and-no-secret.md.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import cast

from reconciler.engine.add_memory import AddMemory
from reconciler.engine.context import RunContext
from reconciler.engine.observation import Observation, Observations, OpenTarget
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.files import LiveFile
from reconciler.model.groups import NO_PLACEMENT_FACTS
from reconciler.model.history import AddKey, OwnedCount, UntaggedAdds
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.live_state import LiveInstance, LiveState, NotInLiveStateError
from reconciler.model.position import Problem
from reconciler.model.preferences import CONTENT_REMOVE_OPTION, MOVE_TO_TRASH, SECRET_PREFERENCES, PreferenceValue
from reconciler.model.run import Status
from reconciler.model.versions import ApiVersion
from reconciler.retry import RetryPolicy, system_clock


def collect_live_state(desired: DesiredState, observations: Observations, context: RunContext) -> LiveState:
    """Return what was read, with what the memory of the run adds to a plan."""
    untagged_ids = context.add_memory.get_ids(desired)
    instances = tuple(
        _collect_instance(
            desired.instances[name],
            observation,
            context.remembered.get(name),
            untagged_ids.get(name, frozenset()),
        )
        for name, observation in sorted(observations.items())
    )
    facts = context.placement_memory.facts if desired.groups else NO_PLACEMENT_FACTS
    return LiveState(context.utc(), desired.owner, instances, facts)


def _collect_instance(
    instance: Instance, observation: Observation, owned: OwnedCount | None, untagged_ids: frozenset[str]
) -> LiveInstance:
    error, snapshot = observation.error, observation.snapshot
    live = LiveInstance(
        instance.name,
        instance.url,
        snapshot,
        health=observation.health,
        owned=owned,
        untagged_ids=untagged_ids,
        declared_preferences=frozenset(instance.preferences),
    )
    if snapshot is not None:
        return live
    status = error.status if isinstance(error, InstanceError) else Status.ERROR
    return replace(live, status=status, error=str(error or "it was not read"))


def recall_observations(instances: Collection[Instance], live_state: LiveState) -> Observations:
    """Return what a read of these instances gave at the time of the live state."""
    return {instance.name: _recall_instance(instance, live_state) for instance in instances}


def _recall_instance(instance: Instance, live_state: LiveState) -> Observation:
    name, live = instance.name, live_state.find_instance(instance.name)
    target = cast("OpenTarget", _RecalledTarget(live or LiveInstance(name)))
    if live is None:
        error = NotInLiveStateError(f"{name}: it is not in the snapshot. Take a new one with this desired state")
        return Observation(target, error=error)
    if live.url and live.url != instance.url:
        error = NotInLiveStateError(
            f"{name}: the snapshot is of another address. Take a new one with this desired state"
        )
        return Observation(target, error=error)
    if live.snapshot is None:
        return Observation(target, error=NotInLiveStateError(live.error or "", live.status), health=live.health)
    return Observation(target, live.snapshot, health=live.health)


def prepare_recall(desired: DesiredState) -> DesiredState:
    """Return the desired state without the preferences that no live state has, each with a warning."""
    warnings = []
    instances: dict[str, Instance] = {}
    for name, instance in desired.instances.items():
        secret = [preference for key, preference in instance.preferences.items() if key in SECRET_PREFERENCES]
        known = {key: preference for key, preference in instance.preferences.items() if key not in SECRET_PREFERENCES}
        instances[name] = replace(instance, preferences=known) if secret else instance
        warnings += [
            Problem(
                preference.position,
                Code.NOT_COMPARED,
                f"{name}: {preference.name} is not compared: a snapshot contains no secrets",
            )
            for preference in secret
        ]
    return replace(desired, instances=instances, warnings=(*desired.warnings, *warnings)) if warnings else desired


def make_recall_context(desired: DesiredState, live_state: LiveState, stop: threading.Event) -> RunContext:
    """Return the context of a dry-run on a live state, at its time. It contacts nothing and remembers nothing.

    What a journal knew counts only for the owner that it was read for.
    """
    retry = RetryPolicy(replace(system_clock(stop), utc=lambda: live_state.taken_at))
    if live_state.owner != desired.owner:
        return RunContext(stop, retry, live_state=live_state)
    declared = [live for live in live_state.instances if live.name in desired.instances]
    adds = {
        AddKey(desired.owner, live.name, desired.instances[live.name].url): UntaggedAdds(
            live.untagged_ids, live_state.taken_at
        )
        for live in declared
        if live.untagged_ids
    }
    return RunContext(
        stop,
        retry,
        placement_memory=PlacementMemory(live_state.facts),
        remembered={live.name: live.owned for live in declared if live.owned},
        add_memory=AddMemory(adds),
        live_state=live_state,
    )


@dataclass(frozen=True, slots=True)
class _RecalledTarget:
    """The target of a dry-run on a live state: it has what was read, and nothing else."""

    live: LiveInstance
    request_count: int = 0
    has_full_snapshot: bool = True

    @property
    def api_version(self) -> ApiVersion:
        return self.live.snapshot.api_version if self.live.snapshot else ()

    def read_tags(self) -> frozenset[str]:
        """Return no tags: leases are judged when the plan is applied."""
        return frozenset()

    def count_other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        return {
            torrent_id: self.live.other_seeds[torrent_id] for torrent_id in ids if torrent_id in self.live.other_seeds
        }

    def read_preferences(self) -> Mapping[str, PreferenceValue]:
        if self.live.to_trash is None:
            raise _missing_part("the preferences")
        return {CONTENT_REMOVE_OPTION: MOVE_TO_TRASH if self.live.to_trash else ""}

    def read_files(self, _ids: Collection[str]) -> Mapping[str, tuple[LiveFile, ...]]:
        raise _missing_part("the files")

    def export_torrent(self, _torrent_id: str) -> bytes | None:
        raise _missing_part("the .torrent file")


def _missing_part(part: str) -> NotInLiveStateError:
    return NotInLiveStateError(f"the snapshot does not have {part}")
