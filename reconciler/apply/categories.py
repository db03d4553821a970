"""The categories of a plan: made and edited before any torrent needs them, removed when none is in them any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.apply.delivery import Lost
from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, Rejected, ServerFault, Unsupported
from reconciler.model.paths import normal_path
from reconciler.model.plan import Outcome, Verb
from reconciler.model.snapshot import DownloadPath, LiveCategory
from reconciler.retry import Pace


def apply_categories(jobs: Sequence[Job], target: Target, pace: Pace) -> None:
    """Bring each category to what its action wants, judged by a read-back. Raises `Lost` with the instance."""
    if not jobs:
        return
    try:
        live = pace.patiently(target.categories)
        for job in jobs:
            _send(job, live, target, pace)
        live = pace.patiently(target.categories)
    except InstanceError as error:
        raise Lost(error) from error
    for job in jobs:
        if _arrived(job, live):
            job.end(Outcome.APPLIED)
        else:
            job.end(Outcome.FAILED, job.error or "accepted, but the category does not show it")


def remove_categories(jobs: Sequence[Job], target: Target, pace: Pace) -> None:
    """Remove those that a fresh read shows empty, with all within them. Raises `Lost` with the instance."""
    if not jobs:
        return
    try:
        snapshot = pace.patiently(target.snapshot)
        used = {torrent.category for torrent in snapshot.torrents}
        for job in jobs:
            within = f"{job.action.name}/"
            if any(name == job.action.name or name.startswith(within) for name in used):
                job.end(Outcome.DROPPED, "a torrent is in it since it was planned")
        todo = [job for job in jobs if job.outcome is None]
        if any(job.action.name in snapshot.categories for job in todo):
            _remove(todo, target, pace)
        left = pace.patiently(target.categories)
    except InstanceError as error:
        raise Lost(error) from error
    for job in todo:
        gone = job.action.name not in left
        job.end(Outcome.APPLIED if gone else Outcome.FAILED, None if gone else job.error or "accepted, but still there")


def _remove(jobs: Sequence[Job], target: Target, pace: Pace) -> None:
    """All in one request; it may be sent again, for one that is gone is no error."""
    for job in jobs:
        job.sent = True
    try:
        pace.patiently(lambda: target.remove_categories([job.action.name for job in jobs]))
    except (Rejected, Unsupported, ServerFault) as error:
        for job in jobs:
            job.error = str(error)


def _send(job: Job, live: Mapping[str, LiveCategory], target: Target, pace: Pace) -> None:
    """One category, again where the failure may pass; making one that is there by now is no failure."""
    action, delays = job.action, pace.delays()
    while not _arrived(job, live):
        job.sent = True
        present = live.get(action.name, LiveCategory(action.name))
        path, download_path = _paths(job)
        try:
            if action.verb is Verb.ADD and action.name not in live:
                target.create_category(action.name, path or "", download_path)
            else:
                target.edit_category(present, path, download_path)
            return
        except (Rejected, Unsupported) as error:
            job.error = str(error)
            return
        except InstanceError as error:
            delay = next(delays, None)
            if delay is None and isinstance(error, ServerFault):
                job.error = str(error)
                return
            if delay is None or not error.transient:
                raise
        pace.sleep(delay)
        live = pace.patiently(target.categories)


def _paths(job: Job) -> tuple[str | None, DownloadPath]:
    """The paths that the action wants; None where it leaves one alone."""
    wanted = {change.field: change.after for change in job.action.changes}
    path, download_path = wanted.get("save_path"), wanted.get("download_path")
    return None if path is None else str(path), download_path if isinstance(download_path, (str, bool)) else None


def _arrived(job: Job, live: Mapping[str, LiveCategory]) -> bool:
    category = live.get(job.action.name)
    path, download_path = _paths(job)
    return (
        category is not None
        and (path is None or normal_path(path) == normal_path(category.save_path))
        and (download_path is None or download_path == category.download_path)
    )
