"""Deletions that are made after everything else, since another instance may need what they delete until then.

Data on instances whose files others see too goes after the others were read again. A copy that another instance takes
the metadata of its torrent from goes once that instance has it.

See docs/decisions/0079-data-that-another-instance-may-use-is-kept.md.
See docs/decisions/0085-the-metadata-goes-along.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeGuard

from reconciler.apply.executor import Executor
from reconciler.engine.concurrency import contain_errors, map_instances
from reconciler.engine.leases import LeaseDoubt, RunLeases
from reconciler.engine.observation import Observations
from reconciler.engine.surplus import Obstacle, execute_last, make_obstacle, split_surplus_deletions
from reconciler.model.data_overlap import DataPathIndex, find_data_paths
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, DeleteCategory, DeleteTorrent, InstancePlan, Outcome, SetTorrent
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.blast import name_torrents
from reconciler.retry import RetryPolicy

_SharerRead = tuple[LiveTorrent, ...] | LeaseDoubt


Receivers = Mapping[str, Mapping[str, tuple[str, ...]]]  # by the instance and the id of a copy: who takes from it


def list_receivers(plans: Mapping[str, InstancePlan]) -> Receivers:
    """Return the instances that take metadata from copies of other instances by these plans."""
    receivers: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for name, plan in plans.items():
        for action in plan.actions:
            if isinstance(action, SetTorrent) and (source := action.metadata_from):
                others = receivers[source.instance].get(source.torrent_id, ())
                receivers[source.instance][source.torrent_id] = (*others, name)
    return receivers


def split_late_deletions(plan: InstancePlan, receivers: Receivers) -> tuple[InstancePlan, tuple[Action, ...]]:
    """Split a plan: everything else, and the late deletions with the category deletions that depend on them."""
    taken = receivers.get(plan.name, {})
    deletions = tuple(
        action
        for action in plan.actions
        if _is_pending_deletion(action) and ((plan.sharers and action.delete_files) or action.torrent_id in taken)
    )
    if not deletions:
        return plan, ()
    categories = (action for action in plan.actions if action.hold is None and isinstance(action, DeleteCategory))
    late: tuple[Action, ...] = (*deletions, *categories)
    late_ids = set(map(id, late))
    return replace(plan, actions=tuple(action for action in plan.actions if id(action) not in late_ids)), late


def delete_late(
    plans: Mapping[str, InstancePlan],
    results: Mapping[str, InstanceResult],
    observations: Observations,
    receivers: Receivers,
    leases: RunLeases,
    retry: RetryPolicy,
) -> dict[str, InstanceResult]:
    """Execute the late deletions of all plans, and return the results with them.

    Each instance that sees data to delete is read again after it is known that no other run changes it: such a run may
    be about to add a torrent that uses the data.
    """
    deletions = {
        name: late
        for name, plan in plans.items()
        if not (plan.suspended or plan.verdict.refused) and (late := _list_late_deletions(plan, receivers))
    }
    with_data = {
        name for name, late in deletions.items() if results[name].status.is_ok and any(map(_deletes_data, late))
    }
    sharers = {sharer for name in with_data for sharer in plans[name].sharers if sharer in observations}
    doubts = leases.confirm(with_data | sharers) if with_data else {}
    reader = _SharerReader(observations, retry)
    reads = {**map_instances(sharers - doubts.keys(), contain_errors(reader.read, reader.fail)), **doubts}
    deleter = _Deleter(plans, deletions, reads, results, observations, receivers, retry)
    return {**results, **map_instances(deletions, contain_errors(deleter.delete, deleter.fail), "deleting from")}


def _list_late_deletions(plan: InstancePlan, receivers: Receivers) -> tuple[Action, ...]:
    others, _ = split_surplus_deletions(plan)
    return split_late_deletions(others, receivers)[1]


def _is_pending_deletion(action: Action) -> TypeGuard[DeleteTorrent]:
    return isinstance(action, DeleteTorrent) and action.hold is None


def _deletes_data(action: Action) -> bool:
    return _is_pending_deletion(action) and action.delete_files


@dataclass(frozen=True, slots=True)
class _SharerReader:
    """Reads the instances that see the same files again."""

    observations: Observations
    retry: RetryPolicy

    def read(self, name: str) -> _SharerRead:
        """Return the torrents of one instance, or the error that prevented that."""
        target = self.observations[name].target
        try:
            return self.retry.call_with_retry(target.read_full_snapshot).torrents
        except (InstanceError, StopRequested) as error:
            return error

    def fail(self, _name: str, error: InternalError) -> _SharerRead:
        """Return a bug of ours as such an error."""
        return error


@dataclass(frozen=True, slots=True)
class _Deleter:
    """Deletes what no other instance needs, and defers or drops the other deletions."""

    plans: Mapping[str, InstancePlan]
    deletions: Mapping[str, tuple[Action, ...]]
    reads: Mapping[str, _SharerRead]
    results: Mapping[str, InstanceResult]
    observations: Observations
    receivers: Receivers
    retry: RetryPolicy

    def delete(self, name: str) -> InstanceResult:
        """Return the result of one instance with its late deletions."""
        plan, result, deletions = self.plans[name], self.results[name], self.deletions[name]
        obstacle = self._find_obstacle(name)
        withheld = list(self._iter_withheld(name, obstacle))
        withheld_ids = {id(held.action) for held in withheld}
        free = tuple(action for action in deletions if id(action) not in withheld_ids)
        executor = Executor(self.observations[name].target, self.retry)
        result = execute_last(replace(plan, actions=free), plan.actions, withheld, result, executor)
        return replace(result, keeper_rival=obstacle.rival) if obstacle and obstacle.rival else result

    def _iter_withheld(self, name: str, obstacle: Obstacle | None) -> Iterator[ActionResult]:
        """Yield the deletions that are not made now, each with its reason."""
        if not self.results[name].status.is_ok:
            reason = f"the instance was lost: {self.results[name].error}"
            yield from (ActionResult(action, Outcome.DROPPED, reason) for action in self.deletions[name])
            return
        snapshot = self.observations[name].snapshot
        by_id = {torrent.id: torrent for torrent in snapshot.torrents} if snapshot else {}
        index = self._index_sharers(name)
        for action in filter(_is_pending_deletion, self.deletions[name]):
            if lacking := self._list_lacking(name, action.torrent_id or ""):
                reason = f"{', '.join(lacking)} takes its metadata from here, and does not have it yet"
                yield ActionResult(action, Outcome.DEFERRED, reason)
                continue
            if not action.delete_files:
                continue
            live = by_id.get(action.torrent_id or "")
            others = index.find_at(find_data_paths(live)) if live else ()
            if obstacle:
                yield ActionResult(action, Outcome.DEFERRED, obstacle.reason)
            elif others:
                reason = f"{name_torrents(others)} may have files in its data since it was planned"
                yield ActionResult(action, Outcome.DROPPED, reason)

    def _list_lacking(self, name: str, torrent_id: str) -> list[str]:
        """Return the instances that were to take metadata from this copy, and did not get it."""
        return [
            receiver
            for receiver in self.receivers.get(name, {}).get(torrent_id, ())
            if not any(
                result.outcome is Outcome.APPLIED
                and isinstance(result.action, SetTorrent)
                and (source := result.action.metadata_from)
                and (source.instance, source.torrent_id) == (name, torrent_id)
                for result in self.results[receiver].results
            )
        ]

    def _find_obstacle(self, name: str) -> Obstacle | None:
        """Return why nobody knows if data of an instance is used; None if that is known, or nothing deletes data."""
        if not (self.results[name].status.is_ok and any(map(_deletes_data, self.deletions[name]))):
            return None
        for instance in (name, *self.plans[name].sharers):
            read = self.reads.get(instance, ())
            if not isinstance(read, tuple):
                return make_obstacle(instance, read, f"its data may be used there: {read}")
        return None

    def _index_sharers(self, name: str) -> DataPathIndex:
        index = DataPathIndex(())
        for sharer in self.plans[name].sharers:
            read = self.reads.get(sharer, ())
            if isinstance(read, tuple):
                index.add_sharer(sharer, read)
        return index

    def fail(self, name: str, error: InternalError) -> InstanceResult:
        """Return the result of one instance without these deletions, which a bug of ours prevents."""
        return replace(self.results[name], status=error.status, error=str(error))
