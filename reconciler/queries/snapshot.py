"""The live state of all instances, read for a plan that is made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.engine.concurrency import map_instances
from reconciler.engine.context import RunContext
from reconciler.engine.observation import Observations
from reconciler.engine.observe import observe_instances
from reconciler.engine.recall import collect_live_state
from reconciler.engine.run import plan_run
from reconciler.engine.selection import RunOptions, select_scope
from reconciler.engine.surplus import has_trash
from reconciler.journal import Journal
from reconciler.journal.stop_intents import recall_stop_intents
from reconciler.model.desired import DesiredState
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.snapshot import Snapshot
from reconciler.retry import RetryPolicy


def take_snapshot(
    desired: DesiredState, instances: Sequence[str], context: RunContext, journal: Journal | None = None
) -> LiveState:
    """Read the instances, and whatever else a plan depends on. Raises `UnknownInstance`.

    An instance that cannot be read is in the result with its error. Nothing is changed, also not in the journal.
    """
    scope = select_scope(desired, RunOptions(dry_run=True, instances=tuple(instances)))
    with observe_instances(scope, context) as observations:
        planned = plan_run(scope, observations, context)  # which reads what content has become
        live_state = collect_live_state(desired, planned.observations, context)
        reader = _FactReader(planned.observations, context.retry)
        names = [live.name for live in live_state.instances if live.snapshot]
        read = map_instances(names, lambda name: reader.add_facts(live_state.get_instance(name)))
    plan_input = recall_stop_intents(planned.plan_input, journal) if journal else planned.plan_input
    return replace(
        live_state,
        instances=tuple(
            replace(read[live.name], snapshot=_keep_libtorrent(plan_input.snapshots[live.name], read[live.name]))
            if live.name in read
            else live
            for live in live_state.instances
        ),
    )


def _keep_libtorrent(snapshot: Snapshot, live: LiveInstance) -> Snapshot:
    return replace(snapshot, libtorrent=live.snapshot.libtorrent) if live.snapshot else snapshot


@dataclass(frozen=True, slots=True)
class _FactReader:
    """Reads facts that a run reads only where it needs them, three requests for each instance."""

    observations: Observations
    retry: RetryPolicy

    def add_facts(self, live: LiveInstance) -> LiveInstance:
        """Return the instance with what could be read: libtorrent, the other seeds of each torrent, and the trash."""
        target = self.observations[live.name].target
        ids = [torrent.id for torrent in live.snapshot.torrents] if live.snapshot else []
        try:
            seeds = self.retry.call_with_retry(lambda: target.count_other_seeds(ids)) if ids else {}
        except (InstanceError, StopRequested):
            seeds = {}
        return replace(
            live, snapshot=self._add_libtorrent(live), other_seeds=seeds, to_trash=has_trash(target, self.retry)
        )

    def _add_libtorrent(self, live: LiveInstance) -> Snapshot | None:
        """Return the snapshot with the version of libtorrent: other desired states may depend on it."""
        try:
            version = self.retry.call_with_retry(self.observations[live.name].target.read_libtorrent_version)
        except (InstanceError, StopRequested):
            return live.snapshot
        return live.snapshot and replace(live.snapshot, libtorrent=version)
