"""torrentcreator in memory: torrents that the instance makes from what is on its disk."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from reconciler.model.content import CreationSpec, CreatorTask, TaskState, select_tasks
from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.versions import TORRENT_CREATOR, ApiVersion

T = TypeVar("T")

MAX_ACTIVE_TASKS: Final = 256  # that have not ended
ContentMakers = dict[str, Callable[[CreationSpec], bytes]]


@dataclass(slots=True)
class _Task:
    creation: CreationSpec
    remaining_polls: int  # that it takes until it has ended
    data: bytes | None  # None: there is nothing to make it from


class MemoryCreator:
    """A part of `MemoryInstance`.

    `disk` says what is made of each path. A task ends once it was looked at `hashing_polls` times.
    """

    _api: ApiVersion
    version: str
    disk: ContentMakers
    hashing_polls: int
    _tasks: dict[str, _Task]

    def read_creator_tasks(self) -> tuple[CreatorTask, ...]:
        """All torrents that it is making or has made."""
        self._require_creator()

        def work() -> tuple[CreatorTask, ...]:
            shown = tuple(_to_creator_task(key, task) for key, task in self._tasks.items())
            for task in self._tasks.values():
                task.remaining_polls = max(task.remaining_polls - 1, 0)
            return shown

        return self._run_request(work)

    def start_creator_task(self, creation: CreationSpec) -> str:
        """Begin to make a torrent."""
        self._require_creator()

        def work() -> str:
            if sum(task.remaining_polls > 0 for task in self._tasks.values()) >= MAX_ACTIVE_TASKS:
                raise RejectedError("Too many active tasks", 409)
            self._task_count += 1
            key = f"task-{self._task_count}"
            made = self.disk.get(creation.path)
            self._tasks[key] = _Task(creation, self.hashing_polls, made(creation) if made else None)
            return key

        return self._run_request(work)

    def read_created_torrent(self, task_id: str) -> bytes | None:
        """What a task has made."""
        self._require_creator()

        def work() -> bytes | None:
            found = self._tasks.get(task_id)
            return found.data if found and not found.remaining_polls else None

        return self._run_request(work)

    def remove_creator_task(self, task_id: str) -> None:
        """Forget a task."""
        self._require_creator()
        self._run_request(lambda: self._tasks.pop(task_id, None))

    def restart(self) -> None:
        """The server ends and begins again, which costs it its tasks. No request."""
        self._tasks.clear()

    _task_count: int = 0

    def _read_tasks_for(self, content: Collection[CreationSpec]) -> tuple[CreatorTask, ...]:
        if not content or not TORRENT_CREATOR.is_available(self._api):
            return ()
        return tuple(map(self._attach_file, select_tasks(content, self.read_creator_tasks())))

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
