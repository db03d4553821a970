"""Accepting a plan, and suspending and resuming an instance."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.model.plan import Outcome
from reconciler.model.position import Position
from reconciler.model.run import Run
from reconciler.web.pages.action_form import ActionRefused
from reconciler.web.pages.loop_actions import find_suspend_position, is_acceptable, parse_until
from tests.support.action_site import ActionSite
from tests.support.example_runs import converged, planned, refused
from tests.support.rest_site import DESIRED
from tests.support.status_site import NOON


@pytest.fixture
def site() -> ActionSite:
    site = ActionSite()
    site.end_run(refused())
    site.sign_in()
    return site


def apply(run: Run) -> Run:
    """Return a run that carried its plan out, with an approval."""
    instances = tuple(
        replace(
            instance,
            verdict=replace(instance.verdict, refused=False),
            results=tuple(replace(result, outcome=Outcome.APPLIED) for result in instance.results),
        )
        for instance in run.instances
    )
    return replace(run, instances=instances, exit_code=0, accepted_plan=run.plan_hash)


def test_a_refused_plan_says_what_it_does_and_is_accepted_by_its_hash(site: ActionSite) -> None:
    run = refused()
    (instance,) = (instance for instance in run.instances if instance.verdict.refused)
    page = site.get(f"/actions/accept-plan?plan={run.plan_hash}")
    assert instance.verdict.reasons[0] in page.text and run.plan_hash in page.html
    assert instance.results[0].action.name in page.text
    path = site.carry_out("/actions/accept-plan", {"plan": run.plan_hash})
    assert site.controls.accepted == [run.plan_hash]
    assert "The plan is accepted" in site.get(path).text
    site.end_run(apply(run))
    assert "Accepted and executed" in site.get(path).text and 'class="notice good"' in site.get(path).html


def test_the_overview_and_the_plan_lead_to_the_acceptance_or_to_the_sign_in(site: ActionSite) -> None:
    stranger = ActionSite()
    stranger.end_run(refused())
    for path in ("/", "/plan"):
        assert "/actions/accept-plan" in site.get(path).resolve_paths(path)
        paths = stranger.get(path).resolve_paths(path)
        assert "/sign-in" in paths and "/actions/accept-plan" not in paths
        assert "next=actions%2Faccept-plan%3Fplan%3Dsha256" in stranger.get(path).html


def test_a_plan_that_changed_before_the_form_was_sent_is_not_accepted(site: ActionSite) -> None:
    shown, run = refused().plan_hash, replace(refused(), plan_hash="sha256:" + "1" * 64)
    site.end_run(run)
    answer = site.post("/actions/accept-plan", {"plan": shown})
    assert (answer.status, site.controls.accepted) == (409, [])
    assert f"The plan has changed: it is now {run.plan_hash}" in answer.text
    assert run.plan_hash in site.get(f"/actions/accept-plan?plan={shown}").text


def test_a_plan_that_changed_before_the_run_is_not_executed_and_the_outcome_says_so(site: ActionSite) -> None:
    run = refused()
    path = site.carry_out("/actions/accept-plan", {"plan": run.plan_hash})
    later = "sha256:" + "2" * 64
    site.end_run(replace(refused(), plan_hash=later, accepted_plan=run.plan_hash))
    text = site.get(path).text
    assert "Not executed: the plan has changed since you accepted it" in text and later in text
    assert "The guard refuses this one too" in text

    path = site.carry_out("/actions/accept-plan", {"plan": later})
    site.end_run(replace(converged(), plan_hash="sha256:" + "3" * 64, accepted_plan=later))
    assert "The new plan needed no approval." in site.get(path).text


def test_an_approval_that_no_run_had_is_told(site: ActionSite) -> None:
    path = site.carry_out("/actions/accept-plan", {"plan": refused().plan_hash})
    site.end_run(refused())
    assert "The plan was not executed: no run had your approval" in site.get(path).text


def test_what_needs_no_approval_is_not_accepted(site: ActionSite) -> None:
    site.end_run(planned())
    run = converged()
    site.end_run(run)
    assert "it needs no approval" in site.get("/actions/accept-plan").text
    assert site.post("/actions/accept-plan", {"plan": run.plan_hash}).status == 409
    assert site.post("/actions/accept-plan", {}).status == 409
    assert "No run has ended yet" in _signed_in(ActionSite()).get("/actions/accept-plan").text
    assert not is_acceptable(apply(refused()))


def _signed_in(site: ActionSite) -> ActionSite:
    site.sign_in()
    return site


def test_an_instance_is_suspended_until_a_time_and_resumed(site: ActionSite) -> None:
    name = site.board.get_view().instances[0].name
    assert "the kill switch does not stop anything either" in site.get(f"/actions/suspend?instance={name}").text
    path = site.carry_out("/actions/suspend", {"instance": name, "minutes": "240"})
    until = site.controls.suspended[name]
    assert timedelta(0) <= until - NOON - timedelta(hours=4) < timedelta(minutes=1)
    assert f"{name} is suspended until {until:%Y-%m-%d %H:%M} UTC" in site.get(path).text
    assert f"{name} is suspended until" in site.get(f"/actions/resume?instance={name}").text
    path = site.carry_out("/actions/resume", {"instance": name})
    assert site.controls.suspended == {} and f"{name} is reconciled again" in site.get(path).text
    assert f"{name} is not suspended." in site.get(f"/actions/resume?instance={name}").text


def test_a_suspension_that_a_restart_would_end_says_so(site: ActionSite) -> None:
    name = site.board.get_view().instances[0].name
    site.controls.is_kept = False
    page = site.get(site.carry_out("/actions/suspend", {"instance": name}))
    assert "It ends with this process" in page.text and 'class="notice wait"' in page.html
    assert "a restart would suspend it again" in site.get(site.carry_out("/actions/resume", {"instance": name})).text


def test_an_instance_that_the_files_suspend_is_resumed_there() -> None:
    home = replace(DESIRED.instances["home"], suspend=True, suspend_position=Position("desired.yaml", 7, 5))
    site = _signed_in(ActionSite(replace(DESIRED, instances={"home": home})))
    site.board.on_run_start(site.desired)
    for name in ("suspend", "resume"):
        text = site.get(f"/actions/{name}?instance=home").text
        assert "It is suspended by the desired state at desired.yaml:7:5, and can only be resumed there." in text
        assert site.post(f"/actions/{name}", {"instance": "home"}).status == 409
    everything = replace(DESIRED, suspend=True, suspend_position=Position("desired.yaml", 3, 1))
    assert str(find_suspend_position(everything, "home")) == "desired.yaml:3:1"


def test_a_refused_time_is_given_back_without_its_zone_as_its_field_wants_it(site: ActionSite) -> None:
    name = site.board.get_view().instances[0].name
    answer = site.post("/actions/suspend", {"instance": name, "until": "2026-01-02T11:59Z"})
    assert answer.status == 409 and 'value="2026-01-02T11:59" data-utc' in answer.text


def test_an_unknown_instance(site: ActionSite) -> None:
    assert 'There is no instance "nowhere" here.' in site.get("/actions/suspend?instance=nowhere").text
    assert site.post("/actions/suspend", {"instance": "nowhere"}).status == 409


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({}, NOON + timedelta(hours=1)),
        ({"minutes": "30"}, NOON + timedelta(minutes=30)),
        ({"minutes": "30", "until": "2026-01-02T18:00"}, NOON.replace(hour=18)),
        ({"until": "2026-01-02T18:00+02:00"}, NOON.replace(hour=16)),
    ],
)
def test_the_end_of_a_suspension(fields: dict[str, str], until: datetime) -> None:
    assert parse_until(fields, NOON) == until


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"until": "tomorrow"}, "no date and time"),
        ({"until": "2026-01-02T11:59"}, "is over"),
        ({"until": "2027-03-02T11:59"}, "at most a year"),
        ({"minutes": "0"}, "is over"),
        ({"minutes": "9999999"}, "at most a year"),
        ({"minutes": "-5"}, "number of minutes"),
        ({"minutes": "٣"}, "number of minutes"),
    ],
)
def test_an_end_that_makes_no_sense(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(ActionRefused, match=reason):
        parse_until(fields, NOON)
