"""The status of an instance after a run."""

from __future__ import annotations

from reconciler.model.run import Status


def test_only_a_healthy_and_a_suspended_instance_are_ok() -> None:
    assert {status.value for status in Status if status.is_ok} == {"ok", "suspended"}


def test_an_unhealthy_instance_has_answered_and_a_failed_instance_has_not() -> None:
    assert {status.value for status in Status if status.is_answered} == {"ok", "suspended", "unhealthy"}
    assert not Status.UNREACHABLE.is_answered
    assert not Status.ERROR.is_answered
