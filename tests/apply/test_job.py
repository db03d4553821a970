"""The work on one action: its ids, its tags, its outcome."""

from __future__ import annotations

import pytest

from reconciler.apply.job import (
    Job,
    Step,
    find_live,
    index_by_id,
    list_changing,
    marks_to_remove,
    tags_to_add,
    tags_to_remove,
)
from reconciler.model.content import CreationSpec
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    AdoptTorrent,
    Change,
    DeleteCategory,
    DeleteTorrent,
    MetadataSource,
    Outcome,
    SetPreference,
    UpdateTorrent,
)
from tests.support.planner_inputs import make_live_torrent, make_torrent_file

TAGS = Change("tags", ("a", "b"), ("b", "c"))


def test_an_add_has_the_ids_of_its_source_until_the_live_id_is_known() -> None:
    source = make_torrent_file("7:hybrid")
    job = Job(AddTorrent("film", "declared", source=source))
    assert job.ids == source.infohashes.ids
    assert {source.infohashes.v1, source.infohashes.v2} <= set(job.ids)
    job.torrent_id = "f" * 40
    assert (job.ids, job.id) == (("f" * 40,), "f" * 40)


def test_a_torrent_that_must_be_created_first_has_no_ids() -> None:
    job = Job(AddTorrent("film", "declared", creation=CreationSpec("/films/a")))
    assert (job.ids, job.creation) == ((), CreationSpec("/films/a"))
    assert Job(UpdateTorrent("film", "drift")).creation is None


def test_the_first_outcome_stays() -> None:
    job = Job(AddCategory("films", "declared"))
    job.end(Outcome.FAILED, "refused")
    job.end(Outcome.APPLIED)
    assert (job.outcome, job.error) == (Outcome.FAILED, "refused")


def test_a_job_without_an_outcome_is_reported_as_dropped() -> None:
    result = Job(AddCategory("films", "declared")).to_result()
    assert (result.outcome, result.error) == (Outcome.DROPPED, None)


def test_a_job_is_applied_when_every_change_shows_and_nothing_must_follow() -> None:
    live = make_live_torrent({"hash": "a", "category": "films", "tags": ["b", "c"]})
    changes = (Change("category", "", "films"), TAGS)
    job = Job(UpdateTorrent("a", "drift", changes, torrent_id=live.id), live.id)
    assert job.is_applied(live)
    assert not job.is_applied(None)
    assert not job.is_applied(make_live_torrent({"hash": "a", "tags": ["b", "c"]}))
    job.follow_ups = frozenset({"export"})
    assert not job.is_applied(live)
    assert not Job(DeleteTorrent("a", "not declared", torrent_id=live.id), live.id).is_applied(live)


def test_an_add_sends_later_only_what_it_does_not_carry() -> None:
    job = Job(AddTorrent("film", "declared", (TAGS, Change("category", None, "films"))))
    job.fields_after_add = frozenset({"tags"})
    assert (job.needs_sending("tags"), job.needs_sending("category")) == (True, False)
    update = Job(UpdateTorrent("film", "drift", (TAGS,)))
    assert (update.needs_sending("tags"), update.needs_sending("category")) == (True, False)


def test_jobs_that_change_a_field_are_found_whether_or_not_they_share_their_changes() -> None:
    category = (Change("category", None, "films"),)
    changes = [(TAGS,), category, (), (*category, TAGS), category]
    jobs = [Job(UpdateTorrent("film", "drift", change)) for change in changes]
    assert list_changing(jobs, "category") == [jobs[1], jobs[3], jobs[4]]
    assert list_changing(jobs, "tags") == [jobs[0], jobs[3]]


@pytest.mark.parametrize(
    ("action", "step"),
    [
        (UpdateTorrent("a", "stop", urgent=True), Step.URGENT),
        (UpdateTorrent("a", "drift"), Step.SET),
        (UpdateTorrent("a", "drift", metadata_from=MetadataSource("other", "f" * 40)), Step.GIVE_METADATA),
        (AdoptTorrent("a", "declared"), Step.SET),
        (AddTorrent("a", "declared"), Step.SET),
        (AddTorrent("a", "declared", metadata_from=MetadataSource("other", "f" * 40)), Step.SET),
        (AddTorrent("a", "declared", creation=CreationSpec("/films/a")), Step.CREATE),
        (DeleteTorrent("a", "not declared"), Step.DELETE),
        (AddCategory("films", "declared"), Step.SETTING),
        (DeleteCategory("films", "not declared"), Step.SETTING),
        (SetPreference("save_path", "differs", value="/data"), Step.SETTING),
    ],
)
def test_a_job_is_done_in_the_step_of_its_action(action: Action, step: Step) -> None:
    assert Job(action).step is step


def test_only_deletions_with_data_are_marked_so() -> None:
    assert Job(DeleteTorrent("a", "not declared", delete_files=True)).deletes_files
    assert not Job(DeleteTorrent("a", "not declared")).deletes_files


def test_tags_are_added_and_removed_by_their_difference() -> None:
    assert tags_to_add([TAGS]) == {"c"}
    assert tags_to_remove([TAGS]) == {"a"}
    assert tags_to_add([Change("category", None, "films")]) == frozenset()


def test_the_marks_of_a_stop_are_removed_apart_from_other_tags() -> None:
    changes = [TAGS, Change("held", "running", None)]
    assert "reconcile:held" in marks_to_remove(changes)
    assert tags_to_remove(changes) == {"a"}
    assert marks_to_remove([TAGS]) == frozenset()


def test_a_live_torrent_is_found_by_each_of_its_ids() -> None:
    source = make_torrent_file("7:hybrid")
    live = make_live_torrent({"hash": "7:hybrid"})
    index = index_by_id([live])
    assert set(index) == {live.id, *source.infohashes.ids}
    assert find_live(Job(AddTorrent("film", "declared", source=source)), index) is live
    assert find_live(Job(UpdateTorrent("b", "drift"), "0" * 40), index) is None
