"""Torrents that the instance makes from content: begun, awaited for a while, and handed on to be added.

A task is found again by what it makes, so that whatever was lost on the way (an answer, this very process) no content
is hashed twice. What is not ready in time goes on by itself, and the next run finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from reconciler.apply.delivery import Lost
from reconciler.apply.job import Job, by_id
from reconciler.apply.target import Target
from reconciler.model.content import Creation, CreatorTask, TaskState
from reconciler.model.errors import InstanceError, Rejected, ServerFault, Unsupported
from reconciler.model.plan import Action, Outcome
from reconciler.model.torrent_file import SourceError, TorrentFile, identify
from reconciler.retry import Pace

MAKING_PATIENCE: Final = 10.0  # seconds that a run waits for torrents to be made
TOO_MANY: Final = 409

T = TypeVar("T")
Keep = Callable[[str, bytes], None]  # writes a file here, whole or not at all; raises `OSError`


class Maker:
    """Has torrents made. `begin` comes first, and `made` once all else is done: hashing takes the server a while."""

    def __init__(self, target: Target, pace: Pace) -> None:
        self._target = target
        self._pace = pace
        self._tasks: dict[str, Job] = {}  # under way, by their ids

    def begin(self, jobs: Sequence[Job]) -> None:
        """Have each made, unless that is under way already. Raises `Lost` with the instance."""
        wanted = [(job, job.action.makes) for job in jobs if job.action.makes]
        if not wanted:
            return
        known = self._known()
        for position, (job, creation) in enumerate(wanted):
            if not self._begin(job, creation, known):
                for other, _ in wanted[position:]:
                    other.end(Outcome.DEFERRED, "too many torrents are being made there; it waits for its turn")
                return

    def made(self) -> list[Job]:
        """Those that are made by now, as adds of what was made. Raises `Lost` with the instance."""
        ready: list[Job] = []
        began = self._pace.now()
        for wait in self._pace.looks():
            if not self._tasks:
                break
            ready += self._look({task.id: task for task in self._known()})
            if self._pace.now() - began >= MAKING_PATIENCE:
                break
            if self._tasks:
                self._pace.sleep(wait)
        for job in self._tasks.values():
            job.end(Outcome.DEFERRED, job.error or "it is still being made")
        return self._without_those_there(ready)

    def _known(self) -> tuple[CreatorTask, ...]:
        return self._read(self._target.tasks)

    def _begin(self, job: Job, creation: Creation, known: Collection[CreatorTask]) -> bool:
        """False where too many are under way."""
        delays = self._pace.delays()
        while True:
            same = [task for task in known if task.makes(creation)]
            if running := next((task for task in same if task.state is not TaskState.FAILED), None):
                self._tasks[running.id] = job
                return True
            try:
                for failed in same:
                    self._target.remove_task(failed.id)
                job.sent = True
                self._tasks[self._target.make(creation)] = job
                return True
            except (Rejected, Unsupported) as error:
                if isinstance(error, Rejected) and error.http_status == TOO_MANY:
                    return False
                job.end(Outcome.FAILED, f"make: {error}")
                return True
            except InstanceError as error:
                delay = next(delays, None)
                if delay is None and isinstance(error, ServerFault):
                    job.end(Outcome.FAILED, f"make: {error}")
                    return True
                if delay is None or not error.transient:
                    raise Lost(error) from error
            self._pace.sleep(delay)
            known = self._known()

    def _look(self, tasks: dict[str, CreatorTask]) -> list[Job]:
        """Take those that have ended from what is under way; which of them are made."""
        ready = []
        for key, job in list(self._tasks.items()):
            task = tasks.get(key)
            if task is None:
                job.end(Outcome.DEFERRED, "the instance has forgotten that it was making it; the next run begins anew")
            elif task.state is TaskState.FAILED:
                job.end(Outcome.FAILED, _failure(task))
                self._forget(key)
            elif task.state is TaskState.FINISHED:
                ready += [job] if self._take(job, key) else []
            else:
                job.error = task.text
                continue
            del self._tasks[key]
        return ready

    def _take(self, job: Job, key: str) -> bool:
        """Turn the making into an add of what was made."""
        data = self._read(partial(self._target.made, key))
        if data is None:
            job.end(Outcome.DEFERRED, "the instance has forgotten what it made; the next run begins anew")
            return False
        try:
            file = made_file(job.action.name, data)
        except SourceError as error:
            job.end(Outcome.FAILED, f"what was made from it cannot be used: {error}")
            return False
        job.error = None
        job.action = replace(job.action, adds=file, infohash=str(file.infohashes), task=key, makes=None)
        return True

    def _without_those_there(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that are not on the instance: for what is there already nothing was planned."""
        ids = [key for job in jobs for key in job.ids]
        there = by_id(self._read(lambda: self._target.read(ids))) if ids else {}
        for job in jobs:
            if not there.keys().isdisjoint(job.ids):
                job.end(Outcome.DEFERRED, "the very torrent that it makes is there already; the next run sees to it")
        return [job for job in jobs if job.outcome is None]

    def _forget(self, key: str) -> None:
        self._read(partial(self._target.remove_task, key))

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return self._pace.patiently(read)
        except InstanceError as error:
            raise Lost(error) from error


def made_file(name: str, data: bytes) -> TorrentFile:
    """What an instance has made, as something to be added. Raises `SourceError`."""
    found = identify(data)
    return TorrentFile(name, found.infohashes, found.name, len(data), lambda: data)


def owed(action: Action) -> set[str]:
    """What is to be done besides, that the torrent does not show."""
    besides = (("export", action.export), ("creator_task", action.task), ("peer", action.peer))
    return {name for name, wanted in besides if wanted}


def settle_debts(jobs: Sequence[Job], target: Target, pace: Pace, keep: Keep) -> None:
    """Write .torrent files, remove tasks whose torrents are there, introduce peers. Raises `Lost` with the instance."""
    for job in jobs:
        if job.error or job.outcome or job.torrent_id is None:
            continue
        try:
            if job.action.export:
                _write(job, job.action.export, target, pace, keep)
            if job.action.task:
                pace.patiently(partial(target.remove_task, job.action.task))
                job.owed.discard("creator_task")
            if job.action.peer:
                pace.patiently(partial(target.add_peer, job.id, job.action.peer))
                job.owed.discard("peer")
        except (Rejected, Unsupported, ServerFault) as error:
            job.error = str(error)
        except InstanceError as error:
            raise Lost(error) from error


def _write(job: Job, path: str, target: Target, pace: Pace, keep: Keep) -> None:
    try:
        made = job.action.adds
        torrent_id = job.id
        data = made.content() if isinstance(made, TorrentFile) else pace.patiently(lambda: target.export(torrent_id))
        if data is None:
            job.error = "its .torrent file could not be had: it has no metadata, or is gone"
            return
        keep(path, data)
        job.owed.discard("export")
    except SourceError as error:
        job.error = f"its .torrent file could not be had: {error}"
    except OSError as error:
        job.error = f"{path} could not be written: {error.strerror or error}"


def _failure(task: CreatorTask) -> str:
    text = " ".join(task.error.split()).rstrip(".") or "it does not say why"
    return (
        f"qBittorrent could not make it: {text}. Is there a file or folder with something in it at {task.of.path}, "
        "as qBittorrent sees it, that it may read?"
    )
