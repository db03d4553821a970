"""The waits of the threads of the process."""

from __future__ import annotations

import threading

import pytest

from reconciler.engine.concurrency import map_instances
from reconciler.waits import list_waits, note_trouble, track_wait


def describe() -> list[tuple[str, str, str]]:
    """Return the waits without their times."""
    return sorted((wait.verb, wait.subject, wait.trouble) for wait in list_waits())


def test_a_wait_within_another_is_shown_in_its_place() -> None:
    with track_wait("reading", "home"):
        note_trouble("refused")
        with track_wait("probing", "home"):
            assert describe() == [("probing", "home", "")]
        assert describe() == [("reading", "home", "refused")]
        note_trouble("")
        assert describe() == [("reading", "home", "")]
    assert describe() == []


def test_a_wait_ends_with_an_error_and_trouble_without_a_wait_is_nobodys() -> None:
    with pytest.raises(ZeroDivisionError), track_wait("reading", "home"):
        raise ZeroDivisionError
    note_trouble("refused")
    assert describe() == []


def test_work_on_instances_is_a_wait_of_each_thread() -> None:
    together = threading.Barrier(2)

    def work(_name: str) -> list[tuple[str, str, str]]:
        together.wait(20)
        waits = describe()
        together.wait(20)
        return waits

    both = [("changing", "attic", ""), ("changing", "home", "")]
    assert map_instances(("home", "attic"), work, "changing") == {"home": both, "attic": both}
    assert describe() == []
