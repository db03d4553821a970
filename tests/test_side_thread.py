"""A side thread computes while the thread that hands work over sends requests, which comes first."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from reconciler.side_thread import SideThread


def test_work_begins_although_nobody_waits_for_it() -> None:
    is_done = threading.Event()
    with SideThread("computing") as thread:
        thread.hand_over(is_done.set)
        assert is_done.wait(60)


def test_work_begins_late_or_when_someone_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.side_thread.HEAD_START", 3600.0)
    done: list[int] = []
    with SideThread("computing") as thread:
        work = [thread.hand_over(partial(done.append, number)) for number in range(3)]
        assert done == []
        for count, piece in enumerate(work, start=1):
            piece.result()
            assert len(done) == count
    assert done == [0, 1, 2]


def test_all_work_is_done_at_the_end() -> None:
    done: list[str] = []
    with SideThread("computing") as thread:
        assert any(running.name.startswith("computing") for running in threading.enumerate()), "it starts early"
        for name in "abc":
            thread.hand_over(partial(done.append, name))
    assert done == ["a", "b", "c"]


def test_what_work_raises_is_raised_where_its_result_is_asked_for() -> None:
    with SideThread("computing") as thread:
        failing = thread.hand_over(lambda: 1 / 0)
        assert thread.hand_over(lambda: 2).result() == 2
        with pytest.raises(ZeroDivisionError):
            failing.result()
