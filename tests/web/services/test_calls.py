"""The bodies and numbers of calls, and how refusals of the intake are told."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from reconciler.model.intake import DeclaredElsewhere, HandedIn, IntakeError, IntakeFull, IntakeUnavailable
from reconciler.model.position import Position, Problem
from reconciler.web.services.calls import Refusal, describe_problem, hand_in, refuse_intake_error, render_json
from tests.support.service_calls import HASH_A, RecordingIntake, make_call

PROBLEM = Problem(Position("git.yaml", 7, 1), "E001", "no\x1b[31m such", "Do this")


class Body(BaseModel):
    """A body with a secret."""

    url: str
    count: int = 0


def test_a_refusal_names_the_key_and_not_the_value() -> None:
    call = make_call(RecordingIntake(), {"url": "magnet:?tr=s3cret", "count": "s3cret"})
    with pytest.raises(Refusal, match="count: ") as refusal:
        call.parse_body(Body)
    assert "s3cret" not in refusal.value.text and refusal.value.status == 422


@pytest.mark.parametrize(
    ("error", "status"),
    [(DeclaredElsewhere, 409), (IntakeFull, 409), (IntakeUnavailable, 503), (IntakeError, 400)],
)
def test_each_refusal_of_the_intake_has_its_status(error: type[IntakeError], status: int) -> None:
    refusal = refuse_intake_error(error(PROBLEM))
    assert refusal.status == status and "git.yaml:7" in refusal.text and "Do this" in refusal.text
    assert "\x1b" not in refusal.text


def test_a_problem_without_a_place() -> None:
    assert describe_problem(Problem(Position("", 0, 0), "E001", "it is full")) == "it is full"


def test_the_intake_may_refuse_a_whole_batch() -> None:
    intake = RecordingIntake()
    intake.error = IntakeFull(PROBLEM)
    with pytest.raises(Refusal):
        hand_in(make_call(intake), [HandedIn(f"magnet:?xt=urn:btih:{HASH_A}")])


def test_half_a_surrogate_pair_is_no_crash() -> None:
    assert bytes(render_json(200, {"name": "\ud83d"}).body) == b'{"name":"\\ud83d"}'
