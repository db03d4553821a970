"""Back-off of failing instances."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.desired import Instance
from reconciler.model.position import Position
from reconciler.model.run import InstanceResult, Status
from reconciler.model.secret import Secret
from reconciler.watch.backoff import InstanceBackoff
from tests.support.fake_time import EPOCH, FakeTime

BOX = Instance("box", Position("desired.yaml", 4, 3), "http://box", "admin", Secret("old"))
HERE = {"box": BOX}


def failed(status: Status = Status.UNREACHABLE) -> list[InstanceResult]:
    return [InstanceResult("box", status, "no answer")]


def test_failing_instance_waits_longer_each_time_until_a_clean_run() -> None:
    time = FakeTime(random=1.0)
    domains = InstanceBackoff(time.clock)
    waits = []
    for _ in range(11):
        domains.record_results(failed(), HERE)
        waits.append(domains.compute_next_retry() - time.moment)
        (waiting,) = domains.get_backoffs().values()
        assert (waiting.reason, waiting.until) == ("no answer", time.clock.to_utc(domains.compute_next_retry()))
        assert domains.pop_due() == []
        time.moment = domains.compute_next_retry()
        assert domains.pop_due() == ["box"]
        assert domains.pop_due() == [] and domains.compute_next_retry() == math.inf, "it is being tried"
        assert domains.get_backoffs() == {"box": waiting}
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    domains.record_results([InstanceResult("box", Status.OK)], HERE)
    assert domains.compute_next_retry() == math.inf
    domains.record_results(failed(), HERE)
    assert domains.compute_next_retry() - time.moment == 1, "it starts again"


@pytest.mark.parametrize(("status", "seconds"), [(Status.AUTH_FAILED, 60), (Status.BANNED, 900)])
def test_refused_credentials_are_looked_at_every_minute_and_a_ban_lasts_longer(status: Status, seconds: int) -> None:
    time = FakeTime(random=0.0)
    domains = InstanceBackoff(time.clock)
    domains.record_results(failed(status), HERE)
    time.pass_(seconds - 1)
    assert domains.get_backoffs()["box"].until == EPOCH + timedelta(seconds=seconds)
    assert domains.pop_due() == []
    time.pass_(1)
    assert domains.pop_due() == ["box"]


def test_the_same_refusal_is_no_further_failure() -> None:
    domains = InstanceBackoff(FakeTime().clock)
    for reason, failures in (("down", 1), ("refused", 2), ("not sent again", 3), ("not sent again", 3)):
        status = Status.UNREACHABLE if reason == "down" else Status.AUTH_FAILED
        domains.record_results([InstanceResult("box", status, reason)], HERE)
        assert domains.get_backoffs()["box"].failures == failures


def test_new_credentials_or_url_end_the_backoff_but_a_new_line_does_not() -> None:
    time = FakeTime()
    for changed, waits in (
        (replace(BOX, position=Position("desired.yaml", 5, 3), suspend=True), True),
        (replace(BOX, password=Secret("new")), False),
        (replace(BOX, url="http://box2"), False),
    ):
        domains = InstanceBackoff(time.clock)
        domains.record_results(failed(Status.AUTH_FAILED), HERE)
        domains.forget_changed({"box": changed})
        assert bool(domains.get_backoffs()) is waits
    domains.record_results(failed(), HERE)
    domains.forget_changed({})
    assert domains.get_backoffs() == {}
