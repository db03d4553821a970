"""The check that a run executes the plan that a person has approved, and no other.

See docs/decisions/0110-an-expected-plan-is-all-or-nothing.md.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.engine.observation import Observations
from reconciler.model.expectation import PlanExpectation

OTHER_PLAN_REASON = "the plan is another one now, since the desired state or the instances have changed"


def check_expectation(
    expected_hash: str | None, plan_hash: str, planned: Collection[str], observations: Observations
) -> PlanExpectation | None:
    """Return what was expected, with the reason if the plan must not be executed; None if nothing was.

    `planned`: the names of the instances to plan for. A plan without one of them is not whole, so nobody can say that
    it is the expected one.
    """
    if expected_hash is None:
        return None
    unread = sorted(name for name in planned if observations[name].snapshot is None)
    if unread:
        names = ", ".join(unread)
        reason = f"{names} could not be read, so the plan is not whole"
    else:
        reason = "" if plan_hash == expected_hash else OTHER_PLAN_REASON
    return PlanExpectation(expected_hash, reason or None)


def doubt_expectation(expectation: PlanExpectation | None, lost: Collection[str]) -> PlanExpectation | None:
    """Return what was expected, not met if there is no lease on some instances (`lost`): the others must wait too."""
    if expectation is None or not expectation.is_met or not lost:
        return expectation
    return replace(expectation, reason=f"{', '.join(sorted(lost))} could not be locked for this run")
