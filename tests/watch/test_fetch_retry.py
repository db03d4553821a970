"""New attempts to fetch unknown torrents: in a worker, less and less often, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from reconciler.watch.fetch_retry import FIRST_DELAY, MAX_DELAY, FetchRetry
from tests.support.fake_time import FakeTime


class World:
    """A retry with workers that a test runs when it wants to."""

    def __init__(self) -> None:
        self.time = FakeTime(random=1.0)
        self.attempts: list[float] = []
        self.arrivals = 0
        self.is_up = False
        self.workers: list[Callable[[], None]] = []
        self.retry = FetchRetry(self.attempt, self.arrive, self.time.clock, self.workers.append)

    def attempt(self) -> bool:
        self.attempts.append(self.time.moment)
        return self.is_up

    def arrive(self) -> None:
        self.arrivals += 1

    def pass_to_next(self) -> None:
        self.time.moment = self.retry.next_at
        self.retry.start_if_due()
        while self.workers:
            self.workers.pop()()


def test_nothing_is_tried_unless_a_torrent_is_unknown() -> None:
    world = World()
    world.retry.start_if_due(at_once=True)
    world.retry.reset(is_needed=False)
    world.retry.start_if_due(at_once=True)
    assert world.workers == [] and world.retry.next_at == float("inf")


def test_attempts_become_rarer_and_begin_again_after_a_change() -> None:
    world = World()
    world.retry.reset(is_needed=True)
    for _ in range(10):
        world.pass_to_next()
    waits = [later - earlier for earlier, later in pairwise([0.0, *world.attempts])]
    assert waits[0] == FIRST_DELAY and waits == sorted(waits) and waits[-1] == MAX_DELAY
    assert not world.retry.pop_arrival() and world.arrivals == 0
    world.retry.reset(is_needed=True)
    assert world.retry.next_at == world.time.moment + FIRST_DELAY


def test_an_arrival_is_reported_once() -> None:
    world = World()
    world.retry.reset(is_needed=True)
    world.is_up = True
    world.pass_to_next()
    assert (world.retry.pop_arrival(), world.retry.pop_arrival(), world.arrivals) == (True, False, 1)


def test_an_attempt_that_hangs_is_the_only_one() -> None:
    world = World()
    world.retry.reset(is_needed=True)
    world.retry.start_if_due(at_once=True)
    for _ in range(5):
        world.time.moment = world.retry.next_at
        world.retry.start_if_due()
    assert len(world.workers) == 1
    world.workers.pop()()
    world.pass_to_next()
    assert len(world.attempts) == 2


def test_a_fault_in_an_attempt_does_not_end_the_attempts() -> None:
    world = World()
    world.retry = FetchRetry(lambda: 1 // 0 > 0, world.arrive, world.time.clock, world.workers.append)
    world.retry.reset(is_needed=True)
    with pytest.raises(ZeroDivisionError):
        world.pass_to_next()
    with pytest.raises(ZeroDivisionError):
        world.pass_to_next()
