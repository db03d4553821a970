"""Groups keep their promises in several processes that each change a part of the members, on in-memory qBittorrents.

The processes stop between any two requests while others go on. They read what is outdated, are killed in the middle and
come back, for another share of the instances, so that two of them may have the same one. Members cannot be reached, and
downloads get on. At every deletion the torrent is on another member, and as complete as it was.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial, wraps
from itertools import count
from typing import Any, Final, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from reconciler.engine.context import RunContext
from reconciler.engine.leases import EXPIRY, LeaseMemory
from reconciler.engine.observation import OpenTarget
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.errors import UnreachableError
from reconciler.model.lease import Holder, LeaseHold, LeaseTags
from reconciler.model.plan import Outcome
from reconciler.model.run import Run
from reconciler.model.shard import Shard
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan.placement.copies import is_complete
from reconciler.retry import RetryPolicy
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_time import FakeTime
from tests.support.group_cases import GROUPS, HALF, WHOLE
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash
from tests.support.search_effort import take_examples
from tests.support.stepped import SteppedWork

MEMBERS: Final = ("a", "b")  # of the processes 0/2 and 1/2; of 0/3 and 2/3
SLOTS: Final = range(3)
TORRENT: Final = make_v1_hash("u")
STAYING_GROUPS: Final = [group for group in GROUPS if "never" in group.values()]  # a torrent moves only to be one again
STOPS: Final = (
    "create_tags",
    "read_torrents",
    "delete_torrents",
    None,
)  # has planned, has the leases, has looked again
UNCOUNTED: Final = ("close", "cancel", "ignore_stop")  # what is no request
HARMLESS: Final = ("open", "read_", "count_", "export_", "create_tags", "delete_tags")


class World:
    """Three members, and what no process may do to them. `ended`: the processes that are gone."""

    def __init__(self) -> None:
        self.boxes = {name: Box(self) for name in MEMBERS}
        self.time = FakeTime()
        self.ended: set[str] = set()
        self.violations: list[str] = []
        self.nonces = map("{:08x}".format, count(1))
        self.past: deque[dict[str, dict[str, LiveTorrent]]] = deque(maxlen=4)

    def copy_torrents(self) -> dict[str, dict[str, LiveTorrent]]:
        """Return the torrents of all members, as they are now."""
        return {name: dict(box.torrents) for name, box in self.boxes.items()}

    def get_on(self, name: str, values: dict[str, Any]) -> None:
        """Let a member get a copy of the torrent, or more of it, by nobody's request."""
        self.past.append(self.copy_torrents())
        torrents = self.boxes[name].torrents
        live = torrents.get(TORRENT) or make_live_torrent({"hash": "u", "tags": [OWNER_TAG]})
        if not is_complete(live):
            torrents[TORRENT] = replace(live, **values)

    def forbid(self, violation: str, *, is_there: bool) -> None:
        """Note what was done wrong. Raised where it happens, it would be an error of the run."""
        if is_there:
            self.violations.append(violation)


class Box(MemoryInstance):
    """A member."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.is_up = True
        self._world = world
        self._written_at: dict[str, float] = {}  # the hold of a process, by its nonce
        self._changers: set[str] = set()  # processes that have changed it, and have not given it back

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        self._world.forbid("data is deleted", is_there=delete_files)
        for key in set(ids) & self.torrents.keys():
            boxes = self._world.boxes.values()
            copies = [box.torrents[key] for box in boxes if box is not self and key in box.torrents]
            self._world.forbid("the last copy is deleted", is_there=not copies)
            is_last = is_complete(self.torrents[key]) and not any(map(is_complete, copies))
            self._world.forbid("the last complete copy is deleted", is_there=is_last)
        super().delete_torrents(ids, delete_files)

    def add_magnets(self, uris: Sequence[str], options: Any) -> None:
        self._world.forbid("a torrent is added twice", is_there=bool(self.torrents))
        super().add_magnets(uris, options)

    def note_request(self, name: str, nonce: str) -> None:
        """Note a request. Only one process at a time may change it, unless one has stood still for too long."""
        now = self._world.time.moment
        if name == "create_tags":
            self._written_at[nonce] = now
        if name.startswith(HARMLESS):
            return
        holders = {hold.holder.nonce for hold in LeaseTags.parse(self.tag_names).holds} - self._world.ended
        self._changers = {key for key in (self._changers | {nonce}) & holders if self._written_at[key] > now - EXPIRY}
        self._world.forbid(
            "two processes change a member", is_there=nonce in self._changers and len(self._changers) > 1
        )


class Memory(LeaseMemory):
    """The memory of a process that learns at once which other processes have `ended`, as on one machine."""

    def __init__(self, nonce: str, ended: Collection[str]) -> None:
        super().__init__()
        self.holder = Holder("nas", "", "", nonce)
        self._ended = ended

    def find_dead(self, instance: str, rivals: Collection[LeaseHold], now: float) -> list[LeaseHold]:
        expired = super().find_dead(instance, rivals, now)
        return [hold for hold in rivals if hold in expired or hold.holder.nonce in self._ended]


class Process:
    """A process with a share of the instances.

    `lag`: by how many changes what it plans from is outdated. `stop`: the request before which it stops. `request`:
    where it is. `is_deciding`: it may have looked at the copies for the last time before it deletes one.
    """

    def __init__(self, world: World, shard: Shard, *, is_alone: bool) -> None:
        self.world, self.shard, self.nonce = world, shard, next(world.nonces)
        self.lag, self.request = 0, ""
        self.stop: str | None = None
        self.is_killed = self.is_deciding = False
        self.work: SteppedWork | None = None
        self.run: Run | None = None
        self._context = RunContext(
            threading.Event(),
            RetryPolicy(world.time.clock, max_attempts=1),
            lambda instance, _stop: cast("OpenTarget", Link(self, instance.name)),
            placement_memory=PlacementMemory(),
            lease_memory=Memory(self.nonce, () if is_alone else world.ended),
        )

    def go_on(self, desired: DesiredState, stop: str | None = None, lag: int = 0) -> None:
        """Begin a run, unless there is one, and go on until it is about to send a request; None: to its end."""
        if not self.work:
            self.lag = lag
        if not self.work and stop is None:  # a thread would take longer than the run
            self._run_once(desired)
            return
        self.work = self.work or SteppedWork(partial(self._run_once, desired))
        self._advance(stop)

    def _advance(self, stop: str | None) -> None:
        self.stop = stop
        if self.work:
            self.work.advance()
            self.work = None if self.work.is_done else self.work

    def kill(self) -> None:
        """End without a further request: what the run does from here on reaches nobody."""
        self.is_killed = True
        self.world.ended.add(self.nonce)
        self._advance(None)

    def _run_once(self, desired: DesiredState) -> None:
        self.run = run_once(desired, RunOptions(shard=self.shard), self._context)
        self.is_deciding = False


class Link:
    """A session of a process on a member. The process may stop before each request."""

    def __init__(self, process: Process, member: str) -> None:
        self._process, self._member, self._box = process, member, process.world.boxes[member]

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._box, name)
        return self._make_request(name, value) if callable(value) and name not in UNCOUNTED else value

    def read_snapshot(self, *arguments: Any) -> Snapshot:
        snapshot: Snapshot = self._make_request("read_snapshot", self._box.read_snapshot)(*arguments)
        past = self._process.world.past
        lag = min(self._process.lag, len(past))
        return replace(snapshot, torrents=tuple(past[-lag][self._member].values())) if lag else snapshot

    def _make_request(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        process, box = self._process, self._box

        @wraps(call)
        def request(*arguments: Any, **options: Any) -> Any:
            if process.work and not process.is_killed:
                process.request = name
                if name == process.stop:
                    process.work.pause()
            if process.is_killed or not box.is_up:
                raise UnreachableError("no connection")
            process.is_deciding |= name == "read_torrents"
            box.note_request(name, process.nonce)
            before = process.world.copy_torrents()
            result = call(*arguments, **options)
            if before != process.world.copy_torrents():
                process.world.past.append(before)
            return result

        return request


class Shards(RuleBasedStateMachine):
    """Three processes, one group of two, and one torrent."""

    @initialize(
        group=st.sampled_from([*STAYING_GROUPS * 3, *GROUPS[:-1]]),
        patience=st.sampled_from([0.0, 60.0]),
        most=st.sampled_from([1, 10, 10]),
        has_seeds=st.booleans(),
        is_alone=st.booleans(),
        copies=st.tuples(*[st.sampled_from([HALF, WHOLE, HALF, None])] * 2),
    )
    def begin(
        self,
        group: dict[str, Any],
        patience: float,
        most: int,
        has_seeds: bool,
        is_alone: bool,
        copies: tuple[dict[str, Any] | None, ...],
    ) -> None:
        self.has_seeds, self.is_alone = has_seeds, is_alone
        spec = {**group, "members": MEMBERS, "failover_after": patience}
        rows = [{"hash": "u", "instance": "g"}]
        case = {"groups": {"g": spec}, "instances": MEMBERS, "desired": rows, "delete_files": True, "quarantine": 7}
        self.desired = make_desired_state({**case, "guard": {"max_delete": most}})
        self.moves = "never" not in group.values()
        self.world = World()
        self.processes = [self.start(slot, 2) for slot in SLOTS]
        for name, copy in zip(MEMBERS, copies, strict=True):
            if copy:
                self.world.get_on(name, copy)

    def start(self, slot: int, shares: int) -> Process:
        return Process(self.world, Shard(slot % shares, shares), is_alone=self.is_alone)

    @rule(slot=st.sampled_from(SLOTS), stop=st.sampled_from(STOPS), lag=st.sampled_from([0, 1, 0, 2]))
    def goes_on(self, slot: int, stop: str | None, lag: int) -> None:
        self.processes[slot].go_on(self.desired, stop, lag)
        self.check()

    @rule(lags=st.tuples(*[st.sampled_from([1, 0, 2])] * 3))
    def all_decide_at_once(self, lags: tuple[int, ...]) -> None:
        for slot in SLOTS:
            self.goes_on(slot, "delete_torrents", lags[slot])

    @rule(slot=st.sampled_from(SLOTS), shares=st.integers(1, 3))
    def is_killed_and_comes_back(self, slot: int, shares: int) -> None:
        self.processes[slot].kill()
        self.processes[slot] = self.start(slot, shares)
        self.check()

    @rule(slot=st.sampled_from(SLOTS), name=st.sampled_from(MEMBERS))
    def cannot_reach_a_member(self, slot: int, name: str) -> None:
        self.world.boxes[name].is_up = False
        self.processes[slot].go_on(self.desired)
        self.world.boxes[name].is_up = True
        self.check()

    @rule(name=st.sampled_from(MEMBERS), values=st.sampled_from([WHOLE, WHOLE, HALF]))
    def has_a_copy_that_gets_on(self, name: str, values: dict[str, Any]) -> None:
        if not any(process.is_deciding for process in self.processes):
            self.world.get_on(name, values)

    @rule(seconds=st.sampled_from([1, 61, 100]))
    def time_passes(self, seconds: int) -> None:
        if not any(process.work and process.request == "delete_torrents" for process in self.processes):
            self.world.time.pass_(seconds)  # between the last look at the clock and a deletion, nobody stands still

    def check(self) -> None:
        assert self.world.violations == []

    def teardown(self) -> None:
        """Restart all processes with the same number of shares: what was doubled is one again, and nothing moves."""
        if not hasattr(self, "processes"):
            return
        for process in self.processes:
            process.kill()
        self.check()
        self.processes = [self.start(slot, len(SLOTS)) for slot in SLOTS]
        for _ in range(20):
            if not self.run_all():
                break
        holders = self.list_holders()
        assert not self.run_all(), "it does not come to rest"
        assert self.list_holders() == holders
        assert len(holders) == 1 or (holders and self.moves and not self.has_seeds)

    def run_all(self) -> bool:
        """Let all processes run once, in turn. Return True if one of them has done something, or has yet to."""
        self.world.time.pass_(200)
        for name in self.list_holders() if self.has_seeds else ():
            self.world.get_on(name, WHOLE)
        for process in self.processes:
            process.go_on(self.desired)
            self.check()
        return any(instance.results for process in self.processes if process.run for instance in process.run.instances)

    def list_holders(self) -> list[str]:
        """Return the members that have the torrent."""
        return [name for name, box in self.world.boxes.items() if box.torrents]


class Pair:
    """A copy on `a` and a complete one on `b`, and a process for each. None of the two deletes its copy wrongly."""

    def __init__(self, *, is_alone: bool = False) -> None:
        group = {"strategy": "failover", "members": MEMBERS}
        rows = [{"hash": "u", "instance": "g"}]
        self.desired = make_desired_state({"groups": {"g": group}, "instances": MEMBERS, "desired": rows})
        self.world = World()
        self.world.get_on("a", HALF)
        self.world.get_on("b", WHOLE)
        self.of_a, self.of_b = (Process(self.world, Shard(index, 2), is_alone=is_alone) for index in (0, 1))

    def list_holders(self) -> list[str]:
        """Return the members that have the torrent."""
        assert self.world.violations == []
        return [name for name, box in self.world.boxes.items() if box.torrents]


def test_of_two_processes_with_the_same_member_one_adds_a_torrent() -> None:
    pair = Pair()
    pair.world.boxes["a"].torrents.clear()
    pair.world.boxes["b"].torrents.clear()
    twin = Process(pair.world, Shard(0, 1), is_alone=False)
    pair.of_a.go_on(pair.desired, "create_tags")
    twin.go_on(pair.desired)
    assert pair.list_holders() == ["a"]
    pair.of_a.go_on(pair.desired)
    assert pair.list_holders() == ["a"] and pair.of_a.run
    (result,) = (result for instance in pair.of_a.run.instances for result in instance.results)
    assert (result.outcome, result.action.reason) == (
        Outcome.DEFERRED,
        "another run has added it since this one read the instance",
    )


@pytest.mark.parametrize("stop", ["create_tags", "read_tags", "read_torrents", "delete_torrents"])
def test_of_two_processes_that_rely_on_the_copy_of_the_other_one_waits(stop: str) -> None:
    pair = Pair()
    pair.of_a.go_on(pair.desired, "create_tags")  # it plans to delete the copy that is not complete
    pair.world.get_on("a", WHOLE)
    pair.of_b.go_on(pair.desired, "delete_torrents")  # the first member keeps its copy, now that both are complete
    pair.of_a.go_on(pair.desired, stop)
    pair.of_b.go_on(pair.desired)
    if pair.of_a.work:
        pair.of_a.go_on(pair.desired)
    assert pair.list_holders() == ["a"]


def test_a_process_that_was_killed_before_its_deletion_is_not_waited_for() -> None:
    pair = Pair()
    pair.of_a.go_on(pair.desired, "create_tags")
    pair.world.get_on("a", WHOLE)
    pair.of_b.go_on(pair.desired, "delete_torrents")
    pair.of_b.kill()
    pair.of_a.go_on(pair.desired)
    assert pair.list_holders() == ["b"]


def test_a_process_that_stood_still_before_its_deletion_deletes_nothing() -> None:
    pair = Pair(is_alone=True)
    for _ in range(3):  # of a, of b, and of a right before the deletion
        pair.of_a.go_on(pair.desired, "read_torrents")
    pair.world.get_on("a", WHOLE)
    pair.of_b.go_on(pair.desired)
    assert pair.list_holders() == ["a", "b"], "it waits for the lease"
    pair.world.time.pass_(EXPIRY)
    pair.of_b.go_on(pair.desired)
    assert pair.list_holders() == ["a"]
    pair.of_a.go_on(pair.desired)
    assert pair.list_holders() == ["a"]


TestShards = Shards.TestCase
TestShards.settings = take_examples(30, steps=25)
