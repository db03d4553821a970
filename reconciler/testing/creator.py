"""torrentcreator in memory: it makes torrents from the files on the disk of the instance."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from reconciler.model.content import V1_FORMAT, CreationSpec, CreatorTask, TaskState, select_tasks
from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.versions import TORRENT_CREATOR, ApiVersion

T = TypeVar("T")

MAX_ACTIVE_TASKS: Final = 256  # unfinished tasks
ContentMakers = dict[str, Callable[[CreationSpec], bytes]]


@dataclass(slots=True)
class _Task:
    """A task that creates a torrent."""

    creation: CreationSpec
    remaining_polls: int  # until it has ended
    data: bytes | None  # the .torrent file; None: there is no content at the path


class MemoryCreator:
    """The torrent creator calls of `MemoryInstance`.

    `disk` makes the .torrent file of each path. A task ends after it was read `hashing_polls` times. Without libtorrent
    2, every torrent is v1, and no task shows its format.
    """

    _api: ApiVersion
    _supports_v2: bool
    version: str
    disk: ContentMakers
    hashing_polls: int
    _tasks: dict[str, _Task]

    def read_creator_tasks(self) -> tuple[CreatorTask, ...]:
        """Return all tasks."""
        self._require_creator()

        def work() -> tuple[CreatorTask, ...]:
            tasks = tuple(_to_creator_task(key, task) for key, task in self._tasks.items())
            for task in self._tasks.values():
                task.remaining_polls = max(task.remaining_polls - 1, 0)
            return tasks

        return self._run_request(work)

    def start_creator_task(self, creation: CreationSpec) -> str:
        """Start making a torrent and return the id of the task."""
        self._require_creator()

        def work() -> str:
            if sum(task.remaining_polls > 0 for task in self._tasks.values()) >= MAX_ACTIVE_TASKS:
                raise RejectedError("Too many active tasks", 409)
            self._task_count += 1
            key = f"task-{self._task_count}"
            make_content = self.disk.get(creation.path)
            made = creation if self._supports_v2 else replace(creation, format=V1_FORMAT)
            data = make_content(made) if make_content else None
            shown = creation if self._supports_v2 else replace(creation, format="")
            self._tasks[key] = _Task(shown, self.hashing_polls, data)
            return key

        return self._run_request(work)

    def read_created_torrent(self, task_id: str) -> bytes | None:
        """Return the .torrent file of a task; None if the task has none, or is gone."""
        self._require_creator()

        def work() -> bytes | None:
            task = self._tasks.get(task_id)
            return task.data if task and not task.remaining_polls else None

        return self._run_request(work)

    def remove_creator_task(self, task_id: str) -> None:
        """Remove a task."""
        self._require_creator()
        self._run_request(lambda: self._tasks.pop(task_id, None))

    def restart(self) -> None:
        """Restart the server, which loses its tasks. No request."""
        self._tasks.clear()

    _task_count: int = 0

    def _read_tasks_for(self, creations: Collection[CreationSpec]) -> tuple[CreatorTask, ...]:
        if not creations or not TORRENT_CREATOR.is_available(self._api):
            return ()
        return tuple(map(self._attach_file, select_tasks(creations, self.read_creator_tasks())))

    def _attach_file(self, task: CreatorTask) -> CreatorTask:
        data = self.read_created_torrent(task.id) if task.state is TaskState.FINISHED else None
        return task.with_file(data) if data else task

    def _require_creator(self) -> None:
        if not TORRENT_CREATOR.is_available(self._api):
            raise UnsupportedError(f"qBittorrent {self.version} makes no torrents")

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError


def _to_creator_task(key: str, task: _Task) -> CreatorTask:
    if task.remaining_polls:
        return CreatorTask(key, task.creation, TaskState.RUNNING, progress=50.0)
    if task.data is None:
        return CreatorTask(key, task.creation, TaskState.FAILED, error="no files in torrent")
    return CreatorTask(key, replace(task.creation, piece_size=task.creation.piece_size or 16_384), TaskState.FINISHED)
