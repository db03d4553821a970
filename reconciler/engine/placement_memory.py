"""What runs know of the members of groups besides what they read: who is down since when, and what each had.

It is the one place where placement outlives a run. The journal keeps it for the next process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from reconciler.engine.reading import Reading
from reconciler.model.desired import Desired
from reconciler.model.errors import InstanceError
from reconciler.model.groups import NOTHING, Down, Known, Pending
from reconciler.model.plan import Kind, Outcome, Verb
from reconciler.model.run import ANSWERED, ActionResult, InstanceResult
from reconciler.model.snapshot import Snapshot

T = TypeVar("T")

MEASURE_EVERY: Final = 300.0  # seconds


class Roster:
    """Learns from every run. `known` is the very same object for as long as nothing in it changes.

    `kept` is what the journal has of it.
    """

    def __init__(self, known: Known = NOTHING) -> None:
        self.known = self.kept = known
        self._urls: dict[str, str] = {}
        self._measured: dict[str, datetime] = {}
        self._read: dict[str, Snapshot] = {}

    def keep(self, desired: Desired) -> None:
        """Forget who is a member no more, or has another address: that is another instance."""
        members = {name for group in desired.groups.values() for name in group.names}
        urls = {name: one.url for name, one in desired.instances.items() if name in members}
        for name in {*self.known.down, *self.known.held}:
            if name not in urls or self._urls.get(name, urls[name]) != urls[name]:
                self._set(name, None, None)
                self._read.pop(name, None)
        self._urls = urls
        self._wants({key: one for key, one in self.known.pending.items() if key[0] in desired.groups})

    def measure(self, name: str, now: datetime) -> bool:
        """Is it time to ask a member for its free space? It costs the server too much to ask in every run of a loop."""
        last = self._measured.get(name)
        if last and (now - last).total_seconds() < MEASURE_EVERY:
            return False
        self._measured[name] = now
        return True

    @property
    def news(self) -> bool:
        """Is there something that the journal does not have?"""
        return self.known is not self.kept

    def saw(self, readings: Mapping[str, Reading], now: datetime) -> None:
        """What reading the instances gave. Those that were not tried stay as they were."""
        for name, reading in readings.items():
            if name not in self._urls:
                continue
            if isinstance(reading.error, InstanceError):
                self._lost(name, str(reading.error), now)
            elif reading.snapshot is not None:
                held = self.known.held.get(name)
                if held is None or reading.snapshot is not self._read.get(name):
                    held = frozenset(_ids(reading.snapshot))
                self._read[name] = reading.snapshot
                self._set(name, self.known.down.get(name), held)
                if reading.free is not None:
                    self.known = replace(self.known, free=_with(self.known.free, name, _rounded(reading.free)))
                if reading.health and not reading.health.healthy:
                    self._lost(name, reading.health.why, now)
                else:
                    self._set(name, None, held)

    def did(self, results: Iterable[InstanceResult], now: datetime) -> None:
        """What came of the actions. An add whose outcome nobody knows may have been carried out."""
        for result in results:
            if result.name not in self._urls:
                continue
            lost = result.status not in ANSWERED
            held = self.known.held.get(result.name)
            if held is not None:
                added = {key for one in result.results if _may_be_there(one, lost) for key in _added(one)}
                gone = {one.action.torrent_id for one in result.results if _is_gone(one)}
                self._set(result.name, self.known.down.get(result.name), (held | added) - gone)
            if lost:
                self._lost(result.name, result.error or str(result.status), now)

    def wants(self, pending: Iterable[Pending], groups: Collection[str]) -> None:
        """What is pending in these groups, and nothing else in them is."""
        others = {key: one for key, one in self.known.pending.items() if key[0] not in groups}
        self._wants(others | {(one.group, one.infohash): one for one in pending})

    def _wants(self, pending: Mapping[tuple[str, str], Pending]) -> None:
        if pending != self.known.pending:
            self.known = replace(self.known, pending=pending)

    def _lost(self, name: str, error: str, now: datetime) -> None:
        before = self.known.down.get(name)
        reason, _, _how_to_mend_it = error.removeprefix(f"{name}: ").partition(". ")
        self._set(name, Down(before.since if before else now, reason), self.known.held.get(name))

    def _set(self, name: str, down: Down | None, held: frozenset[str] | None) -> None:
        known = self.known
        if known.down.get(name) == down and known.held.get(name) == held:
            return
        self.known = replace(known, down=_with(known.down, name, down), held=_with(known.held, name, held))


def _rounded(free: int) -> int:
    """Down to a hundredth or so: what is known does not change with every byte."""
    step = 1 << max(0, free.bit_length() - 7)
    return free - free % step


def _with(before: Mapping[str, T], name: str, value: T | None) -> Mapping[str, T]:
    rest = {key: one for key, one in before.items() if key != name}
    return rest if value is None else {**rest, name: value}


def _ids(snapshot: Snapshot) -> Iterable[str]:
    for torrent in snapshot.torrents:
        yield torrent.id
        yield from torrent.infohashes.ids


def _may_be_there(result: ActionResult, lost: bool) -> bool:
    adds = result.action.kind is Kind.TORRENT and result.action.verb is Verb.ADD
    return adds and (result.outcome is Outcome.APPLIED or (lost and result.outcome is Outcome.FAILED))


def _added(result: ActionResult) -> tuple[str, ...]:
    return result.action.adds.infohashes.ids if result.action.adds else ()


def _is_gone(result: ActionResult) -> bool:
    return result.action.verb is Verb.DELETE and result.outcome is Outcome.APPLIED
