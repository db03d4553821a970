"""Defaults in descriptions come from the model."""

from __future__ import annotations

from reconciler.desired.json_schema.descriptions import default_of
from reconciler.model.desired import GuardLimits


def test_the_default_of_a_slot_is_that_of_the_model() -> None:
    assert default_of(GuardLimits, "max_delete") == GuardLimits().max_delete
