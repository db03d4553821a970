"""The options of an add: nothing is left to the settings of the server."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.add_options import build_add_options
from reconciler.model.plan import Change
from reconciler.model.snapshot import AddOptions

V4_5, V5_3 = (2, 8, 19), (2, 16, 2)


def build(*, by_link: bool = True, api: tuple[int, ...] = V5_3, **values: Any) -> AddOptions:
    """Return the options of an add that sets these fields."""
    changes = tuple(Change(field, None, value) for field, value in values.items())
    return build_add_options(changes, by_link, True, api)


@pytest.mark.parametrize(
    ("values", "is_automatic"),
    [
        ({}, False),
        ({"category": "films"}, True),
        ({"category": "films", "save_path": "/f"}, False),
        ({"category": "films", "auto_tmm": False}, False),
        ({"auto_tmm": True}, True),
    ],
)
def test_a_category_without_a_path_means_automatic_management(values: dict[str, Any], is_automatic: bool) -> None:
    assert build(**values).auto_tmm is is_automatic


def test_a_link_that_stops_at_its_metadata_is_not_added_stopped() -> None:
    assert build(paused=True).stopped
    assert not build(paused=True, stop_condition="metadata-received").stopped
    assert build(paused=True, stop_condition="metadata-received", by_link=False).stopped


def test_only_what_the_version_carries_goes_with_the_add() -> None:
    values: dict[str, Any] = {"force_start": True, "download_limit": 1024, "comment": "c"}
    assert build(api=V4_5, **values).extra_options == (("download_limit", 1024),)
    assert build(api=V5_3, **values).extra_options == (("force_start", True), ("download_limit", 1024))


def test_marks_are_tags() -> None:
    assert build(owner="home", tags=("a", "b"), protect=True).tags == ("a", "b", "reconcile:home", "reconcile:protect")
