"""The state machine of probes and instances. It is pure: the tests supply results and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.health.state import HealthHistory, health_from_error, health_from_probes, state_from_error, update_probe
from reconciler.model.desired import Instance
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    BrokenResponseError,
    InstanceError,
    ResponseTimeoutError,
    ServerFaultError,
    TlsError,
    UnreachableError,
)
from reconciler.model.health import HealthState, PingCheck, Probe, ProbeHealth, ProbeResult, TcpCheck
from reconciler.model.position import Position

STARTED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE = Position("desired.yaml", 1, 1)
GOOD, BAD, ODD = (
    ProbeResult(HealthState.OK, "fine"),
    ProbeResult(HealthState.VPN_DOWN, "refused", "hint"),
    ProbeResult(HealthState.NOT_CONFIGURED, "?"),
)
SIGNS = {"+": GOOD, "-": BAD, "?": ODD}


def at(second: int) -> datetime:
    """Return the time of a second of the replay."""
    return STARTED_AT + timedelta(seconds=second)


def replay(results: str, failures: int = 1, successes: int = 1) -> list[ProbeHealth]:
    """Return the state of a probe after each result, one per second."""
    probe = Probe(PingCheck("10.2.0.1"), failure_threshold=failures, success_threshold=successes)
    history: list[ProbeHealth] = []
    for second, sign in enumerate(results):
        history.append(update_probe(probe, history[-1] if history else None, SIGNS[sign], at(second)))
    return history


# results, thresholds of failures and successes, the states after each result (+ OK, - VPN_DOWN, ? NOT_CONFIGURED)
REPLAYS = [
    ("+", 1, 1, "+"),
    ("-", 3, 3, "-"),  # the first result sets the state
    ("+-+-", 1, 1, "+-+-"),
    ("+--+", 3, 1, "++++"),
    ("+---", 3, 1, "+++-"),
    ("+-+--", 2, 1, "++++-"),  # a result that agrees starts the count again
    ("-++", 1, 3, "---"),
    ("-+++", 1, 3, "---+"),
    ("-++-+++", 1, 3, "------+"),
    ("+-?", 3, 1, "+++"),
    ("+-?-", 3, 1, "+++-"),  # both contradict the state
    ("-?", 3, 3, "-?"),  # it stays not OK, with the latest state
    ("?+-+", 2, 2, "??--"),
]


@pytest.mark.parametrize(("results", "failures", "successes", "states"), REPLAYS)
def test_thresholds(results: str, failures: int, successes: int, states: str) -> None:
    history = replay(results, failures, successes)
    assert [probe_health.state for probe_health in history] == [SIGNS[sign].state for sign in states]


def test_since_and_the_last_error_are_kept() -> None:
    history = replay("+-+--+", failures=2)
    assert [probe_health.since for probe_health in history] == [at(0)] * 4 + [at(4), at(5)]
    assert [probe_health.last_error for probe_health in history] == [None] + ["refused"] * 5
    assert [probe_health.text for probe_health in history] == ["fine"] * 4 + ["refused", "fine"]
    assert [probe_health.opposing_results for probe_health in history] == [0, 1, 0, 1, 0, 0]


@given(st.text("+-?", min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 5))
def test_a_state_changes_only_after_as_many_results_in_a_row(results: str, failures: int, successes: int) -> None:
    history = replay(results, failures, successes)
    for number, (before, after) in enumerate(pairwise(history), 1):
        if (before.state is HealthState.OK) == (after.state is HealthState.OK):
            continue
        needed = failures if before.state is HealthState.OK else successes
        last = results[number - needed + 1 : number + 1]
        assert len(last) == needed
        assert all((sign == "+") is (after.state is HealthState.OK) for sign in last)
        assert after.since == at(number)


@given(st.text("+-?", min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 5))
def test_a_result_that_lasts_becomes_the_state(results: str, failures: int, successes: int) -> None:
    for sign in "+-?":
        last = replay(results + sign * 5, failures, successes)[-1]
        assert last.state is SIGNS[sign].state
        assert last.since <= at(len(results) + 4)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnreachableError("x"), HealthState.UNREACHABLE),
        (TlsError("x"), HealthState.UNREACHABLE),
        (BrokenResponseError("x"), HealthState.UNREACHABLE),
        (ServerFaultError("x"), HealthState.UNREACHABLE),
        (InstanceError("x"), HealthState.UNREACHABLE),
        (ResponseTimeoutError("x"), HealthState.TIMEOUT),
        (AuthenticationError("x"), HealthState.AUTH_FAILED),
        (BannedError("x"), HealthState.AUTH_FAILED),
    ],
)
def test_errors_of_the_web_api_have_a_state(error: InstanceError, state: HealthState) -> None:
    assert state_from_error(error) is state
    health = health_from_error(None, error, replay("+"), at(9))
    assert (health.state, health.error, health.since) == (state, "x", at(9))


def test_the_worst_probe_decides() -> None:
    good, bad, odd = replay("+")[0], replay("-")[0], replay("?")[0]
    assert health_from_probes(None, [], at(1)).is_healthy
    assert health_from_probes(None, [good], at(1)).is_healthy
    assert health_from_probes(None, [good, odd], at(1)).state is HealthState.NOT_CONFIGURED
    health = health_from_probes(None, [good, odd, bad], at(1))
    assert (health.state, health.error) == (HealthState.VPN_DOWN, "ping 10.2.0.1: refused")
    assert health_from_probes(health, [bad], at(5)).since == at(1)
    assert health_from_probes(health, [good], at(5)).since == at(5)


def test_a_changed_probe_starts_from_scratch() -> None:
    patient = Probe(TcpCheck("10.2.0.1", 53), failure_threshold=2)
    box = Instance("box", HERE, "http://box", health=(patient,))
    history = HealthHistory()
    assert history.update_health(box, [(patient, GOOD)], None, at(0)).is_healthy
    assert history.update_health(box, [(patient, BAD)], None, at(1)).is_healthy
    history.drop_undeclared({"box": box})
    assert history.update_health(box, [(patient, BAD)], None, at(2)).state is HealthState.VPN_DOWN
    changed = Probe(TcpCheck("10.2.0.1", 53), failure_threshold=3)
    history.drop_undeclared({"box": Instance("box", HERE, "http://box", health=(changed,))})
    assert history.update_health(box, [(changed, GOOD)], None, at(3)).is_healthy
    assert patient not in {probe for _, probe in history.probes}
    history.drop_undeclared({})
    assert not history.probes
    assert not history.instances


def test_an_instance_that_does_not_answer_keeps_the_history_of_its_probes() -> None:
    patient = Probe(PingCheck("x"), failure_threshold=2)
    box = Instance("box", HERE, "http://box", health=(patient,))
    history = HealthHistory()
    history.update_health(box, [(patient, GOOD)], None, at(0))
    lost = history.update_health(box, [(patient, BAD)], UnreachableError("gone"), at(1))
    assert (lost.state, lost.probes[0].state, lost.probes[0].opposing_results) == (
        HealthState.UNREACHABLE,
        HealthState.OK,
        1,
    )
    back = history.update_health(box, [(patient, BAD)], None, at(2))
    assert (back.state, back.since) == (HealthState.VPN_DOWN, at(2))
