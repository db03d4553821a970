"""A batch takes effect once, whatever happens to its requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from reconciler.apply.delivery import (
    Batch,
    InstanceLost,
    group_jobs,
    not_yet_applied,
    prepare_ahead,
    read_jobs,
    send_batch,
)
from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.errors import (
    InstanceError,
    RejectedError,
    RequestTooLargeError,
    ResponseTimeoutError,
    ServerFaultError,
    TlsError,
    UnreachableError,
)
from reconciler.model.plan import Change, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent

LETTERS = "abcd"


class TagBatch:
    """A batch that puts the tag `new` on torrents, and records the names that each request is for."""

    def __init__(self, box: MemoryInstance) -> None:
        rows = [make_live_torrent({"hash": letter}) for letter in LETTERS]
        box.torrents = {torrent.id: torrent for torrent in rows}
        self.jobs = [Job(UpdateTorrent(torrent.name, "drift", torrent_id=torrent.id), torrent.id) for torrent in rows]
        self.requests: list[str] = []
        self.batch = Batch("tag", self.jobs, self.send, self.is_applied)

    def send(self, target: Target, jobs: Sequence[Job]) -> None:
        self.requests.append("".join(job.action.name for job in jobs))
        target.add_tags([job.id for job in jobs], ["new"])

    def is_applied(self, _job: Job, live: LiveTorrent | None) -> bool:
        return live is not None and "new" in live.tags


def test_a_batch_is_one_request() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    send_batch(tags.batch, box, fake_retry_policy())
    assert (tags.requests, box.request_count) == (["abcd"], 1)
    assert all(job.sent and job.error is None for job in tags.jobs)


def test_a_request_that_was_not_sent_is_sent_again_without_a_read() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(2, UnreachableError("connection refused"))
    send_batch(tags.batch, box, fake_retry_policy())
    assert (tags.requests, box.request_count) == (["abcd"] * 3, 3)


def test_after_an_unknown_outcome_only_what_has_no_effect_is_sent_again() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(1, ResponseTimeoutError("no reply"))
    first = tags.jobs[0].id
    box.torrents[first] = make_live_torrent({"hash": "a", "tags": ["new"]})
    send_batch(tags.batch, box, fake_retry_policy())
    assert tags.requests == ["abcd", "bcd"]

    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(1, ResponseTimeoutError("no reply"), lose_reply=True)
    send_batch(tags.batch, box, fake_retry_policy())
    assert tags.requests == ["abcd"]
    assert all(job.sent for job in tags.jobs)


def test_a_refusal_is_noted_on_every_job_and_not_repeated() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(1, RejectedError("not allowed", 403))
    send_batch(tags.batch, box, fake_retry_policy())
    assert tags.requests == ["abcd"]
    assert [job.error for job in tags.jobs] == ["tag: not allowed"] * 4


@pytest.mark.parametrize("error", [RequestTooLargeError("too large", 413), RejectedError("no torrent file", 415)])
def test_a_request_that_may_pass_in_halves_is_split(error: InstanceError) -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(2, error)
    send_batch(tags.batch, box, fake_retry_policy())
    assert tags.requests == ["abcd", "ab", "a", "b", "cd"]
    assert [job.error for job in tags.jobs] == [None] * 4


def test_a_single_job_that_is_too_large_fails() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(3, RequestTooLargeError("too large", 413))
    send_batch(tags.batch, box, fake_retry_policy())
    assert tags.requests == ["abcd", "ab", "a", "b", "cd"]
    assert [job.error for job in tags.jobs] == ["tag: too large", None, None, None]


def test_a_server_fault_that_lasts_fails_the_batch_and_not_the_instance() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    retry = fake_retry_policy(max_attempts=1)
    box.fail_next(1, ServerFaultError("502 Bad Gateway"))
    send_batch(tags.batch, box, retry)
    assert [job.error for job in tags.jobs] == ["tag: 502 Bad Gateway"] * 4


@pytest.mark.parametrize(
    ("error", "attempts"), [(UnreachableError("connection refused"), 4), (TlsError("wrong certificate"), 1)]
)
def test_an_instance_that_no_longer_answers_is_lost(error: InstanceError, attempts: int) -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(100, error)
    with pytest.raises(InstanceLost) as caught:
        send_batch(tags.batch, box, fake_retry_policy())
    assert caught.value.cause is error
    assert len(tags.requests) == attempts
    assert tags.jobs[0].error == f"tag: {error}"


def test_a_read_that_is_too_large_is_split() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.fail_next(1, RequestTooLargeError("too large", 413))
    assert [torrent.name for torrent in read_jobs(tags.jobs, box, fake_retry_policy())] == list(LETTERS)
    assert box.request_count == 3
    box.fail_next(1, RequestTooLargeError("too large", 413))
    with pytest.raises(InstanceLost):
        read_jobs(tags.jobs[:1], box, fake_retry_policy())


def test_many_jobs_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.apply.delivery.MAX_JOBS_PER_READ", 3)
    box = MemoryInstance()
    jobs = TagBatch(box).jobs
    live = read_jobs(jobs, box, fake_retry_policy())
    assert [torrent.id for torrent in live] == [job.id for job in jobs]
    assert box.request_count == 2


def test_files_are_read_only_for_jobs_that_change_files() -> None:
    box = MemoryInstance()
    row = make_live_torrent({"hash": "a", "files": ["normal x.mkv"]})
    box.torrents = {row.id: row}
    change = Change("files", None, ("skip x.mkv",))
    with_files = Job(UpdateTorrent("a", "drift", (change,), torrent_id=row.id), row.id)
    without_files = Job(UpdateTorrent("a", "drift", torrent_id=row.id), row.id)
    assert [live.files for live in read_jobs([with_files], box, fake_retry_policy())] == [row.files]
    assert [live.files for live in read_jobs([without_files], box, fake_retry_policy())] == [None]


def test_a_torrent_that_is_gone_is_not_yet_applied() -> None:
    box = MemoryInstance()
    tags = TagBatch(box)
    box.add_tags([job.id for job in tags.jobs], ["new"])
    del box.torrents[tags.jobs[2].id]
    pending = not_yet_applied(tags.batch, tags.jobs, box, fake_retry_policy())
    assert [job.action.name for job in pending] == ["c"]


def test_groups_keep_the_order_in_which_their_key_first_appears() -> None:
    jobs = [Job(UpdateTorrent(name, "drift")) for name in ("b1", "a1", "b2")]
    grouped = group_jobs(jobs, lambda job: job.action.name[0])
    assert [(key, [job.action.name for job in group]) for key, group in grouped] == [("b", ["b1", "b2"]), ("a", ["a1"])]


def test_without_ids_nothing_is_read() -> None:
    box = MemoryInstance()
    assert read_jobs([], box, fake_retry_policy()) == ()
    assert box.request_count == 0


def test_a_batch_is_made_while_the_one_before_is_sent_and_no_other() -> None:
    batch = TagBatch(MemoryInstance()).batch
    made = [threading.Event() for _ in range(3)]

    def make_batches() -> Iterator[Batch]:
        for event in made:
            event.set()
            yield batch

    batches = prepare_ahead(make_batches())
    assert next(batches) is batch
    assert made[1].wait(60)
    assert not made[2].is_set()
    assert list(batches) == [batch, batch]


def test_the_next_batch_is_not_made_before_one_had_time_to_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.side_thread.HEAD_START", 3600.0)
    batch = TagBatch(MemoryInstance()).batch
    made: list[int] = []

    def make_batches() -> Iterator[Batch]:
        for number in range(3):
            made.append(number)
            yield batch

    for count, _ in enumerate(prepare_ahead(make_batches()), start=1):
        assert len(made) == count
    assert made == [0, 1, 2]


def test_what_fails_while_a_batch_is_made_is_raised_after_the_one_before() -> None:
    batch = TagBatch(MemoryInstance()).batch

    def make_batches() -> Iterator[Batch]:
        yield batch
        raise ValueError("broken")

    batches = prepare_ahead(make_batches())
    assert next(batches) is batch
    with pytest.raises(ValueError, match="broken"):
        next(batches)
