"""What runs know of the members of groups besides what they read: who is down since when, and what each had.

It is the one place where placement outlives a run. The journal keeps it for the next process.
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
    """Learns from every run. `facts` is the very same object for as long as nothing in it changes.

    `saved_facts` is what the journal has of it.
    """

    def __init__(self, facts: PlacementFacts = NO_PLACEMENT_FACTS) -> None:
        self.facts = self.saved_facts = facts
        self._urls: dict[str, str] = {}
        self._measured_at: dict[str, datetime] = {}
        self._last_snapshots: dict[str, Snapshot] = {}

    def drop_undeclared(self, desired: DesiredState) -> None:
        """Forget who is a member no more, or has another address: that is another instance."""
        members = {name for group in desired.groups.values() for name in group.member_names}
        urls = {name: one.url for name, one in desired.instances.items() if name in members}
        for name in {*self.facts.outages, *self.facts.held_ids}:
            if name not in urls or self._urls.get(name, urls[name]) != urls[name]:
                self._set_member(name, None, None)
                self._last_snapshots.pop(name, None)
        self._urls = urls
        self._replace_pending({key: one for key, one in self.facts.pending.items() if key[0] in desired.groups})

    def start_measurement_if_due(self, name: str, now: datetime) -> bool:
        """Is it time to ask a member for its free space? It costs the server too much to ask in every run of a loop."""
        last = self._measured_at.get(name)
        if last and (now - last).total_seconds() < MEASURE_INTERVAL:
            return False
        self._measured_at[name] = now
        return True

    @property
    def is_dirty(self) -> bool:
        """Is there something that the journal does not have?"""
        return self.facts is not self.saved_facts

    def record_observations(self, observations: Mapping[str, Observation], now: datetime) -> None:
        """What reading the instances gave. Those that were not tried stay as they were."""
        for name, reading in observations.items():
            if name not in self._urls:
                continue
            if isinstance(reading.error, InstanceError):
                self._record_outage(name, str(reading.error), now)
            elif reading.snapshot is not None:
                held = self.facts.held_ids.get(name)
                if held is None or reading.snapshot is not self._last_snapshots.get(name):
                    held = frozenset(_collect_ids(reading.snapshot))
                self._last_snapshots[name] = reading.snapshot
                self._set_member(name, self.facts.outages.get(name), held)
                if reading.free_space is not None:
                    self.facts = replace(
                        self.facts, free_space=_copy_with(self.facts.free_space, name, _round_down(reading.free_space))
                    )
                if reading.health and not reading.health.is_healthy:
                    self._record_outage(name, reading.health.reason, now)
                else:
                    self._set_member(name, None, held)

    def record_results(self, results: Iterable[InstanceResult], now: datetime) -> None:
        """What came of the actions. An add whose outcome nobody knows may have been carried out."""
        for result in results:
            if result.name not in self._urls:
                continue
            lost = not result.status.is_answered
            held = self.facts.held_ids.get(result.name)
            if held is not None:
                added = {key for one in result.results if _can_be_present(one, lost) for key in _get_added_ids(one)}
                gone = {one.action.torrent_id for one in result.results if _is_deleted(one)}
                self._set_member(result.name, self.facts.outages.get(result.name), (held | added) - gone)
            if lost:
                self._record_outage(result.name, result.error or str(result.status), now)

    def set_pending(self, pending: Iterable[PendingTorrent], groups: Collection[str]) -> None:
        """What is pending in these groups, and nothing else in them is."""
        others = {key: one for key, one in self.facts.pending.items() if key[0] not in groups}
        self._replace_pending(others | {(one.group, one.infohash): one for one in pending})

    def _replace_pending(self, pending: Mapping[tuple[str, str], PendingTorrent]) -> None:
        if pending != self.facts.pending:
            self.facts = replace(self.facts, pending=pending)

    def _record_outage(self, name: str, error: str, now: datetime) -> None:
        before = self.facts.outages.get(name)
        reason, _, _how_to_mend_it = error.removeprefix(f"{name}: ").partition(". ")
        self._set_member(name, Outage(before.since if before else now, reason), self.facts.held_ids.get(name))

    def _set_member(self, name: str, down: Outage | None, held: frozenset[str] | None) -> None:
        known = self.facts
        if known.outages.get(name) == down and known.held_ids.get(name) == held:
            return
        self.facts = replace(
            known, outages=_copy_with(known.outages, name, down), held_ids=_copy_with(known.held_ids, name, held)
        )


def _round_down(free_bytes: int) -> int:
    """Down to a hundredth or so: what is known does not change with every byte."""
    step = 1 << max(0, free_bytes.bit_length() - 7)
    return free_bytes - free_bytes % step


def _copy_with(mapping: Mapping[str, T], name: str, value: T | None) -> Mapping[str, T]:
    rest = {key: one for key, one in mapping.items() if key != name}
    return rest if value is None else {**rest, name: value}


def _collect_ids(snapshot: Snapshot) -> Iterable[str]:
    for torrent in snapshot.torrents:
        yield torrent.id
        yield from torrent.infohashes.ids


def _can_be_present(result: ActionResult, lost: bool) -> bool:
    return isinstance(result.action, AddTorrent) and (
        result.outcome is Outcome.APPLIED or (lost and result.outcome is Outcome.FAILED)
    )


def _get_added_ids(result: ActionResult) -> tuple[str, ...]:
    action = result.action
    return action.source.infohashes.ids if isinstance(action, AddTorrent) and action.source else ()


def _is_deleted(result: ActionResult) -> bool:
    return isinstance(result.action, DeleteTorrent) and result.outcome is Outcome.APPLIED
