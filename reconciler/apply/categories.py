"""The categories of a plan: made and edited before any torrent needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.apply.delivery import Lost
from reconciler.apply.job import Job
from reconciler.apply.pace import Pace
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, Rejected, ServerFault, Unsupported
from reconciler.model.fields import normal_path
from reconciler.model.plan import Outcome, Verb
from reconciler.model.snapshot import LiveCategory


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


def _send(job: Job, live: Mapping[str, LiveCategory], target: Target, pace: Pace) -> None:
    """One category, again where the failure may pass; making one that is there by now is no failure."""
    action, delays = job.action, pace.delays()
    path = str(action.wanted("save_path", ""))
    while not _arrived(job, live):
        job.sent = True
        try:
            if action.verb is Verb.ADD and action.name not in live:
                target.create_category(action.name, path)
            else:
                target.edit_category(live.get(action.name, LiveCategory(action.name)), path)
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


def _arrived(job: Job, live: Mapping[str, LiveCategory]) -> bool:
    category = live.get(job.action.name)
    path = job.action.wanted("save_path")
    return category is not None and (path is None or normal_path(category.save_path) == normal_path(str(path)))
