"""The facts about group members that outlive a run: their outages, and the torrents that each had.

The journal keeps them for the next process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from reconciler.engine.observation import Observation
from reconciler.model.desired import DesiredState
from reconciler.model.errors import InstanceError
from reconciler.model.groups import NO_PLACEMENT_FACTS, Outage, PendingTorrent, PlacementFacts
from reconciler.model.plan import AddTorrent, DeleteTorrent, Outcome
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.model.snapshot import Snapshot

T = TypeVar("T")

MEASURE_INTERVAL: Final = 300.0  # seconds


class PlacementMemory:
    """Collects facts from every run. `facts` is the same object until something in it changes.

    `saved_facts`: the facts as the journal has them.
    """

    def __init__(self, facts: PlacementFacts = NO_PLACEMENT_FACTS) -> None:
        self.facts = self.saved_facts = facts
        self._urls: dict[str, str] = {}
        self._sharing: frozenset[str] = frozenset()
        self._measured_at: dict[str, datetime] = {}
        self._last_snapshots: dict[str, Snapshot] = {}

    def correct_future_times(self, now: datetime) -> None:
        """Let what began in the future begin now: the clock was ahead once, and nothing would end before that time."""
        for name, outage in self.facts.outages.items():
            if outage.since > now:
                self._set_member(name, replace(outage, since=now), self.facts.held_ids.get(name))
        self._replace_pending(
            {
                key: replace(torrent, since=now) if torrent.since and torrent.since > now else torrent
                for key, torrent in self.facts.pending.items()
            }
        )

    def drop_undeclared(self, desired: DesiredState) -> None:
        """Forget instances that are no longer members, or have another URL: that is another instance."""
        members = {name for group in desired.groups.values() for name in group.member_names}
        urls = {name: instance.url for name, instance in desired.instances.items() if name in members}
        self._sharing = frozenset(name for name in urls if desired.sharers_of(name))
        for name in {*self.facts.outages, *self.facts.held_ids}:
            if name not in urls or self._urls.get(name, urls[name]) != urls[name]:
                self._set_member(name, None, None)
                self._last_snapshots.pop(name, None)
                self._set_paths(name, None)
        for name in self.facts.held_paths.keys() - self._sharing:
            self._set_paths(name, None)
        self._urls = urls
        self._replace_pending({key: entry for key, entry in self.facts.pending.items() if key[0] in desired.groups})

    def start_measurement_if_due(self, name: str, now: datetime) -> bool:
        """Return True if it is time to read the free space of a member, which is too costly for every run."""
        last = self._measured_at.get(name)
        if last and 0 <= (now - last).total_seconds() < MEASURE_INTERVAL:
            return False
        self._measured_at[name] = now
        return True

    @property
    def is_dirty(self) -> bool:
        """True if the journal does not have the current facts."""
        return self.facts is not self.saved_facts

    def record_observations(self, observations: Mapping[str, Observation], now: datetime) -> None:
        """Update the members that were read, or could not be read."""
        for name, observation in observations.items():
            if name not in self._urls:
                continue
            if isinstance(observation.error, InstanceError):
                self._record_outage(name, str(observation.error), now)
            elif observation.snapshot is not None:
                held = self.facts.held_ids.get(name)
                if held is None or observation.snapshot is not self._last_snapshots.get(name):
                    held = frozenset(_collect_ids(observation.snapshot))
                    self._set_paths(name, _collect_paths(observation.snapshot) if name in self._sharing else None)
                self._last_snapshots[name] = observation.snapshot
                self._set_member(name, self.facts.outages.get(name), held)
                if observation.free_space is not None:
                    self.facts = replace(
                        self.facts,
                        free_space=_copy_with(self.facts.free_space, name, _round_down(observation.free_space)),
                    )
                if observation.health and not observation.health.is_healthy:
                    self._record_outage(name, observation.health.reason, now)
                else:
                    self._set_member(name, None, held)

    def record_results(self, results: Iterable[InstanceResult], now: datetime) -> None:
        """Update the members by what their actions changed. An add with an unknown outcome counts as done."""
        for result in results:
            if result.name not in self._urls:
                continue
            lost = not result.status.is_answered
            held = self.facts.held_ids.get(result.name)
            if held is not None:
                added = {
                    torrent_id
                    for action_result in result.results
                    if _can_be_present(action_result, lost)
                    for torrent_id in _get_added_ids(action_result)
                }
                deleted = {entry.action.torrent_id for entry in result.results if _is_deleted(entry)}
                self._set_member(result.name, self.facts.outages.get(result.name), (held | added) - deleted)
            if lost:
                self._record_outage(result.name, result.error or str(result.status), now)

    def set_pending(self, pending: Iterable[PendingTorrent], groups: Collection[str]) -> None:
        """Replace the pending torrents of these groups."""
        others = {key: torrent for key, torrent in self.facts.pending.items() if key[0] not in groups}
        self._replace_pending(others | {(torrent.group, torrent.infohash): torrent for torrent in pending})

    def _replace_pending(self, pending: Mapping[tuple[str, str], PendingTorrent]) -> None:
        if pending != self.facts.pending:
            self.facts = replace(self.facts, pending=pending)

    def _record_outage(self, name: str, error: str, now: datetime) -> None:
        previous = self.facts.outages.get(name)
        reason, _, _hint = error.removeprefix(f"{name}: ").partition(". ")
        self._set_member(name, Outage(previous.since if previous else now, reason), self.facts.held_ids.get(name))

    def _set_paths(self, name: str, paths: Mapping[str, str] | None) -> None:
        if self.facts.held_paths.get(name) != paths:
            self.facts = replace(self.facts, held_paths=_copy_with(self.facts.held_paths, name, paths))

    def _set_member(self, name: str, outage: Outage | None, held: frozenset[str] | None) -> None:
        facts = self.facts
        if facts.outages.get(name) == outage and facts.held_ids.get(name) == held:
            return
        self.facts = replace(
            facts, outages=_copy_with(facts.outages, name, outage), held_ids=_copy_with(facts.held_ids, name, held)
        )


def _round_down(free_bytes: int) -> int:
    """Round down to about 1 %, so that the facts do not change with every byte."""
    step = 1 << max(0, free_bytes.bit_length() - 7)
    return free_bytes - free_bytes % step


def _copy_with(mapping: Mapping[str, T], name: str, value: T | None) -> Mapping[str, T]:
    others = {key: item for key, item in mapping.items() if key != name}
    return others if value is None else {**others, name: value}


def _collect_ids(snapshot: Snapshot) -> Iterable[str]:
    for torrent in snapshot.torrents:
        yield torrent.id
        yield from torrent.infohashes.ids


def _collect_paths(snapshot: Snapshot) -> dict[str, str]:
    """Return where each torrent has its data, by all its ids."""
    return {
        key: torrent.save_path
        for torrent in snapshot.torrents
        if torrent.save_path
        for key in (torrent.id, *torrent.infohashes.ids)
    }


def _can_be_present(result: ActionResult, lost: bool) -> bool:
    return isinstance(result.action, AddTorrent) and (
        result.outcome is Outcome.APPLIED or (lost and result.outcome is Outcome.FAILED)
    )


def _get_added_ids(result: ActionResult) -> tuple[str, ...]:
    action = result.action
    return action.source.infohashes.ids if isinstance(action, AddTorrent) and action.source else ()


def _is_deleted(result: ActionResult) -> bool:
    return isinstance(result.action, DeleteTorrent) and result.has_effect
