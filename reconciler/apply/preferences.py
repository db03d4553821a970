"""The preferences of a plan: set in one request, judged by what the server makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.apply.delivery import Lost
from reconciler.apply.job import Job
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, Rejected, ServerFault, Unsupported
from reconciler.model.plan import Outcome
from reconciler.model.preferences import PreferenceValue, bare_value, sent_along
from reconciler.model.secret import Secret
from reconciler.retry import Pace


def apply_preferences(jobs: Sequence[Job], target: Target, pace: Pace) -> None:
    """Set what the actions want and read it back. Raises `Lost` with the instance.

    It may be sent again blindly: the same values set twice are the same values. What goes only together with others is
    sent with these as they are.
    """
    if not jobs:
        return
    try:
        live = pace.patiently(target.preferences)
        values = {job.action.name: job.action.value for job in jobs if job.action.value is not None}
        partners = {name: live[name] for name in sent_along(set(values)) if name in live}
        for job in jobs:
            job.sent = True
        try:
            pace.patiently(lambda: target.set_preferences({**partners, **values}))
        except (Rejected, Unsupported, ServerFault) as error:
            for job in jobs:
                job.error = str(error)
        live = pace.patiently(target.preferences)
    except InstanceError as error:
        raise Lost(error) from error
    for job in jobs:
        _judge(job, live)


def _judge(job: Job, live: Mapping[str, PreferenceValue]) -> None:
    wanted, present = job.action.value, live.get(job.action.name)
    if wanted is not None and present is not None and bare_value(present) == bare_value(wanted):
        job.end(Outcome.APPLIED)
        return
    hidden = isinstance(wanted, Secret) or isinstance(present, Secret)
    made = "something else of it" if hidden else f"{_shown(present)} of it"
    job.end(Outcome.FAILED, job.error or f"qBittorrent made {made}; declare a value that it keeps")


def _shown(value: PreferenceValue | None) -> str:
    if value is None:
        return "nothing"
    bare = bare_value(value)
    return str(bare).lower() if isinstance(bare, bool) else f'"{bare}"' if isinstance(bare, str) else str(bare)
