"""The progress of drained members. The cases of a plan are in the cases of `placement`."""

from __future__ import annotations

from reconciler.model.groups import ActionPlacement, DrainProgress, KeptCopy
from reconciler.model.plan import DeleteTorrent, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.plan.drains import subtract_deleted

PROGRESS = DrainProgress("a", "g", 3, 2, (("it is full", 1),))


def _delete(group: str | None, outcome: Outcome) -> ActionResult:
    placement = ActionPlacement(group, "b has it", KeptCopy("b", "id")) if group else None
    return ActionResult(DeleteTorrent("x", "surplus", placement=placement), outcome)


def test_what_a_run_has_deleted_is_not_left() -> None:
    results = (
        _delete("g", Outcome.APPLIED),
        _delete("g", Outcome.DROPPED),
        _delete("h", Outcome.APPLIED),
        _delete(None, Outcome.APPLIED),
    )
    assert subtract_deleted(PROGRESS, InstanceResult("a", Status.OK, results=results)) == DrainProgress(
        "a", "g", 2, 1, (("it is full", 1),)
    )


def test_without_a_result_nothing_changes() -> None:
    assert subtract_deleted(PROGRESS, None) is PROGRESS
    unread = DrainProgress("a", "g", None)
    assert subtract_deleted(unread, InstanceResult("a", Status.ERROR)) is unread
