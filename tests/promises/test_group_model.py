"""Groups keep their promises through any failure of their members, on in-memory qBittorrents.

Members go down at any moment, also during a run, and come back as they were, emptied, or with other copies complete;
their VPNs fail while they answer; what we remember goes through the journal from process to process, or is lost. They
are drained and taken back, and two of them may see the same files. After each run every torrent is on a member that is
well, or pending, with a reason.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.journal.database import MIGRATIONS
from reconciler.journal.placement_rows import read_placement_facts, write_placement_facts
from reconciler.model.desired import Instance
from reconciler.model.errors import UnreachableError
from reconciler.model.health import InterfaceCheck, NetworkState, Probe, UnhealthyPolicy
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult, Run
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.placement.copies import is_complete
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.group_cases import GROUPS, HALF, WHOLE
from tests.support.planner_inputs import make_desired_state, make_v1_hash
from tests.support.search_effort import take_examples

MEMBERS = ("a", "b", "c")
TORRENTS = ("u", "v", "w", "x")


@cache
def make_empty_journal() -> bytes:
    """The tables of an empty journal."""
    file = sqlite3.connect(":memory:")
    for step in MIGRATIONS:
        file.executescript(step)
    return file.serialize()


def new_journal() -> sqlite3.Connection:
    """An empty journal."""
    file = sqlite3.connect(":memory:")
    file.deserialize(make_empty_journal())
    return file


class Box(MemoryInstance):
    """An instance that can be down, or go down in the middle of a run. It never deletes data."""

    def __init__(self) -> None:
        super().__init__()
        self.up = True
        self.vpn(up=True)

    def vpn(self, *, up: bool) -> None:
        """Return True if the interface of the VPN is up."""
        self.network_state = NetworkState("tun0", "tun0", ("lo", "tun0") if up else ("lo",), "connected", None)
        self.well = up

    def open(self) -> None:
        if not self.up:
            raise UnreachableError("no connection")

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        assert not delete_files
        super().delete_torrents(ids, delete_files)

    @property
    def whole(self) -> set[str]:
        """Return the torrents that are complete on this instance."""
        return {key for key, torrent in self.torrents.items() if is_complete(torrent)}


class Groups(RuleBasedStateMachine):
    """One group of three and four torrents."""

    @initialize(
        group=st.sampled_from(GROUPS),
        patience=st.sampled_from([0.0, 60.0, 120.0]),
        room=st.sampled_from([None, None, 2, 4]),
        most=st.sampled_from([1, 10, 10]),
        when_unhealthy=st.sampled_from(UnhealthyPolicy),
        has_seeds=st.booleans(),
        shares=st.booleans(),
    )
    def begin(
        self,
        group: dict[str, Any],
        patience: float,
        room: int | None,
        most: int,
        when_unhealthy: UnhealthyPolicy,
        has_seeds: bool,
        shares: bool,
    ) -> None:
        self.has_seeds = has_seeds
        first: Any = {"name": "a", "max_torrents": room}
        spec = {**group, "members": [first, "b", "c"], "failover_after": patience}
        entries = [{"hash": name, "instance": "g"} for name in TORRENTS]
        case = {"groups": {"g": spec}, "instances": MEMBERS, "desired": entries, "delete_files": True, "quarantine": 7}
        data = {"a": "nas", "b": "nas"} if shares else {}
        desired = make_desired_state({**case, "guard": {"max_delete": most}, "data": data})
        probed = {
            name: replace(instance, health=(Probe(InterfaceCheck("tun0")),), when_unhealthy=when_unhealthy)
            for name, instance in desired.instances.items()
        }
        self.desired = replace(desired, instances=probed)
        self.boxes = {name: Box() for name in MEMBERS}
        self.roster = PlacementMemory()
        self.journal = new_journal()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.one = group["strategy"] != "replicate"
        self.moves = "when_complete" in group.values()
        self.roomy = room is None

    @rule(name=st.sampled_from(MEMBERS))
    def goes_down(self, name: str) -> None:
        self.boxes[name].up = False

    @rule(name=st.sampled_from(MEMBERS), empty=st.booleans())
    def comes_back(self, name: str, empty: bool) -> None:
        if empty and not self.boxes[name].up:
            self.boxes[name].torrents.clear()
        self.boxes[name].up = True

    @rule(
        name=st.sampled_from(MEMBERS),
        torrents=st.sampled_from([TORRENTS, *TORRENTS]),
        to=st.sampled_from([WHOLE, HALF, WHOLE]),
    )
    def gets_on(self, name: str, torrents: Collection[str], to: dict[str, Any]) -> None:
        box = self.boxes[name]
        for key in {make_v1_hash(torrent) for torrent in torrents} & box.torrents.keys():
            box.torrents[key] = replace(box.torrents[key], **to)

    @rule(name=st.sampled_from(MEMBERS), drain=st.booleans())
    def drains(self, name: str, drain: bool) -> None:
        group = self.desired.groups["g"]
        members = tuple(replace(member, drain=drain) if member.name == name else member for member in group.members)
        self.desired = replace(self.desired, groups={"g": replace(group, members=members)})

    @property
    def drained(self) -> set[str]:
        return set(self.desired.groups["g"].drained_members)

    @rule(seconds=st.sampled_from([1, 30, 61, 130]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(name=st.sampled_from(MEMBERS), up=st.booleans())
    def vpn_changes(self, name: str, up: bool) -> None:
        self.boxes[name].vpn(up=up)

    @rule(lost=st.booleans())
    def another_process_goes_on(self, lost: bool) -> None:
        if lost:
            self.journal = new_journal()
        self.roster = PlacementMemory(read_placement_facts(self.journal, self.desired))

    @rule(times=st.integers(1, 2))
    def runs(self, times: int) -> None:
        for _ in range(times):
            self.checked_run()

    @rule(name=st.sampled_from(MEMBERS), skip=st.integers(0, 8), done=st.booleans())
    def runs_and_one_dies_meanwhile(self, name: str, skip: int, done: bool) -> None:
        box = self.boxes[name]
        box.fail_next(50, UnreachableError("no connection"), skip=skip, lose_reply=done)
        self.checked_run(trouble=True)
        box.fail_next(0, UnreachableError(""))
        box.up = False

    def checked_run(self, *, trouble: bool = False) -> Run:
        whole = set().union(*(box.whole for box in self.boxes.values()))
        held = {key for box in self.boxes.values() for key in box.torrents}
        before = {name: dict(box.torrents) for name, box in self.boxes.items()}
        context = fake_context(self.connect, utc=lambda: self.now, max_attempts=1)
        run = run_once(self.desired, RunOptions(), replace(context, placement_memory=self.roster))
        assert whole <= set().union(*(box.whole for box in self.boxes.values())), "the last complete copy was deleted"
        assert held <= {key for box in self.boxes.values() for key in box.torrents}, "there was a moment with no holder"
        for name in self.drained:
            assert self.boxes[name].torrents.keys() <= before[name].keys(), "a drained member has taken something"
        for name in set() if trouble else MEMBERS:
            self.assert_nothing_writes_twice(name, before)
        self.journal_keeps_it()
        pending = {torrent.infohash for torrent in run.pending}
        held_now = {key for box in self.boxes.values() if box.up and box.well for key in box.torrents}
        failed = {r.action.infohash for instance in run.instances for r in instance.results if r.error}
        assert set(map(make_v1_hash, TORRENTS)) <= pending | held_now | failed, "neither a holder nor pending"
        assert all(torrent.reason for torrent in run.pending)
        if not trouble:
            assert not failed
        return run

    def assert_nothing_writes_twice(self, name: str, before: Mapping[str, Mapping[str, LiveTorrent]]) -> None:
        """Assert that nothing was added where another member with the same files has it incomplete."""
        for sharer in self.desired.sharers_of(name):
            box = self.boxes[sharer]
            for key in self.boxes[name].torrents.keys() - before[name].keys() if box.up and box.well else ():
                assert key not in box.torrents or is_complete(box.torrents[key]), "two write into the same files"

    def journal_keeps_it(self) -> None:
        self.roster.drop_undeclared(self.desired)
        write_placement_facts(self.journal, self.desired, self.roster.saved_facts, self.roster.facts)
        self.roster.saved_facts = self.roster.facts
        assert read_placement_facts(self.journal, self.desired) == self.roster.facts

    def connect(self, instance: Instance, stop: threading.Event) -> Box:
        return self.boxes[instance.name]

    def teardown(self) -> None:
        """Start all members, and complete all downloads if there are seeds: the group converges, with nothing lost.

        Nothing is doubled either, but for a move to a member that never has as much.
        """
        if not hasattr(self, "boxes"):
            return
        for box in self.boxes.values():
            box.up = True
            box.vpn(up=True)
        for _ in range(40):
            if self.has_seeds:
                for box in self.boxes.values():
                    box.torrents = {key: replace(torrent, **WHOLE) for key, torrent in box.torrents.items()}
            self.now += timedelta(seconds=200)
            if not list_done(self.checked_run()):
                break
        before = {name: dict(box.torrents) for name, box in self.boxes.items()}
        self.now += timedelta(seconds=1000)
        run = self.checked_run()
        assert list_done(run) == [], "it does not come to rest"
        assert before == {name: box.torrents for name, box in self.boxes.items()}
        for torrent in TORRENTS:
            self.assert_placed({name for name, box in self.boxes.items() if make_v1_hash(torrent) in box.torrents})

    def assert_placed(self, holders: set[str]) -> None:
        """Assert that a torrent is where it is to be in the end. Without seeds, what is drained or moves never ends."""
        staying = set(MEMBERS) - self.drained
        if self.one:
            is_endless = (self.moves or self.drained) and not self.has_seeds
            can_have_none = staying <= (set() if self.roomy else {"a"})
            assert len(holders) == 1 or is_endless or (can_have_none and not holders)
        if self.has_seeds and self.roomy and staying:
            assert holders <= staying, "a drained member is not empty"
            assert self.one or holders == staying


def list_done(run: Run) -> list[ActionResult]:
    """Return all results but those of what waits."""
    results = (result for instance in run.instances for result in instance.results)
    return [result for result in results if result.outcome is not Outcome.DEFERRED]


TestGroups = Groups.TestCase
TestGroups.settings = take_examples(30, steps=25)
