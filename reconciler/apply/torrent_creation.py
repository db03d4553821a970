"""Torrents that the instance creates from content: tasks are started, awaited for a while, and their results added.

A task is found again by what it creates, so a lost answer or an ended process never makes an instance hash content
twice. A task that is not finished in time continues, and the next run finds it.

See docs/decisions/0080-create-then-add-torrents-from-content.md.
See docs/decisions/0082-identify-creator-tasks-by-their-options.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job, index_by_id
from reconciler.apply.target import Target
from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.model.errors import InstanceError, RejectedError, ServerFaultError, UnsupportedError
from reconciler.model.fields.names import CREATOR_TASK, EXPORT, PEER
from reconciler.model.plan import AddTorrent, Outcome, SetTorrent
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent
from reconciler.retry import RetryPolicy

CREATION_TIMEOUT: Final = 10.0  # seconds that a run waits for torrents to be made
HTTP_TOO_MANY_TASKS: Final = 409

T = TypeVar("T")
TorrentWriter = Callable[[str, bytes], None]  # writes a file here, whole or not at all; raises `OSError`


class TorrentCreator:
    """Creates torrents. Call `start_tasks` first and `collect_created` last: hashing takes the server a while."""

    def __init__(self, target: Target, retry: RetryPolicy) -> None:
        self._target = target
        self._retry = retry
        self._jobs_by_task: dict[str, Job] = {}  # under way, by their ids

    def start_tasks(self, jobs: Sequence[Job]) -> None:
        """Start a task for each job, unless one runs already. Raises `InstanceLost`."""
        wanted = [(job, creation) for job in jobs if (creation := job.creation)]
        if not wanted:
            return
        tasks = self._read_tasks()
        for position, (job, creation) in enumerate(wanted):
            if not self._start_task(job, creation, tasks):
                for other, _ in wanted[position:]:
                    other.end(Outcome.DEFERRED, "too many torrents are being created there; it waits for its turn")
                return

    def collect_created(self) -> list[Job]:
        """Return the jobs whose torrents have been created by now, as adds. Raises `InstanceLost`."""
        ready: list[Job] = []
        began = self._retry.clock.now()
        for wait in self._retry.poll_intervals():
            if not self._jobs_by_task:
                break
            ready += self._collect_finished({task.id: task for task in self._read_tasks()})
            if self._retry.clock.now() - began >= CREATION_TIMEOUT:
                break
            if self._jobs_by_task:
                self._retry.clock.sleep(wait)
        for job in self._jobs_by_task.values():
            job.end(Outcome.DEFERRED, job.error or "it is still being created")
        return self._defer_already_present(ready)

    def _read_tasks(self) -> tuple[CreatorTask, ...]:
        return self._call_with_retry(self._target.read_creator_tasks)

    def _start_task(self, job: Job, creation: CreationSpec, tasks: Collection[CreatorTask]) -> bool:
        """Return False if too many tasks run already."""
        delays = self._retry.backoff_delays()
        while True:
            same = [task for task in tasks if task.matches(creation)]
            if running := next((task for task in same if task.state is not TaskState.FAILED), None):
                self._jobs_by_task[running.id] = job
                return True
            try:
                for failed in same:
                    self._target.remove_creator_task(failed.id)
                job.sent = True
                self._jobs_by_task[self._target.start_creator_task(creation)] = job
                return True
            except (RejectedError, UnsupportedError) as error:
                if isinstance(error, RejectedError) and error.http_status == HTTP_TOO_MANY_TASKS:
                    return False
                job.end(Outcome.FAILED, f"make: {error}")
                return True
            except InstanceError as error:
                delay = next(delays, None)
                if delay is None and isinstance(error, ServerFaultError):
                    job.end(Outcome.FAILED, f"make: {error}")
                    return True
                if delay is None or not error.transient:
                    raise InstanceLost(error) from error
            self._retry.clock.sleep(delay)
            tasks = self._read_tasks()

    def _collect_finished(self, tasks: dict[str, CreatorTask]) -> list[Job]:
        """Remove ended tasks from those under way, and return the jobs whose torrents were created."""
        ready = []
        for key, job in list(self._jobs_by_task.items()):
            task = tasks.get(key)
            if task is None:
                job.end(
                    Outcome.DEFERRED, "the instance has lost the task that was creating it; the next run starts again"
                )
            elif task.state is TaskState.FAILED:
                job.end(Outcome.FAILED, _failure_reason(task))
                self._remove_task(key)
            elif task.state is TaskState.FINISHED:
                ready += [job] if self._convert_to_add(job, key) else []
            else:
                job.error = task.progress_text
                continue
            del self._jobs_by_task[key]
        return ready

    def _convert_to_add(self, job: Job, task_id: str) -> bool:
        """Turn the creation into an add of what was created."""
        data = self._call_with_retry(partial(self._target.read_created_torrent, task_id))
        if data is None:
            job.end(Outcome.DEFERRED, "the instance has lost the torrent that it created; the next run starts again")
            return False
        try:
            file = parse_created_torrent(job.action.name, data)
        except TorrentFileError as error:
            job.end(Outcome.FAILED, f"what was made from it cannot be used: {error}")
            return False
        job.error = None
        if isinstance(job.action, AddTorrent):
            job.action = replace(
                job.action, source=file, infohash=str(file.infohashes), creator_task_id=task_id, creation=None
            )
        return True

    def _defer_already_present(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs whose torrents are not on the instance: nothing was planned for torrents that are."""
        ids = [key for job in jobs for key in job.ids]
        present = index_by_id(self._call_with_retry(lambda: self._target.read_torrents(ids))) if ids else {}
        for job in jobs:
            if not present.keys().isdisjoint(job.ids):
                job.end(Outcome.DEFERRED, "the torrent that it creates exists already; the next run handles it")
        return [job for job in jobs if job.outcome is None]

    def _remove_task(self, task_id: str) -> None:
        self._call_with_retry(partial(self._target.remove_creator_task, task_id))

    def _call_with_retry(self, read: Callable[[], T]) -> T:
        try:
            return self._retry.call_with_retry(read)
        except InstanceError as error:
            raise InstanceLost(error) from error


def parse_created_torrent(name: str, data: bytes) -> TorrentFile:
    """Return a created torrent as a source for an add. Raises `TorrentFileError`."""
    torrent = identify_torrent(data)
    return TorrentFile(name, torrent.infohashes, torrent.name, len(data), lambda: data)


def note_follow_ups(jobs: Iterable[Job]) -> None:
    """Note on jobs what the torrent itself will not show."""
    for job in jobs:
        job.follow_ups = follow_up_steps(job)


def follow_up_steps(job: Job) -> frozenset[str]:
    """Return the follow-up fields of an action: work that the torrent itself does not show."""
    action = job.action
    if not isinstance(action, SetTorrent) or not (action.export_path or action.creator_task_id or job.peer_address):
        return frozenset()
    steps = ((EXPORT, action.export_path), (CREATOR_TASK, action.creator_task_id), (PEER, job.peer_address))
    return frozenset(name for name, wanted in steps if wanted)


def run_follow_ups(jobs: Sequence[Job], target: Target, retry: RetryPolicy, write_torrent: TorrentWriter) -> None:
    """Write .torrent files, remove finished creator tasks, add peers. Raises `InstanceLost`."""
    for job in jobs:
        action = job.action
        if job.error or job.outcome or job.torrent_id is None or not isinstance(action, SetTorrent):
            continue
        try:
            if action.export_path:
                _write_torrent_file(job, action.export_path, target, retry, write_torrent)
            if action.creator_task_id:
                retry.call_with_retry(partial(target.remove_creator_task, action.creator_task_id))
                job.follow_ups -= {CREATOR_TASK}
            if job.handed_trackers:
                retry.call_with_retry(partial(target.add_trackers, [job.id], job.handed_trackers))
            if job.peer_address:
                retry.call_with_retry(partial(target.add_peer, job.id, job.peer_address))
                job.follow_ups -= {PEER}
        except (RejectedError, UnsupportedError, ServerFaultError) as error:
            job.error = str(error)
        except InstanceError as error:
            raise InstanceLost(error) from error


def _write_torrent_file(job: Job, path: str, target: Target, retry: RetryPolicy, write_torrent: TorrentWriter) -> None:
    try:
        made = job.source
        torrent_id = job.id
        data = (
            made.read_bytes()
            if isinstance(made, TorrentFile)
            else retry.call_with_retry(lambda: target.export_torrent(torrent_id))
        )
        if data is None:
            job.error = "its .torrent file could not be read: it has no metadata, or is gone"
            return
        write_torrent(path, data)
        job.follow_ups -= {EXPORT}
    except TorrentFileError as error:
        job.error = f"its .torrent file could not be read: {error}"
    except OSError as error:
        job.error = f"{path} could not be written: {error.strerror or error}"


def _failure_reason(task: CreatorTask) -> str:
    text = " ".join(task.error.split()).rstrip(".") or "it does not say why"
    return (
        f"qBittorrent could not make it: {text}. Is there a file or folder with something in it at "
        f"{task.creation.path}, as qBittorrent sees it, that it may read?"
    )
