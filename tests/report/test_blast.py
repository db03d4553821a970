"""The effect of deletions and quarantines, added up."""

from __future__ import annotations

from reconciler.model.plan import Action, Blast, Change, DeleteCategory, Outcome, Verb
from reconciler.model.run import ActionResult
from reconciler.report.blast import (
    BlastTotals,
    is_deletion,
    is_last_copy,
    is_quarantine,
    sum_deletions,
    sum_quarantines,
)
from tests.support.example_runs import make_infohash, make_torrent_action


def make_deletion(blast: Blast | None = None, **rest: object) -> Action:
    """A deletion of a torrent."""
    return make_torrent_action(Verb.DELETE, "old.iso", "no longer declared", number=1, blast=blast, **rest)


def make_update(*changes: Change, **rest: object) -> Action:
    """An update of a torrent."""
    return make_torrent_action(Verb.UPDATE, "old.iso", "no longer declared", *changes, number=1, **rest)


def test_only_a_deletion_of_a_torrent_is_a_deletion() -> None:
    assert is_deletion(make_deletion())
    assert not is_deletion(DeleteCategory("unused", "no torrent is in it"))
    assert not is_deletion(make_update())


def test_a_quarantine_begins_where_its_field_gets_a_date() -> None:
    assert is_quarantine(make_update(Change("quarantine", (), ("2026-11-28",))))
    assert not is_quarantine(make_update(Change("quarantine", ("2026-11-28",), ())))
    assert not is_quarantine(make_update(Change("paused", False, True)))


def test_the_last_copy_has_data_and_no_other_seed() -> None:
    assert is_last_copy(Blast(bytes=1, other_seeds=0))
    assert not is_last_copy(Blast(bytes=1, other_seeds=1))
    assert not is_last_copy(Blast(bytes=0, other_seeds=0))
    assert not is_last_copy(Blast(bytes=1, other_seeds=None)), "seeds that were not read are not zero"
    assert not is_last_copy(None)


def test_deletions_are_added_up_and_quarantines_are_not_among_them() -> None:
    quarantine = make_update(Change("quarantine", (), ("2026-11-28",)), blast=Blast(1, 7))
    results = [
        ActionResult(make_deletion(Blast(1, 100, seeding=True, other_seeds=0), delete_files=True), Outcome.PLANNED),
        ActionResult(make_deletion(Blast(1, 20, other_seeds=3, shares_with=(make_infohash(2),))), Outcome.APPLIED),
        ActionResult(make_deletion(), Outcome.FAILED),
        ActionResult(quarantine, Outcome.PLANNED),
    ]
    assert sum_deletions(results) == BlastTotals(3, 120, 1, 1, 1, 1)
    assert sum_quarantines(results) == BlastTotals(1, 7, 0, 0, None, 0)


def test_blocked_and_dropped_deletions_do_not_count() -> None:
    blast = Blast(1, 100, seeding=True, other_seeds=0)
    results = [ActionResult(make_deletion(blast), outcome) for outcome in (Outcome.BLOCKED, Outcome.DROPPED)]
    assert sum_deletions(results) == BlastTotals()


def test_other_seeds_are_unknown_if_no_instance_reports_them() -> None:
    assert sum_deletions([ActionResult(make_deletion(Blast(1, 100)), Outcome.PLANNED)]).without_other_seed is None
    assert sum_deletions([]).without_other_seed is None
