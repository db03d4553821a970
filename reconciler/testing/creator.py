"""torrentcreator in memory: torrents that the instance makes from what is on its disk."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from reconciler.model.content import MAKES_TORRENTS, Creation, CreatorTask, TaskState, making
from reconciler.model.errors import Rejected, Unsupported

T = TypeVar("T")

MOST_TASKS: Final = 256  # that have not ended
Disk = dict[str, Callable[[Creation], bytes]]


@dataclass(slots=True)
class _Task:
    of: Creation
    looks: int  # that it takes until it has ended
    data: bytes | None  # None: there is nothing to make it from


class MemoryCreator:
    """A part of `MemoryInstance`.

    `disk` says what is made of each path. A task ends once it was looked at `hashing` times.
    """

    _api: tuple[int, ...]
    version: str
    disk: Disk
    hashing: int
    _tasks: dict[str, _Task]

    def tasks(self) -> tuple[CreatorTask, ...]:
        """All torrents that it is making or has made."""
        self._must_make()

        def work() -> tuple[CreatorTask, ...]:
            shown = tuple(_shown(key, task) for key, task in self._tasks.items())
            for task in self._tasks.values():
                task.looks = max(task.looks - 1, 0)
            return shown

        return self._request(work)

    def make(self, creation: Creation) -> str:
        """Begin to make a torrent."""
        self._must_make()

        def work() -> str:
            if sum(task.looks > 0 for task in self._tasks.values()) >= MOST_TASKS:
                raise Rejected("Too many active tasks", 409)
            self._made_so_far += 1
            key = f"task-{self._made_so_far}"
            made = self.disk.get(creation.path)
            self._tasks[key] = _Task(creation, self.hashing, made(creation) if made else None)
            return key

        return self._request(work)

    def made(self, task: str) -> bytes | None:
        """What a task has made."""
        self._must_make()

        def work() -> bytes | None:
            found = self._tasks.get(task)
            return found.data if found and not found.looks else None

        return self._request(work)

    def remove_task(self, task: str) -> None:
        """Forget a task."""
        self._must_make()
        self._request(lambda: self._tasks.pop(task, None))

    def restart(self) -> None:
        """The server ends and begins again, which costs it its tasks. No request."""
        self._tasks.clear()

    _made_so_far: int = 0

    def _tasks_for(self, content: Collection[Creation]) -> tuple[CreatorTask, ...]:
        if not content or self._api < MAKES_TORRENTS:
            return ()
        return tuple(map(self._with_file, making(content, self.tasks())))

    def _with_file(self, task: CreatorTask) -> CreatorTask:
        data = self.made(task.id) if task.state is TaskState.FINISHED else None
        return task.with_file(data) if data else task

    def _must_make(self) -> None:
        if self._api < MAKES_TORRENTS:
            raise Unsupported(f"qBittorrent {self.version} makes no torrents")

    def _request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError


def _shown(key: str, task: _Task) -> CreatorTask:
    if task.looks:
        return CreatorTask(key, task.of, TaskState.RUNNING, progress=50.0)
    if task.data is None:
        return CreatorTask(key, task.of, TaskState.FAILED, error="no files in torrent")
    return CreatorTask(key, replace(task.of, piece_size=task.of.piece_size or 16_384), TaskState.FINISHED)
