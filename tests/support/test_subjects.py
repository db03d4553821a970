"""The message of a test that waited in vain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.raw import RawClient
from tests.support.subjects import describe_subjects


@dataclass
class Subject:
    """A subject that says its own state, or fails to."""

    state: str

    def describe_state(self) -> str:
        if self.state == "gone":
            raise ConnectionError("refused")
        return self.state


@dataclass
class Place:
    """An object of the tests with subjects."""

    servers: dict[str, Subject]

    def is_ready(self) -> bool:
        return False


def test_all_that_a_condition_looks_at_is_described() -> None:
    box, place, count = Subject("2 torrents"), Place({"a": Subject("moving"), "b": Subject("gone")}), 7

    def is_settled() -> bool:
        return place.is_ready()

    text = describe_subjects(lambda: bool(box.state) and is_settled() and count > 7)
    assert "count > 7" in text and "count: 7" in text
    assert "box:\n2 torrents" in text
    assert "place.servers['a']:\nmoving" in text
    assert "place.servers['b']:\nit does not say: ConnectionError: refused" in text
    assert "moving" in describe_subjects(place.is_ready)


def test_a_wait_in_vain_names_the_condition_and_the_state() -> None:
    box = Subject("still moving")
    with pytest.raises(AssertionError, match=r"(?s)it did not happen in 0 s.*box.state == .*still moving"):
        RawClient.wait_until(lambda: box.state == "moved", timeout=0)
