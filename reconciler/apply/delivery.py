"""Sends a batch so that it takes effect once: retries what may pass, and reads before it sends again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from reconciler.apply.job import Job, find_live, index_by_id, list_changing
from reconciler.apply.target import Target
from reconciler.model.errors import (
    InstanceError,
    RejectedError,
    RequestTooLargeError,
    ServerFaultError,
    UnsupportedError,
)
from reconciler.model.fields.names import FILES
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import LiveTorrent, TorrentSift
from reconciler.retry import RetryPolicy
from reconciler.side_thread import SideThread

K = TypeVar("K", bound=Hashable)

ValueSetter = Callable[[Target, list[str], FieldValue], None]  # sets torrents, by their ids, to a value


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that share one request. `is_applied` returns True if a live torrent shows this step of a job.

    `wait_until_applied`: no other batch is sent before.
    """

    label: str
    jobs: Sequence[Job]
    send: Callable[[Target, Sequence[Job]], None]
    is_applied: Callable[[Job, LiveTorrent | None], bool]
    wait_until_applied: bool = False


def group_jobs(jobs: Sequence[Job], key: Callable[[Job], K]) -> Iterator[tuple[K, list[Job]]]:
    """The jobs by what they have in common, in the order in which it first appears."""
    groups: defaultdict[K, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[key(job)].append(job)
    yield from groups.items()


def prepare_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield batches, each of which a thread makes while the one before is sent, so that the server need not wait.

    What they are made of must not depend on how the others end.
    """
    with SideThread("preparing") as thread:
        batch = next(batches, None)
        while batch is not None:
            following = thread.hand_over(lambda: next(batches, None))
            yield batch
            batch = following.result()


MAX_JOBS_PER_READ = 10_000  # a reply of 14 MB; all 100,000 at once take the server as long, and both sides more memory
HTTP_NOT_A_TORRENT = 415  # the HTTP status for a file that is no .torrent file


class InstanceLost(Exception):
    """The instance stopped answering (or letting us in); nothing more can be done on it in this run."""

    def __init__(self, cause: InstanceError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def send_batch(batch: Batch, target: Target, retry: RetryPolicy) -> None:
    """Send a batch; what is refused is noted on its jobs. Raises `InstanceLost` where the instance no longer answers.

    A failed attempt whose outcome is unknown may have been carried out, so only jobs on which the step shows no
    effect are sent again (a blind resend could add twice or fight a change that a person has made since).
    """
    todo = batch.jobs
    delays = retry.backoff_delays()
    while todo:
        try:
            batch.send(target, todo)
            _mark_sent(todo)
            return
        except (RejectedError, UnsupportedError) as error:
            if _can_pass_in_halves(error) and len(todo) > 1:
                for half in _split_in_half(todo):
                    send_batch(replace(batch, jobs=half), target, retry)
                return
            _record_error(todo, batch, error)
            return
        except InstanceError as error:
            delay = next(delays, None)
            if delay is None and isinstance(error, ServerFaultError):
                _record_error(todo, batch, error)
                return
            if delay is None or not error.transient:
                _record_error(todo, batch, error)
                raise InstanceLost(error) from error
            unknown = error.unknown_outcome
            if unknown:
                _mark_sent(todo)
        retry.clock.sleep(delay)
        if unknown:
            todo = not_yet_applied(batch, todo, target, retry)


def not_yet_applied(batch: Batch, jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> list[Job]:
    """Those jobs on which the step has not taken effect, by a fresh read.

    Raises `InstanceLost` where it cannot be had.
    """
    live = index_by_id(read_jobs(jobs, target, retry))
    return [job for job in jobs if not batch.is_applied(job, find_live(job, live))]


def read_jobs(
    jobs: Sequence[Job],
    target: Target,
    retry: RetryPolicy,
    sift: TorrentSift | None = None,
    ids: Sequence[str] | None = None,
) -> Sequence[LiveTorrent]:
    """The live torrents of some jobs, read in parts. Raises `InstanceLost` where they cannot be read.

    `sift` gets the torrents, without their files, while the server makes the next part, and returns those to keep. It
    gets them again if a read is repeated. `ids`: those of the jobs, where they are listed already.
    """
    if len(jobs) > MAX_JOBS_PER_READ:
        parts = (jobs[start : start + MAX_JOBS_PER_READ] for start in range(0, len(jobs), MAX_JOBS_PER_READ))
        return [live for part in parts for live in read_jobs(part, target, retry, sift)]
    asked = [key for job in jobs for key in job.ids] if ids is None else ids
    if not asked:
        return ()
    try:
        return retry.call_with_retry(lambda: _read_with_files(target, jobs, asked, sift))
    except RequestTooLargeError as error:
        if len(jobs) == 1:
            raise InstanceLost(error) from error
        return [live for half in _split_in_half(jobs) for live in read_jobs(half, target, retry, sift)]
    except InstanceError as error:
        raise InstanceLost(error) from error


def _can_pass_in_halves(error: InstanceError) -> bool:
    """True if the error may come from what is sent together.

    One invalid .torrent file makes the server refuse all files of the request (415), or all but some, so it has to be
    found. Sending the others again is harmless.
    """
    return isinstance(error, RequestTooLargeError) or (
        isinstance(error, RejectedError) and error.http_status == HTTP_NOT_A_TORRENT
    )


def _read_with_files(
    target: Target, jobs: Sequence[Job], ids: Sequence[str], sift: TorrentSift | None
) -> Sequence[LiveTorrent]:
    """The torrents of those ids, and the files of those whose jobs change files."""
    listed = target.read_torrents(ids, sift)
    if not listed:
        return listed
    with_files = {key for job in list_changing(jobs, FILES) for key in job.ids}
    ids_with_files = [live.id for live in listed if live.has_metadata and live.id in with_files]
    if not ids_with_files:
        return listed
    files = target.read_files(ids_with_files)
    return [replace(live, files=files.get(live.id, live.files)) for live in listed]


def _split_in_half(jobs: Sequence[Job]) -> tuple[Sequence[Job], Sequence[Job]]:
    middle = len(jobs) // 2
    return jobs[:middle], jobs[middle:]


def _mark_sent(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.sent = True


def _record_error(jobs: Sequence[Job], batch: Batch, error: InstanceError) -> None:
    for job in jobs:
        job.error = f"{batch.label}: {error}"
