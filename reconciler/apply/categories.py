"""The categories of a plan: made and edited before any torrent needs them, removed when none is in them any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job
from reconciler.apply.management import restore_management
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, RejectedError, ServerFaultError, UnsupportedError
from reconciler.model.fields.names import DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.paths import normalize_path
from reconciler.model.plan import AddCategory, Outcome
from reconciler.model.snapshot import CategoryDownloadPath, LiveCategory
from reconciler.retry import RetryPolicy


def apply_categories(jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> None:
    """Bring each category to what its action wants, judged by a read-back. Raises `InstanceLost` with the instance."""
    if not jobs:
        return
    try:
        live = retry.call_with_retry(target.read_categories)
        for job in jobs:
            _send_category(job, live, target, retry)
        live = retry.call_with_retry(target.read_categories)
        restore_management(jobs, target, retry)
    except InstanceError as error:
        raise InstanceLost(error) from error
    for job in jobs:
        if _is_applied(job, live):
            job.end(Outcome.APPLIED)
        else:
            job.end(Outcome.FAILED, job.error or "accepted, but the category does not show it")


def remove_categories(jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> None:
    """Remove categories that a fresh read shows empty, with all within them. Raises `InstanceLost`."""
    if not jobs:
        return
    try:
        snapshot = retry.call_with_retry(target.read_snapshot)
        used = {torrent.category for torrent in snapshot.torrents}
        for job in jobs:
            within = f"{job.action.name}/"
            if any(name == job.action.name or name.startswith(within) for name in used):
                job.end(Outcome.DROPPED, "a torrent is in it since it was planned")
        todo = [job for job in jobs if job.outcome is None]
        if any(job.action.name in snapshot.categories for job in todo):
            _send_removals(todo, target, retry)
        remaining = retry.call_with_retry(target.read_categories)
    except InstanceError as error:
        raise InstanceLost(error) from error
    for job in todo:
        is_gone = job.action.name not in remaining
        job.end(
            Outcome.APPLIED if is_gone else Outcome.FAILED,
            None if is_gone else job.error or "accepted, but still there",
        )


def _send_removals(jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> None:
    """All in one request; it may be sent again, for one that is gone is no error."""
    for job in jobs:
        job.sent = True
    try:
        retry.call_with_retry(lambda: target.remove_categories([job.action.name for job in jobs]))
    except (RejectedError, UnsupportedError, ServerFaultError) as error:
        for job in jobs:
            job.error = str(error)


def _send_category(job: Job, live: Mapping[str, LiveCategory], target: Target, retry: RetryPolicy) -> None:
    """One category, again where the failure may pass; making one that is there by now is no failure."""
    action, delays = job.action, retry.backoff_delays()
    while not _is_applied(job, live):
        job.sent = True
        present = live.get(action.name, LiveCategory(action.name))
        path, download_path = _wanted_paths(job)
        try:
            if isinstance(action, AddCategory) and action.name not in live:
                target.create_category(action.name, path or "", download_path)
            else:
                target.edit_category(present, path, download_path)
            return
        except (RejectedError, UnsupportedError) as error:
            job.error = str(error)
            return
        except InstanceError as error:
            delay = next(delays, None)
            if delay is None and isinstance(error, ServerFaultError):
                job.error = str(error)
                return
            if delay is None or not error.transient:
                raise
        retry.clock.sleep(delay)
        live = retry.call_with_retry(target.read_categories)


def _wanted_paths(job: Job) -> tuple[str | None, CategoryDownloadPath]:
    """The paths that the action wants; None where it leaves one alone."""
    wanted = {change.field: change.after for change in job.action.changes}
    path, download_path = wanted.get(SAVE_PATH), wanted.get(DOWNLOAD_PATH)
    return None if path is None else str(path), download_path if isinstance(download_path, (str, bool)) else None


def _is_applied(job: Job, live: Mapping[str, LiveCategory]) -> bool:
    category = live.get(job.action.name)
    path, download_path = _wanted_paths(job)
    return (
        category is not None
        and (path is None or normalize_path(path) == normalize_path(category.save_path))
        and (download_path is None or download_path == category.download_path)
    )
