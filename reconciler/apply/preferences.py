"""The preferences of a plan: set in one request, judged by what the server makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job
from reconciler.apply.management import restore_management
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, RejectedError, ServerFaultError, UnsupportedError
from reconciler.model.plan import Outcome, SetPreference
from reconciler.model.preferences import PreferenceValue, find_linked_preferences, reveal_value
from reconciler.model.secret import Secret
from reconciler.retry import RetryPolicy


def apply_preferences(jobs: Sequence[Job], target: Target, retry: RetryPolicy) -> None:
    """Set preferences and read them back. Raises `InstanceLost`.

    The request can be repeated safely. Preferences that the server sets only together are sent with their present
    values.
    """
    if not jobs:
        return
    try:
        live = retry.call_with_retry(target.read_preferences)
        values = {job.action.name: job.action.value for job in jobs if isinstance(job.action, SetPreference)}
        partners = {name: live[name] for name in find_linked_preferences(set(values)) if name in live}
        for job in jobs:
            job.sent = True
        try:
            retry.call_with_retry(lambda: target.set_preferences({**partners, **values}))
        except (RejectedError, UnsupportedError, ServerFaultError) as error:
            for job in jobs:
                job.error = str(error)
        live = retry.call_with_retry(target.read_preferences)
        restore_management(jobs, target, retry)
    except InstanceError as error:
        raise InstanceLost(error) from error
    for job in jobs:
        _end_job(job, live)


def _end_job(job: Job, live: Mapping[str, PreferenceValue]) -> None:
    wanted = job.action.value if isinstance(job.action, SetPreference) else None
    present = live.get(job.action.name)
    if wanted is not None and present is not None and reveal_value(present) == reveal_value(wanted):
        job.end(Outcome.APPLIED)
        return
    hidden = isinstance(wanted, Secret) or isinstance(present, Secret)
    made = "something else of it" if hidden else f"{_value_text(present)} of it"
    job.end(Outcome.FAILED, job.error or f"qBittorrent made {made}; declare a value that it keeps")


def _value_text(value: PreferenceValue | None) -> str:
    if value is None:
        return "nothing"
    bare = reveal_value(value)
    return str(bare).lower() if isinstance(bare, bool) else f'"{bare}"' if isinstance(bare, str) else str(bare)
