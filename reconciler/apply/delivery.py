"""Sends a batch so that it takes effect once: retries what may pass, and reads before it sends again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from reconciler.apply.job import Job, by_id, live_of
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, Rejected, ServerFault, TooLarge, Unsupported
from reconciler.model.plan import Value
from reconciler.model.snapshot import LiveTorrent
from reconciler.retry import Pace

K = TypeVar("K", bound=Hashable)

Requests = Callable[[Target, list[str], Value], None]  # sets torrents, by their ids, to a value


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that share one request. `done` tells from a live torrent whether this step has taken effect on a job.

    `awaited`: nothing else is sent before it has.
    """

    what: str
    jobs: Sequence[Job]
    send: Callable[[Target, Sequence[Job]], None]
    done: Callable[[Job, LiveTorrent | None], bool]
    awaited: bool = False


def grouped(jobs: Sequence[Job], key: Callable[[Job], K]) -> Iterator[tuple[K, list[Job]]]:
    """The jobs by what they have in common, in the order in which it first appears."""
    groups: defaultdict[K, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[key(job)].append(job)
    yield from groups.items()


NOT_A_TORRENT = 415  # the HTTP status for a file that is no .torrent file


class Lost(Exception):
    """The instance stopped answering (or letting us in); nothing more can be done on it in this run."""

    def __init__(self, cause: InstanceError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def deliver(batch: Batch, target: Target, pace: Pace) -> None:
    """Send a batch; what is refused is noted on its jobs. Raises `Lost` where the instance no longer answers.

    A failed attempt whose outcome is unknown may have been carried out, so only jobs on which the step shows no
    effect are sent again (a blind resend could add twice or fight a change that a person has made since).
    """
    todo = batch.jobs
    delays = pace.delays()
    while todo:
        try:
            batch.send(target, todo)
            _mark_sent(todo)
            return
        except (Rejected, Unsupported) as error:
            if _smaller_may_pass(error) and len(todo) > 1:
                for half in _halves(todo):
                    deliver(replace(batch, jobs=half), target, pace)
                return
            _note(todo, batch, error)
            return
        except InstanceError as error:
            delay = next(delays, None)
            if delay is None and isinstance(error, ServerFault):
                _note(todo, batch, error)
                return
            if delay is None or not error.transient:
                _note(todo, batch, error)
                raise Lost(error) from error
            unknown = error.unknown_outcome
            if unknown:
                _mark_sent(todo)
        pace.sleep(delay)
        if unknown:
            todo = undone(batch, todo, target, pace)


def undone(batch: Batch, jobs: Sequence[Job], target: Target, pace: Pace) -> list[Job]:
    """Those jobs on which the step has not taken effect, by a fresh read. Raises `Lost` where it cannot be had."""
    live = by_id(read(jobs, target, pace))
    return [job for job in jobs if not batch.done(job, live_of(job, live))]


def read(jobs: Sequence[Job], target: Target, pace: Pace) -> Sequence[LiveTorrent]:
    """The live torrents of some jobs. Raises `Lost` where they cannot be read."""
    ids = [key for job in jobs for key in job.ids]
    if not ids:
        return ()
    with_files = {key for job in jobs if job.changes("files") for key in job.ids}
    try:
        return pace.patiently(lambda: _read(target, ids, with_files))
    except TooLarge as error:
        if len(jobs) == 1:
            raise Lost(error) from error
        return [live for half in _halves(jobs) for live in read(half, target, pace)]
    except InstanceError as error:
        raise Lost(error) from error


def _smaller_may_pass(error: InstanceError) -> bool:
    """Does it depend on what is sent together?

    One bad .torrent file has all that are sent with it refused (415), or all but some: it has to be found. To send the
    others again is harmless.
    """
    return isinstance(error, TooLarge) or (isinstance(error, Rejected) and error.http_status == NOT_A_TORRENT)


def _read(target: Target, ids: Sequence[str], with_files: Collection[str]) -> Sequence[LiveTorrent]:
    """The torrents of those ids, and the files of some of them."""
    found = target.read(ids)
    asked = [live.id for live in found if live.has_metadata and live.id in with_files]
    if not asked:
        return found
    files = target.files(asked)
    return [replace(live, files=files.get(live.id, live.files)) for live in found]


def _halves(jobs: Sequence[Job]) -> tuple[Sequence[Job], Sequence[Job]]:
    middle = len(jobs) // 2
    return jobs[:middle], jobs[middle:]


def _mark_sent(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.sent = True


def _note(jobs: Sequence[Job], batch: Batch, error: InstanceError) -> None:
    for job in jobs:
        job.error = f"{batch.what}: {error}"
