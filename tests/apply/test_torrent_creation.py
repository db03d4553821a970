"""Torrents that the instance creates from content, and the work that follows an add."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.apply.job import Job
from reconciler.apply.torrent_creation import (
    TorrentCreator,
    follow_up_steps,
    parse_created_torrent,
    run_follow_ups,
)
from reconciler.model.content import CreationSpec
from reconciler.model.errors import ResponseTimeoutError
from reconciler.model.plan import AddTorrent, Change, DeleteTorrent, Outcome, UpdateTorrent
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.testing.creator import MAX_ACTIVE_TASKS
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_torrent_file
from tests.support.torrents import make_created_torrent

SPEC = CreationSpec("/films/a")


def make_box(hashing_polls: int = 0) -> MemoryInstance:
    """An instance with content at `/films/a`."""
    box = MemoryInstance("5.1.0")
    box.disk = {"/films/a": lambda creation: make_created_torrent(1, creation)}
    box.hashing_polls = hashing_polls
    return box


def make_job(creation: CreationSpec = SPEC) -> Job:
    """A job that creates a torrent and adds it."""
    return Job(AddTorrent("a", "declared", creation=creation))


def create(box: MemoryInstance, jobs: Sequence[Job]) -> list[Job]:
    """Start the tasks and return the jobs that are ready to be added."""
    creator = TorrentCreator(box, fake_retry_policy())
    creator.start_tasks(jobs)
    return creator.collect_created()


def test_a_created_torrent_becomes_the_source_of_its_add() -> None:
    job = make_job()
    assert create(make_box(hashing_polls=3), [job]) == [job]
    action = job.action
    assert isinstance(action, AddTorrent) and isinstance(action.source, TorrentFile)
    assert (action.creation, action.creator_task_id) == (None, "task-1")
    assert action.infohash == str(action.source.infohashes)
    assert action.source.read_bytes() == make_created_torrent(1, SPEC)


def test_a_task_that_runs_already_is_not_started_again() -> None:
    box = make_box(hashing_polls=10_000)
    first = make_job()
    assert create(box, [first]) == []
    assert (first.outcome, first.error) == (Outcome.DEFERRED, "it is being hashed: 50 %")
    create(box, [make_job()])
    assert [task.id for task in box.read_creator_tasks()] == ["task-1"]


def test_after_a_lost_reply_the_task_is_found_by_its_options() -> None:
    box = make_box()
    box.fail_next(1, ResponseTimeoutError("no reply"), lose_reply=True, skip=1)
    job = make_job()
    assert create(box, [job]) == [job]
    assert [task.id for task in box.read_creator_tasks()] == ["task-1"]


def test_content_that_is_not_there_fails_with_the_path() -> None:
    box = make_box()
    job = make_job(CreationSpec("/films/missing"))
    assert create(box, [job]) == []
    assert job.outcome is Outcome.FAILED
    assert job.error == (
        "qBittorrent could not make it: no files in torrent. Is there a file or folder with something in it at "
        "/films/missing, as qBittorrent sees it, that it may read?"
    )
    assert box.read_creator_tasks() == ()


def test_without_a_torrent_to_create_no_request_is_sent() -> None:
    box = MemoryInstance("4.5.2")
    assert create(box, [Job(AddTorrent("a", "declared", source=make_torrent_file("7:v1")))]) == []
    assert box.request_count == 0


def test_too_many_tasks_defer_the_jobs_that_follow() -> None:
    box = make_box(hashing_polls=10_000)
    for number in range(MAX_ACTIVE_TASKS - 1):
        box.start_creator_task(CreationSpec(f"/other/{number}"))
    jobs = [make_job(CreationSpec(f"/films/{number}")) for number in range(3)]
    TorrentCreator(box, fake_retry_policy()).start_tasks(jobs)
    waiting = "too many torrents are being created there; it waits for its turn"
    assert [(job.outcome, job.error) for job in jobs] == [
        (None, None),
        (Outcome.DEFERRED, waiting),
        (Outcome.DEFERRED, waiting),
    ]


def test_a_task_that_the_instance_lost_is_deferred() -> None:
    box = make_box(hashing_polls=5)
    job = make_job()
    creator = TorrentCreator(box, fake_retry_policy())
    creator.start_tasks([job])
    box.restart()
    assert creator.collect_created() == []
    assert (job.outcome, job.error) == (
        Outcome.DEFERRED,
        "the instance has lost the task that was creating it; the next run starts again",
    )


def test_a_torrent_that_exists_already_is_deferred() -> None:
    box = make_box()
    box.add_torrent_files({"a": make_created_torrent(1, SPEC)}, AddOptions(True, False))
    job = make_job()
    assert create(box, [job]) == []
    assert (job.outcome, job.error) == (
        Outcome.DEFERRED,
        "the torrent that it creates exists already; the next run handles it",
    )


def test_a_created_file_that_is_no_torrent_is_an_error() -> None:
    with pytest.raises(TorrentFileError):
        parse_created_torrent("a", b"junk")
    box = make_box()
    box.disk["/films/a"] = lambda _creation: b"junk"
    job = make_job()
    assert create(box, [job]) == []
    assert job.outcome is Outcome.FAILED
    assert job.error is not None and job.error.startswith("what was made from it cannot be used: ")


def test_follow_ups_are_what_a_torrent_does_not_show() -> None:
    assert follow_up_steps(Job(AddTorrent("a", "declared"))) == set()
    add = AddTorrent("a", "declared", export_path="/x", creator_task_id="task-1", peer_address="127.0.0.1:1")
    assert follow_up_steps(Job(add)) == {"export", "creator_task", "peer"}
    update = UpdateTorrent("a", "drift", (Change("name", "a", "b"),), export_path="/x")
    assert follow_up_steps(Job(update)) == {"export"}
    assert follow_up_steps(Job(DeleteTorrent("a", "not declared"))) == set()


def make_follow_up_job() -> Job:
    """A job with every follow-up, whose torrent is on the instance."""
    source = make_torrent_file("7:v1")
    action = AddTorrent(
        "a", "declared", export_path="/x.torrent", creator_task_id="task-1", source=source, peer_address="10.0.0.1:6881"
    )
    job = Job(action, source.infohashes.ids[0])
    job.follow_ups = follow_up_steps(job)
    return job


def test_follow_ups_write_the_file_remove_the_task_and_add_the_peer() -> None:
    box = make_box()
    box.start_creator_task(SPEC)
    job = make_follow_up_job()
    source = make_torrent_file("7:v1")
    box.add_torrent_files({"a": source.read_bytes()}, AddOptions(True, False))
    written: dict[str, bytes] = {}
    run_follow_ups([job], box, fake_retry_policy(), written.__setitem__)
    assert (job.error, job.follow_ups) == (None, frozenset())
    assert written == {"/x.torrent": source.read_bytes()}
    assert box.read_creator_tasks() == ()
    assert box.peers == {job.id: {"10.0.0.1:6881"}}


def test_a_file_that_cannot_be_written_is_the_error_of_its_job() -> None:
    def refuse(_path: str, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    job = make_follow_up_job()
    run_follow_ups([job], make_box(), fake_retry_policy(), refuse)
    assert job.error == "/x.torrent could not be written: No space left on device"
    assert "export" in job.follow_ups


def test_a_magnet_without_metadata_cannot_be_exported() -> None:
    job = Job(UpdateTorrent("a", "drift", export_path="/x"), "f" * 40, follow_ups=frozenset({"export"}))
    written: dict[str, bytes] = {}
    run_follow_ups([job], make_box(), fake_retry_policy(), written.__setitem__)
    assert job.error == "its .torrent file could not be read: it has no metadata, or is gone"
    assert written == {}
