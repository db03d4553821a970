"""torrentcreator in memory."""

from __future__ import annotations

import pytest

from reconciler.model.content import CreationSpec, TaskState
from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.testing.creator import MAX_ACTIVE_TASKS
from reconciler.testing.memory import MemoryInstance
from tests.support.torrents import make_created_torrent

SPEC = CreationSpec("/films/a")


def make_box(hashing_polls: int = 0, version: str = "5.1.0") -> MemoryInstance:
    """An instance with content at `/films/a`."""
    box = MemoryInstance(version)
    box.disk = {"/films/a": lambda creation: make_created_torrent(1, creation)}
    box.hashing_polls = hashing_polls
    return box


@pytest.mark.parametrize("version", ["4.2.5", "4.5.2"])
def test_there_is_no_creator_before_5_0(version: str) -> None:
    box = make_box(version=version)
    with pytest.raises(UnsupportedError, match=rf"qBittorrent v{version} makes no torrents"):
        box.start_creator_task(SPEC)
    with pytest.raises(UnsupportedError):
        box.read_creator_tasks()
    assert box.request_count == 0
    assert box.read_snapshot(creations=[SPEC]).creator_tasks == ()


def test_a_task_ends_after_it_was_read_so_often() -> None:
    box = make_box(hashing_polls=2)
    key = box.start_creator_task(SPEC)
    assert [box.read_creator_tasks()[0].state for _ in range(3)] == [
        TaskState.RUNNING,
        TaskState.RUNNING,
        TaskState.FINISHED,
    ]
    assert box.read_created_torrent(key) == make_created_torrent(1, SPEC)


def test_a_running_task_has_no_file_and_a_finished_task_shows_its_piece_size() -> None:
    box = make_box(hashing_polls=1)
    key = box.start_creator_task(SPEC)
    assert box.read_created_torrent(key) is None
    assert box.read_creator_tasks()[0].creation.piece_size == 0
    assert box.read_creator_tasks()[0].creation.piece_size == 16_384


def test_a_path_without_content_fails() -> None:
    box = make_box()
    key = box.start_creator_task(CreationSpec("/missing"))
    task = box.read_creator_tasks()[0]
    assert (task.state, task.error) == (TaskState.FAILED, "no files in torrent")
    assert box.read_created_torrent(key) is None


def test_too_many_unfinished_tasks_are_refused() -> None:
    box = make_box(hashing_polls=1)
    for _ in range(MAX_ACTIVE_TASKS):
        box.start_creator_task(SPEC)
    with pytest.raises(RejectedError) as caught:
        box.start_creator_task(SPEC)
    assert caught.value.http_status == 409
    box.read_creator_tasks()
    assert box.start_creator_task(SPEC) == f"task-{MAX_ACTIVE_TASKS + 1}"


def test_removed_tasks_and_a_restart_leave_nothing() -> None:
    box = make_box()
    first, second = box.start_creator_task(SPEC), box.start_creator_task(SPEC)
    box.remove_creator_task(first)
    box.remove_creator_task(first)
    assert [task.id for task in box.read_creator_tasks()] == [second]
    box.restart()
    assert box.read_creator_tasks() == ()
    assert box.start_creator_task(SPEC) == "task-3"


def test_a_snapshot_has_the_wanted_tasks_with_their_files() -> None:
    box = make_box()
    box.start_creator_task(SPEC)
    box.start_creator_task(CreationSpec("/other"))
    (task,) = box.read_snapshot(creations=[SPEC]).creator_tasks
    assert (task.creation.path, task.file is not None) == ("/films/a", True)
    assert box.read_snapshot().creator_tasks == ()
