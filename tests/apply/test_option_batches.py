"""The options of torrents as batches: few requests, and a read before what can only be toggled or sent together."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest

from reconciler.apply.delivery import Batch, send_batch
from reconciler.apply.job import Job
from reconciler.apply.option_batches import field_batches, location_batches, option_batches, start_batches
from reconciler.apply.target import Target
from reconciler.model.errors import UnreachableError
from reconciler.model.files import Priority
from reconciler.model.plan import Change, FieldValue, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent, ShareLimits
from reconciler.testing.memory import MemoryInstance
from reconciler.testing.releases import WEB_API_VERSIONS
from tests.support.fake_retry import fake_retry_policy
from tests.support.memory_worlds import LoggedInstance
from tests.support.planner_inputs import make_live_torrent


def put(box: MemoryInstance, **row: object) -> LiveTorrent:
    """Put a live torrent into the instance."""
    torrent = make_live_torrent(row, box.api_version)
    box.torrents[torrent.id] = torrent
    return torrent


def make_job(live: LiveTorrent, *changes: tuple[str, FieldValue], **values: object) -> Job:
    """A job that changes fields of a torrent."""
    action = UpdateTorrent(
        live.name,
        "drift",
        tuple(Change(field, None, after) for field, after in changes),
        torrent_id=live.id,
        **values,  # type: ignore[arg-type]
    )
    return Job(action, live.id)


def send_all(batches: Iterable[Batch], box: MemoryInstance) -> list[str]:
    """Send the batches and return them as `label: names`."""
    sent = []
    for batch in batches:
        send_batch(batch, box, fake_retry_policy())
        sent.append(f"{batch.label}: {' '.join(job.action.name for job in batch.jobs)}")
    return sent


def test_torrents_that_get_the_same_value_share_a_request() -> None:
    box = MemoryInstance()
    rows = [put(box, hash=letter) for letter in "abc"]
    jobs = [make_job(row, ("upload_limit", limit)) for row, limit in zip(rows, (10, 20, 10), strict=True)]
    assert send_all(option_batches(jobs, box), box) == ["set upload_limit: a c", "set upload_limit: b"]
    assert [torrent.options.upload_limit for torrent in box.torrents.values()] == [10, 20, 10]
    assert box.request_count == 2


def test_a_field_can_take_one_torrent_a_request() -> None:
    box = MemoryInstance()
    jobs = [make_job(put(box, hash=letter), ("name", "x")) for letter in "ab"] + [make_job(put(box, hash="c"))]

    def rename(target: Target, ids: list[str], name: FieldValue) -> None:
        target.rename_torrent(ids[0], str(name))

    assert send_all(field_batches(jobs, "name", rename, single=True), box) == ["set name: a", "set name: b"]
    assert [torrent.name for torrent in box.torrents.values()] == ["x", "x", "c"]


def test_only_what_differs_is_toggled() -> None:
    box = MemoryInstance()
    rows = [put(box, hash="a", sequential=False), put(box, hash="b", sequential=True)]
    jobs = [make_job(row, ("sequential", True)) for row in rows]
    assert send_all(option_batches(jobs, box), box) == ["set sequential: a b"]
    assert [torrent.options.sequential for torrent in box.torrents.values()] == [True, True]
    assert box.request_count == 2
    send_all(option_batches(jobs, box), box)
    assert box.request_count == 3, "only the read"


def test_share_limits_that_are_not_declared_keep_their_values() -> None:
    box = MemoryInstance()
    live = put(box, hash="a", share_limits={"ratio": 1.5, "seeding_time": 60})
    send_all(option_batches([make_job(live, ("share_limits.ratio", 2.0))], box), box)
    assert box.torrents[live.id].options.share == ShareLimits(2.0, 60, -2, None)


def test_share_limits_that_were_set_are_not_sent_again_when_others_of_the_batch_are() -> None:
    box = LoggedInstance(MemoryInstance())
    rows = [put(box, hash=letter) for letter in "ab"]
    jobs = [make_job(row, ("share_limits.ratio", ratio)) for row, ratio in zip(rows, (1.0, 2.0), strict=True)]
    box.fail_next(1, UnreachableError("lost"), skip=2)  # the read and the first request
    send_all(option_batches(jobs, box), box)
    assert [torrent.options.share.ratio for torrent in box.torrents.values()] == [1.0, 2.0]
    assert len(box.carried_out) == 2


@pytest.mark.parametrize(
    ("version", "batches"), [("5.1.0", ["add trackers: a", "add trackers: b"]), ("5.3.0", ["add trackers: a b"])]
)
def test_trackers_go_to_many_torrents_at_once_from_5_2_on(version: str, batches: list[str]) -> None:
    box = MemoryInstance(version)
    urls = {"trackers": ("http://tracker/announce",)}
    jobs = [
        make_job(put(box, hash=letter), ("trackers", ("http://tracker/announce",)), added_urls=urls) for letter in "ab"
    ]
    assert send_all(option_batches(jobs, box), box) == batches
    assert {torrent.links for torrent in box.torrents.values()} == {"&tr=http%3A%2F%2Ftracker%2Fannounce"}


@pytest.mark.parametrize("version", WEB_API_VERSIONS)
def test_file_priorities_are_sent_one_after_the_other_and_awaited_before_4_5(version: str) -> None:
    box = MemoryInstance(version)
    live = put(box, hash="a", files=["normal x.mkv", "normal x.nfo", "high y.mkv"])
    job = make_job(live, ("files", ("high x.mkv", "skip x.nfo", "high y.mkv")))
    batches = list(option_batches([job], box))
    assert sorted(batch.label for batch in batches) == ["set files to high", "set files to skip"]
    assert {batch.wait_until_applied for batch in batches} == {version.startswith(("4.2", "4.3", "4.4"))}
    send_all(batches, box)
    files = box.torrents[live.id].files
    assert files is not None
    assert [file.priority for file in files] == [Priority.HIGH, Priority.SKIP, Priority.HIGH]


def test_automatic_management_ends_before_a_category_changes_and_begins_after_it() -> None:
    box = MemoryInstance()
    box.create_category("films", "/films")
    ends, begins = put(box, hash="a", auto_tmm=True), put(box, hash="b", auto_tmm=False)
    jobs = [
        make_job(begins, ("auto_tmm", True), ("category", "films")),
        make_job(ends, ("auto_tmm", False), ("category", "films"), ("save_path", "/here")),
    ]

    def set_category(target: Target, ids: Collection[str], value: FieldValue) -> None:
        target.set_category(ids, str(value))

    def set_location(target: Target, ids: Collection[str], value: FieldValue) -> None:
        target.set_location(ids, str(value))

    assert send_all(location_batches(jobs, set_category, set_location), box) == [
        "set auto_tmm: a",
        "set category: b a",
        "set auto_tmm: b",
        "set save_path: a",
    ]
    assert {torrent.name: torrent.save_path for torrent in box.torrents.values()} == {"a": "/here", "b": "/films"}


def test_a_forced_start_is_not_part_of_the_independent_options() -> None:
    box = MemoryInstance()
    live = put(box, hash="a")
    job = make_job(live, ("force_start", True))
    assert list(option_batches([job], box)) == []
    assert send_all(start_batches([job]), box) == ["set force_start: a"]
    assert box.torrents[live.id].options.force_start is True


def test_without_changes_there_are_no_batches() -> None:
    box = MemoryInstance()
    jobs = [make_job(put(box, hash="a"))]
    assert list(option_batches(jobs, box)) == list(start_batches(jobs)) == []
    assert box.request_count == 0
