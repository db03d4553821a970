"""Categories are created, edited and removed, and judged by a read-back."""

from __future__ import annotations

import pytest

from reconciler.apply.categories import apply_categories, remove_categories
from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job
from reconciler.model.errors import ResponseTimeoutError, UnreachableError
from reconciler.model.plan import AddCategory, Change, DeleteCategory, Outcome, UpdateCategory
from reconciler.model.snapshot import LiveCategory
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent


def make_add(name: str, path: str | None = None) -> Job:
    """A job that creates a category."""
    return Job(AddCategory(name, "declared", (Change("save_path", None, path),) if path else ()))


def make_box(*names: str) -> MemoryInstance:
    """An instance with these categories."""
    box = MemoryInstance()
    box.live_categories = {name: LiveCategory(name) for name in names}
    return box


def test_a_category_is_created_with_its_paths() -> None:
    box = make_box()
    changes = (Change("save_path", None, "/films/"), Change("download_path", None, False))
    job = Job(AddCategory("films", "declared", changes))
    apply_categories([job], box, fake_retry_policy())
    assert (job.outcome, job.sent) == (Outcome.APPLIED, True)
    assert box.live_categories == {"films": LiveCategory("films", "/films", download_path=False)}


def test_an_edit_leaves_the_other_path_unchanged() -> None:
    box = MemoryInstance()
    box.live_categories = {"films": LiveCategory("films", "/old", download_path="/incomplete")}
    job = Job(UpdateCategory("films", "drift", (Change("save_path", "/old", "/new"),)))
    apply_categories([job], box, fake_retry_policy())
    assert job.outcome is Outcome.APPLIED
    assert box.live_categories["films"] == LiveCategory("films", "/new", download_path="/incomplete")


def test_a_category_that_is_there_already_is_not_sent() -> None:
    box = make_box("films")
    job = make_add("films")
    apply_categories([job], box, fake_retry_policy())
    assert (job.outcome, job.sent, box.request_count) == (Outcome.APPLIED, False, 2)


def test_a_refused_category_does_not_stop_the_others() -> None:
    box = make_box()
    bad, good = make_add("a//b"), make_add("films")
    apply_categories([bad, good], box, fake_retry_policy())
    assert (bad.outcome, bad.error) == (Outcome.FAILED, "the category exists or its name is invalid")
    assert good.outcome is Outcome.APPLIED


def test_after_a_lost_reply_the_category_is_read_and_not_created_again() -> None:
    box = make_box()
    box.fail_next(1, ResponseTimeoutError("no reply"), lose_reply=True, skip=1)
    job = make_add("films", "/films")
    apply_categories([job], box, fake_retry_policy())
    assert (job.outcome, job.error) == (Outcome.APPLIED, None)
    assert box.request_count == 4  # read, create, read again, read back


def test_an_instance_that_stays_unreachable_is_lost() -> None:
    box = make_box()
    box.fail_next(100, UnreachableError("connection refused"))
    with pytest.raises(InstanceLost, match="connection refused"):
        apply_categories([make_add("films")], box, fake_retry_policy())


def test_only_categories_without_torrents_are_removed() -> None:
    box = make_box("empty", "used", "parent", "parent/child", "par")
    for letter, category in (("a", "used"), ("b", "parent/child")):
        torrent = make_live_torrent({"hash": letter, "category": category})
        box.torrents[torrent.id] = torrent
    jobs = {name: Job(DeleteCategory(name, "not declared")) for name in ("empty", "used", "parent", "par")}
    remove_categories(list(jobs.values()), box, fake_retry_policy())
    assert {name: job.outcome for name, job in jobs.items()} == {
        "empty": Outcome.APPLIED,
        "used": Outcome.DROPPED,
        "parent": Outcome.DROPPED,
        "par": Outcome.APPLIED,
    }
    assert jobs["used"].error == "a torrent is in it since it was planned"
    assert sorted(box.live_categories) == ["parent", "parent/child", "used"]


def test_a_category_that_is_gone_already_needs_no_request() -> None:
    box = make_box()
    job = Job(DeleteCategory("films", "not declared"))
    remove_categories([job], box, fake_retry_policy())
    assert (job.outcome, job.sent) == (Outcome.APPLIED, False)


def test_without_jobs_nothing_is_read() -> None:
    box = make_box()
    apply_categories([], box, fake_retry_policy())
    remove_categories([], box, fake_retry_policy())
    assert box.request_count == 0
