"""Concurrent work on many instances: a result for each name, and no failure that ends the others."""

from __future__ import annotations

import threading
import time

import pytest

from reconciler.engine import concurrency
from reconciler.engine.concurrency import MAX_WORKERS, contain_errors, map_instances
from reconciler.model.errors import InternalError
from tests.support.memory_worlds import SimulatedKill


def _fail_for_attic(name: str) -> str:
    if name == "attic":
        raise ZeroDivisionError("a detail")
    return f"{name} done"


def _report(name: str, error: InternalError) -> str:
    return f"{name} failed: {error}"


def test_no_names_give_no_results() -> None:
    assert map_instances((), _fail_for_attic) == {}


def test_the_results_stand_in_the_order_of_the_names() -> None:
    assert list(map_instances(("c", "a", "b"), str.upper).items()) == [("c", "C"), ("a", "A"), ("b", "B")]


def test_all_instances_are_worked_on_at_the_same_time() -> None:
    together = threading.Barrier(5)
    arrivals = map_instances("abcde", lambda _name: together.wait(20))
    assert sorted(arrivals.values()) == [0, 1, 2, 3, 4]


def test_a_limited_number_of_threads_take_one_instance_after_the_other() -> None:
    together = threading.Barrier(MAX_WORKERS)

    def work(_name: str) -> int:
        together.wait(20)
        return threading.get_ident()

    threads = map_instances(map(str, range(3 * MAX_WORKERS)), work).values()
    assert len(set(threads)) == MAX_WORKERS


def test_instances_that_answer_at_once_share_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "QUICK_WORK", 20.0)  # so that all work is quick, also on a busy machine

    def work(_name: str) -> int:
        time.sleep(0.001)
        return threading.get_ident()

    assert len(set(map_instances("abcdefgh", work).values())) == 1


def test_an_error_that_is_not_contained_is_raised_after_all_have_ended() -> None:
    ended: list[str] = []

    def work(name: str) -> None:
        ended.append(name)
        _fail_for_attic(name)

    with pytest.raises(ZeroDivisionError):
        map_instances(("attic", "home", "box"), work)
    assert sorted(ended) == ["attic", "box", "home"]


def test_a_contained_error_is_the_result_of_its_instance_alone() -> None:
    results = map_instances(("home", "attic"), contain_errors(_fail_for_attic, _report))
    assert results == {
        "home": "home done",
        "attic": "attic failed: attic: internal error: ZeroDivisionError. Other instances are not affected. "
        "Please report it with the output of -v",
    }


def test_what_ends_the_process_is_not_contained() -> None:
    def end_process(_name: str) -> str:
        raise SimulatedKill

    with pytest.raises(SimulatedKill):
        contain_errors(end_process, _report)("home")
