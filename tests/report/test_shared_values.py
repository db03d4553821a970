"""Actions with the same values look the same in reports, but for their torrents."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.groups import ActionPlacement
from reconciler.model.plan import DeleteTorrent, Outcome, UpdateTorrent
from reconciler.model.run import ActionResult
from reconciler.report.shared_values import list_shared_values
from tests.support.example_runs import make_infohash, make_position


def test_the_values_tell_apart_all_that_is_shown_and_leave_out_the_torrent() -> None:
    update, delete = UpdateTorrent("Sintel", "tags differ"), DeleteTorrent("Sintel", "tags differ")
    placement = ActionPlacement("resilient", "the first healthy member")
    others = [
        ActionResult(replace(update, reason="it was renamed"), Outcome.APPLIED),
        ActionResult(replace(update, disruptive=True), Outcome.APPLIED),
        ActionResult(replace(update, placement=placement), Outcome.APPLIED),
        ActionResult(replace(update, placement=replace(placement, reason="the second one")), Outcome.APPLIED),
        ActionResult(replace(delete, delete_files=True), Outcome.APPLIED),
        ActionResult(delete, Outcome.FAILED, is_removed=True),
        ActionResult(update, Outcome.FAILED),
        ActionResult(update, Outcome.FAILED, "disk full"),
    ]
    result = ActionResult(update, Outcome.APPLIED)
    assert len(set(map(list_shared_values, [result, *others]))) == 1 + len(others)
    other = replace(update, name="Elephants Dream", position=make_position(2), infohash=make_infohash(2))
    assert list_shared_values(replace(result, action=other)) == list_shared_values(result)
