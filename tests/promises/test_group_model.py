"""Groups keep their promises through any failure of their members, on in-memory qBittorrents.

Members go down at any moment, also during a run, and come back as they were, emptied, or with other copies complete;
their VPNs fail while they answer; what we remember goes through the journal from process to process, or is lost. After
each run every torrent is on a member that is well, or pending, with a reason.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from reconciler.engine import RunOptions, run_once
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.journal.database import MIGRATIONS
from reconciler.journal.placement_rows import read_placement_facts, write_placement_facts
from reconciler.model.desired import Instance
from reconciler.model.errors import UnreachableError
from reconciler.model.health import InterfaceCheck, NetworkState, Probe, UnhealthyPolicy
from reconciler.model.run import Run
from reconciler.plan.placement.copies import is_complete
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import make_desired_state, make_v1_hash

MEMBERS = ("a", "b", "c")
TORRENTS = ("u", "v", "w", "x")
WHOLE: dict[str, Any] = {"state": "stalledUP", "progress": 1.0, "size": 100}
HALF: dict[str, Any] = {"state": "downloading", "progress": 0.5, "size": 100}

GROUPS: list[dict[str, Any]] = [
    *({"strategy": "failover", "failback": way} for way in ("never", "when_complete", "immediate")),
    *({"strategy": "spread", "rebalance": way} for way in ("never", "when_complete")),
    {"strategy": "replicate"},
]


def new_journal() -> sqlite3.Connection:
    """The tables of an empty journal."""
    file = sqlite3.connect(":memory:")
    for step in MIGRATIONS:
        file.executescript(step)
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
    )
    def begin(
        self,
        group: dict[str, Any],
        patience: float,
        room: int | None,
        most: int,
        when_unhealthy: UnhealthyPolicy,
        has_seeds: bool,
    ) -> None:
        self.has_seeds = has_seeds
        first: Any = {"name": "a", "max_torrents": room}
        spec = {**group, "members": [first, "b", "c"], "failover_after": patience}
        entries = [{"hash": name, "instance": "g"} for name in TORRENTS]
        case = {"groups": {"g": spec}, "instances": MEMBERS, "desired": entries, "delete_files": True, "quarantine": 7}
        desired = make_desired_state({**case, "guard": {"max_delete": most}})
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
        context = fake_context(self.connect, utc=lambda: self.now, max_attempts=1)
        run = run_once(self.desired, RunOptions(), replace(context, placement_memory=self.roster))
        assert whole <= set().union(*(box.whole for box in self.boxes.values())), "the last complete copy was deleted"
        assert held <= {key for box in self.boxes.values() for key in box.torrents}, "there was a moment with no holder"
        self.journal_keeps_it()
        pending = {torrent.infohash for torrent in run.pending}
        held_now = {key for box in self.boxes.values() if box.up and box.well for key in box.torrents}
        failed = {r.action.infohash for instance in run.instances for r in instance.results if r.error}
        assert set(map(make_v1_hash, TORRENTS)) <= pending | held_now | failed, "neither a holder nor pending"
        assert all(torrent.reason for torrent in run.pending)
        if not trouble:
            assert not failed
        return run

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
        for _ in range(20):
            if self.has_seeds:
                for box in self.boxes.values():
                    box.torrents = {key: replace(torrent, **WHOLE) for key, torrent in box.torrents.items()}
            self.now += timedelta(seconds=200)
            if not any(instance.results for instance in self.checked_run().instances):
                break
        before = {name: dict(box.torrents) for name, box in self.boxes.items()}
        self.now += timedelta(seconds=1000)
        run = self.checked_run()
        assert [result for instance in run.instances for result in instance.results] == [], "it does not come to rest"
        assert before == {name: box.torrents for name, box in self.boxes.items()}
        for torrent in TORRENTS:
            holders = sum(make_v1_hash(torrent) in box.torrents for box in self.boxes.values())
            if self.one:
                assert holders == 1 or (self.moves and not self.has_seeds)
            elif self.roomy:
                assert holders == len(MEMBERS)


TestGroups = Groups.TestCase
TestGroups.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
