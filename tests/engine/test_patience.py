"""The time that the instances of a loop wait for a slow one."""

from __future__ import annotations

import threading

from reconciler.engine.concurrency import InstanceWork
from reconciler.engine.observation import Observation
from reconciler.engine.patience import MIN_PATIENCE, Patience
from reconciler.model.errors import UnreachableError
from reconciler.model.snapshot import Snapshot
from reconciler.testing import MemoryInstance

READ = Observation(MemoryInstance(), snapshot=Snapshot("v5.3.0", "2.16.2"))
FAILED = Observation(MemoryInstance(), error=UnreachableError("home: no connection"))


class World:
    """Reads that end when a test says so; what is given up ends at once, with an error."""

    def __init__(self, *names: str) -> None:
        self.given_up: list[str] = []
        self._observations: dict[str, Observation] = {}
        self._has_ended = {name: threading.Event() for name in names}
        self.reads = InstanceWork(names, self._read, "reading")
        self.reads.start()

    def end(self, name: str, observation: Observation) -> None:
        self._observations[name] = observation
        self._has_ended[name].set()

    def give_up(self, name: str) -> None:
        self.given_up.append(name)
        self.end(name, FAILED)

    def _read(self, name: str) -> Observation:
        assert self._has_ended[name].wait(20)
        return self._observations[name]


def test_an_instance_may_take_three_times_its_slowest_read() -> None:
    patience = Patience()
    assert patience.get_limit("home") == MIN_PATIENCE
    for seconds in (1.0, 40.0, 2.0):
        patience.record_read("home", seconds)
    assert (patience.get_limit("home"), patience.get_limit("attic")) == (120, MIN_PATIENCE)


def test_a_run_goes_on_without_those_that_others_wait_for() -> None:
    world, patience = World("home", "drip", "hang"), Patience(0.05)
    world.end("home", READ)
    patience.wait_for_reads(world.reads, world.give_up)
    assert sorted(world.given_up) == ["drip", "hang"]


def test_nobody_waits_where_no_other_instance_has_been_read() -> None:
    world, patience = World("down", "slow"), Patience(0.05)
    world.end("down", FAILED)
    threading.Timer(0.3, lambda: world.end("slow", READ)).start()
    patience.wait_for_reads(world.reads, world.give_up)
    assert world.given_up == []


def test_an_instance_that_was_given_up_is_waited_for_until_its_request_has_ended() -> None:
    world, patience = World("home", "slow"), Patience(0.05)
    world.end("home", READ)

    def give_up_slowly(name: str) -> None:
        world.given_up.append(name)
        threading.Timer(0.3, lambda: world.end(name, FAILED)).start()

    patience.wait_for_reads(world.reads, give_up_slowly)
    assert world.given_up == ["slow"], "given up once"
