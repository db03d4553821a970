"""The expectation of one plan."""

from __future__ import annotations

from reconciler.model.expectation import PlanExpectation


def test_an_expectation_is_met_unless_there_is_a_reason() -> None:
    assert PlanExpectation("sha256:1").is_met
    assert not PlanExpectation("sha256:1", "the plan is another one").is_met
