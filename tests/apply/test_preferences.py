"""Preferences are set in one request, and judged by what the server makes of them."""

from __future__ import annotations

import pytest

from reconciler.apply.delivery import InstanceLost
from reconciler.apply.job import Job
from reconciler.apply.preferences import apply_preferences
from reconciler.model.errors import RejectedError, ResponseTimeoutError, UnreachableError
from reconciler.model.plan import Outcome, SetPreference
from reconciler.model.preferences import PreferenceValue
from reconciler.model.secret import Secret
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy


def make_job(name: str, value: PreferenceValue) -> Job:
    """A job that sets a preference."""
    return Job(SetPreference(name, "drift", value=value))


def test_all_preferences_are_set_in_one_request() -> None:
    box = MemoryInstance()
    jobs = [make_job("max_active_downloads", 5), make_job("queueing_enabled", False)]
    apply_preferences(jobs, box, fake_retry_policy())
    assert [job.outcome for job in jobs] == [Outcome.APPLIED, Outcome.APPLIED]
    assert (box.live_preferences["max_active_downloads"], box.live_preferences["queueing_enabled"]) == (5, False)
    assert box.request_count == 3  # read, set, read back


def test_a_preference_that_is_only_set_with_another_takes_along_its_present_value() -> None:
    box = MemoryInstance()
    box.live_preferences["schedule_from_min"] = 30
    job = make_job("schedule_from_hour", 22)
    apply_preferences([job], box, fake_retry_policy())
    assert job.outcome is Outcome.APPLIED
    assert (box.live_preferences["schedule_from_hour"], box.live_preferences["schedule_from_min"]) == (22, 30)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("dl_limit", 1500, "qBittorrent made 1024 of it; declare a value that it keeps"),
        ("no_such_preference", True, "qBittorrent made nothing of it; declare a value that it keeps"),
        ("max_connec", -5, "qBittorrent made -1 of it; declare a value that it keeps"),
    ],
)
def test_a_value_that_the_server_corrects_fails(name: str, value: PreferenceValue, error: str) -> None:
    job = make_job(name, value)
    apply_preferences([job], MemoryInstance(), fake_retry_policy())
    assert (job.outcome, job.error) == (Outcome.FAILED, error)


def test_no_secret_is_shown_in_an_error() -> None:
    job = make_job("no_such_password", Secret("pass-word"))
    apply_preferences([job], MemoryInstance(), fake_retry_policy())
    assert job.error == "qBittorrent made something else of it; declare a value that it keeps"


def test_a_refusal_is_the_error_of_every_job_that_does_not_show() -> None:
    box = MemoryInstance()
    box.fail_next(1, RejectedError("not allowed", 403), skip=1)
    done, refused = make_job("queueing_enabled", True), make_job("max_active_downloads", 5)
    apply_preferences([done, refused], box, fake_retry_policy())
    assert done.outcome is Outcome.APPLIED
    assert (refused.outcome, refused.error) == (Outcome.FAILED, "not allowed")


def test_a_lost_reply_is_no_failure() -> None:
    box = MemoryInstance()
    box.fail_next(1, ResponseTimeoutError("no reply"), lose_reply=True, skip=1)
    job = make_job("max_active_downloads", 5)
    apply_preferences([job], box, fake_retry_policy())
    assert (job.outcome, job.error) == (Outcome.APPLIED, None)


def test_an_instance_that_stays_unreachable_is_lost() -> None:
    box = MemoryInstance()
    box.fail_next(100, UnreachableError("connection refused"), skip=1)
    job = make_job("max_active_downloads", 5)
    with pytest.raises(InstanceLost, match="connection refused"):
        apply_preferences([job], box, fake_retry_policy())
    assert (job.sent, job.outcome) == (True, None)


def test_without_jobs_nothing_is_read() -> None:
    box = MemoryInstance()
    apply_preferences([], box, fake_retry_policy())
    assert box.request_count == 0
