"""Suspensions of single instances for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.position import Position
from reconciler.model.suspension import suspend_instances

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
DESIRED = DesiredState(
    Policy.SYNC, {name: Instance(name, Position("desired.yaml", 3, 3), f"http://{name}") for name in ("home", "box")}
)


def test_an_instance_is_suspended_as_the_files_suspend_it_and_says_until_when() -> None:
    suspended = suspend_instances(DESIRED, {"home": LATER}, NOON)
    home, box = suspended.instances["home"], suspended.instances["box"]
    assert (home.suspend, home.suspended_until) == (True, LATER)
    assert box is DESIRED.instances["box"]


def test_nothing_changes_without_a_suspension_that_lasts() -> None:
    for suspensions in ({}, {"home": NOON}, {"elsewhere": LATER}):
        assert suspend_instances(DESIRED, suspensions, NOON) is DESIRED


def test_what_the_files_suspend_has_no_end() -> None:
    by_file = replace(
        DESIRED, instances={**DESIRED.instances, "home": replace(DESIRED.instances["home"], suspend=True)}
    )
    assert suspend_instances(by_file, {"home": LATER}, NOON) is by_file
    everything = replace(DESIRED, suspend=True)
    assert suspend_instances(everything, {"home": LATER}, NOON) is everything
