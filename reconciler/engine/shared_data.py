"""Deletions with data on instances whose files others see too: made after the others were read again.

See docs/decisions/0079-data-that-another-instance-may-use-is-kept.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.apply.executor import Executor
from reconciler.engine.concurrency import contain_errors, map_instances
from reconciler.engine.observation import Observations
from reconciler.engine.surplus import split_surplus_deletions
from reconciler.model.data_overlap import DataPathIndex, find_data_paths
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.plan import Action, DeleteCategory, DeleteTorrent, InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.blast import name_torrents
from reconciler.retry import RetryPolicy

_SharerRead = tuple[LiveTorrent, ...] | InstanceError | StopRequested


def split_shared_deletions(plan: InstancePlan) -> tuple[InstancePlan, tuple[Action, ...]]:
    """Split a plan: everything else, and the deletions of data that others see, with the category deletions."""
    deletions = tuple(action for action in plan.actions if plan.sharers and _deletes_data(action))
    if deletions:
        deletions += tuple(
            action for action in plan.actions if action.hold is None and isinstance(action, DeleteCategory)
        )
    late = set(map(id, deletions))
    return replace(plan, actions=tuple(action for action in plan.actions if id(action) not in late)), deletions


def delete_shared_data(
    plans: Mapping[str, InstancePlan],
    results: Mapping[str, InstanceResult],
    observations: Observations,
    retry: RetryPolicy,
) -> dict[str, InstanceResult]:
    """Execute these deletions of all plans, and return the results with them."""
    deletions = {
        name: late
        for name, plan in plans.items()
        if not (plan.suspended or plan.verdict.refused) and (late := _list_shared_deletions(plan))
    }
    sharers = {sharer for name in deletions for sharer in plans[name].sharers if sharer in observations}
    reader = _SharerReader(observations, retry)
    reads = map_instances(sharers, contain_errors(reader.read, reader.fail))
    deleter = _Deleter(plans, deletions, reads, results, observations, retry)
    return {**results, **map_instances(deletions, contain_errors(deleter.delete, deleter.fail), "deleting data from")}


def _list_shared_deletions(plan: InstancePlan) -> tuple[Action, ...]:
    others, _ = split_surplus_deletions(plan)
    return split_shared_deletions(others)[1]


def _deletes_data(action: Action) -> bool:
    return isinstance(action, DeleteTorrent) and action.delete_files and action.hold is None


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
    """Deletes what no other instance uses, and defers or drops the other deletions."""

    plans: Mapping[str, InstancePlan]
    deletions: Mapping[str, tuple[Action, ...]]
    reads: Mapping[str, _SharerRead]
    results: Mapping[str, InstanceResult]
    observations: Observations
    retry: RetryPolicy

    def delete(self, name: str) -> InstanceResult:
        """Return the result of one instance with its deletions of data."""
        plan, result, deletions = self.plans[name], self.results[name], self.deletions[name]
        if not result.status.is_ok:
            return result
        withheld = {id(held.action): held for held in self._iter_withheld(name)}
        executor = Executor(self.observations[name].target, self.retry)
        free = tuple(action for action in deletions if id(action) not in withheld)
        deleted, error = executor.execute(replace(plan, actions=free)) if free else ((), None)
        results_by_action = {id(entry.action): entry for entry in (*result.results, *deleted)} | withheld
        results = tuple(results_by_action[id(action)] for action in plan.actions if id(action) in results_by_action)
        if error:
            result = replace(result, status=error.status, error=str(error))
        return replace(result, results=results)

    def _iter_withheld(self, name: str) -> Iterator[ActionResult]:
        """Yield the deletions that are not made now, each with its reason."""
        snapshot = self.observations[name].snapshot
        by_id = {torrent.id: torrent for torrent in snapshot.torrents} if snapshot else {}
        index, unread = self._index_sharers(name)
        for action in filter(_deletes_data, self.deletions[name]):
            live = by_id.get(action.torrent_id or "")
            others = index.find_at(find_data_paths(live)) if live else ()
            if unread:
                yield ActionResult(action, Outcome.DEFERRED, f"its data may be used there: {unread}")
            elif others:
                reason = f"{name_torrents(others)} may have files in its data since it was planned"
                yield ActionResult(action, Outcome.DROPPED, reason)

    def _index_sharers(self, name: str) -> tuple[DataPathIndex, InstanceError | StopRequested | None]:
        index, unread = DataPathIndex(()), None
        for sharer in self.plans[name].sharers:
            read = self.reads.get(sharer, ())
            if not isinstance(read, tuple):
                unread = read
                continue
            index.add_sharer(sharer, read)
        return index, unread

    def fail(self, name: str, error: InternalError) -> InstanceResult:
        """Return the result of one instance without these deletions, which a bug of ours prevents."""
        return replace(self.results[name], status=error.status, error=str(error))
