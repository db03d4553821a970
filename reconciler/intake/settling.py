"""Ends what a service has taken back: once its torrent is gone, nobody needs its entry any more."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from reconciler.engine.events import FinishedRun
from reconciler.intake.store import IntakeStore
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.intake import IntakeError, make_url_id
from reconciler.model.live_state import LiveState
from reconciler.model.plan import DeleteTorrent
from reconciler.model.run import Run
from reconciler.model.tags import build_owner_tag


def find_settled(desired: DesiredState, live_state: LiveState, run: Run) -> list[str]:
    """Return the infohashes of the entries whose deletion is done: on no instance is there a torrent of ours.

    `live_state` is what `run` on this desired state has read before it changed anything; what it has deleted since, it
    has seen gone. An instance that was not read may have it.
    """
    absent = _list_absent(desired)
    if not absent:
        return []
    our_tag, deleted_ids = build_owner_tag(desired.owner), _find_deleted_ids(run)
    held_ids = {
        instance.name: {
            torrent_id
            for torrent in instance.snapshot.torrents
            if our_tag in torrent.tags and (instance.name, torrent.id) not in deleted_ids
            for torrent_id in (torrent.id, *torrent.infohashes.ids)
        }
        for instance in live_state.instances
        if instance.snapshot is not None
    }
    return [
        entry.infohash
        for entry in absent
        if all(name in held_ids and held_ids[name].isdisjoint(entry.ids) for name in desired.instances_of(entry))
    ]


def find_withdrawn(desired: DesiredState) -> list[str]:
    """Return the ids of the URLs that were taken back before anybody knew their torrents: no run can have added them.

    A run that began before it was taken back would have read the file, and known it.
    """
    return [make_url_id(entry.unknown_source.location) for entry in desired.withdrawn_entries if entry.unknown_source]


def find_unread(desired: DesiredState, live_state: LiveState) -> tuple[str, ...]:
    """Return the instances that may have a torrent whose deletion is not done, and that the run has not read."""
    read = {instance.name for instance in live_state.instances if instance.snapshot is not None}
    possible = {name for entry in _list_absent(desired) for name in desired.instances_of(entry)}
    return tuple(sorted(possible - read))


def _list_absent(desired: DesiredState) -> list[DesiredTorrent]:
    return [entry for entry in desired.withdrawn_entries if entry.ids]


def _find_deleted_ids(run: Run) -> set[tuple[str, str | None]]:
    return {
        (instance.name, result.action.torrent_id)
        for instance in run.instances
        for result in instance.results
        if isinstance(result.action, DeleteTorrent) and result.has_effect
    }


class IntakeSettler:
    """A `RunListener` that drops the entries which runs have dealt with.

    Of several watches on one file, each limited to some instances, one that reads all that may have a torrent drops its
    entry. A run reads a group as a whole, so there is one.
    """

    def __init__(self, store: IntakeStore) -> None:
        self._store = store
        self._desired: DesiredState | None = None
        self._unread: tuple[str, ...] = ()

    def on_run_start(self, desired: DesiredState) -> None:
        """Note what the run is about: an entry that is taken back meanwhile may be added by it."""
        self._desired = desired

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Drop the entries whose torrents are gone."""
        if self._desired is None or finished_run.live_state is None:
            return
        settled = find_settled(self._desired, finished_run.live_state, finished_run.run)
        unfetched = self._store.unfetched
        self._drop([*settled, *(key for key in find_withdrawn(self._desired) if key in unfetched)])
        unread = find_unread(self._desired, finished_run.live_state)
        if unread and unread != self._unread:
            structlog.get_logger().info(
                "torrents that services took back stay in the intake until these instances are read", instances=unread
            )
        self._unread = unread

    def _drop(self, infohashes: Sequence[str]) -> None:
        if not infohashes:
            return
        try:
            self._store.drop(infohashes, only_absent=True)
        except IntakeError as error:
            structlog.get_logger().warning("entries of the intake could not be dropped", reason=str(error))
