"""The plan that a run may execute, and no other; and how the plan that it made differs from that one."""

from __future__ import annotations

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Change, Outcome


@dataclass(frozen=True, slots=True)
class ActionSummary:
    """An action as a report shows it: with everything secret masked.

    `subject` is the infohash of a torrent, or the name of a setting. `outcome` is PLANNED, or the hold of the action.
    """

    instance: str
    verb: str
    kind: str
    subject: str
    name: str
    changes: tuple[Change, ...] = ()
    delete_files: bool = False
    outcome: str = Outcome.PLANNED


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """The actions that only one of two plans has, and those of one object that differ, as pairs (expected, actual)."""

    only_expected: tuple[ActionSummary, ...] = ()
    only_actual: tuple[ActionSummary, ...] = ()
    changed: tuple[tuple[ActionSummary, ActionSummary], ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if the two plans look the same."""
        return not (self.only_expected or self.only_actual or self.changed)


@dataclass(frozen=True, slots=True)
class PlanExpectation:
    """The hash of the only plan that a run may execute.

    `reason`: why nothing was executed; None if the plan is the expected one. `difference` is known only if the whole
    expected plan is, and not just its hash.
    """

    plan_hash: str
    reason: str | None = None
    difference: PlanDifference | None = None

    @property
    def is_met(self) -> bool:
        """True if the plan is the expected one, and may be executed."""
        return self.reason is None
