"""A wait ends with its condition, its time, or at once where too many wait."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.web.rest.waiting import Waiters, WaitTime

MODULE = "reconciler.web.rest.waiting"


def test_a_wait_ends_with_its_condition() -> None:
    answers = [False, False, True]
    assert asyncio.run(Waiters().wait_until(lambda: answers.pop(0), WaitTime(30))) is True
    assert answers == []


def test_a_wait_ends_with_its_time() -> None:
    times = [0.0, 0.1, 5.0]
    wait = WaitTime(0.15, lambda: times.pop(0))
    assert asyncio.run(Waiters().wait_until(lambda: False, wait)) is False
    assert times == []


def test_of_too_many_the_others_are_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_WAITERS", 1)

    async def wait_twice() -> tuple[bool, bool]:
        waiters, is_over = Waiters(), False
        first = asyncio.create_task(waiters.wait_until(lambda: is_over, WaitTime(30)))
        await asyncio.sleep(0)
        second = await waiters.wait_until(lambda: False, WaitTime(30))
        is_over = True
        return await first, second

    assert asyncio.run(wait_twice()) == (True, False)
