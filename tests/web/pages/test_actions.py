"""The actions of the pages: who may, what they say before, and what came of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.web import serve
from tests.support.action_site import ActionSite
from tests.support.asgi_calls import call_app
from tests.support.browser import find_violations, start_browser
from tests.support.example_runs import converged, refused
from tests.support.rest_site import BEARER, DECLARED
from tests.support.status_site import NOON, TOKEN, make_finished_run

NAMES = ("run", "accept-plan", "suspend", "resume", "add", "pause-torrent", "resume-torrent", "remove-torrent")
MAGNET = "magnet:?xt=urn:btih:" + "a" * 40


@pytest.fixture
def site() -> ActionSite:
    site = ActionSite()
    site.end_run(replace(converged(), instances=(replace(converged().instances[0], name="home"),)))
    return site


@pytest.mark.parametrize("name", NAMES)
def test_without_a_session_nothing_is_done_and_the_page_asks_to_sign_in(site: ActionSite, name: str) -> None:
    path = f"/actions/{name}"
    page = site.get(path, 401)
    assert ("input", "value", path.lstrip("/")) in page.attributes
    answer = call_app(site.app, "POST", path, {"instance": "home", "links": MAGNET, "torrent": "a" * 40})
    assert answer.status == 401
    assert (site.runs, site.controls.accepted, site.controls.suspended) == (0, [], {})
    assert not site.intake.entries


@pytest.mark.parametrize("name", NAMES)
def test_a_form_of_another_session_or_site_does_nothing(site: ActionSite, name: str) -> None:
    site.sign_in()
    fields = {"instance": "home", "links": MAGNET, "csrf": "x" * 32}
    assert site.post(f"/actions/{name}", fields).status == 403
    forged = {**site._cookie, "Origin": "https://evil.example"}
    csrf = {"csrf": site.read_csrf(), "instance": "home"}
    assert call_app(site.app, "POST", f"/actions/{name}", csrf, forged).status == 403
    assert (site.runs, site.controls.suspended, dict(site.intake.entries)) == (0, {}, {})


def test_the_actions_are_listed_for_those_who_may(site: ActionSite) -> None:
    assert "/actions" not in site.get("/").resolve_paths("/")
    site.sign_in()
    assert "/actions" in site.get("/").resolve_paths("/")
    paths = site.get("/actions").resolve_paths("/actions")
    assert {"/actions/run", "/actions/add", "/actions/suspend"} <= paths and "/actions/accept-plan" not in paths
    site.end_run(refused())
    site.controls.suspended["home"] = NOON.replace(hour=15)
    page = site.get("/actions")
    assert {"/actions/accept-plan", "/actions/resume"} <= page.resolve_paths("/actions")
    assert "Suspended until 2026-01-02 15:00:00 UTC" in page.text


def test_a_script_with_the_token_can_use_the_forms(site: ActionSite) -> None:
    answer = call_app(site.app, "POST", "/actions/run", {}, BEARER)
    assert (answer.status, site.runs) == (303, 1)


def test_a_run_is_asked_for_and_its_end_is_the_outcome(site: ActionSite) -> None:
    site.sign_in()
    assert "Read the files and every instance" in site.get("/actions/run").text
    path = site.carry_out("/actions/run")
    assert "A run was requested" in site.get(path).text and site.runs == 1
    finished_run = site.end_run(converged())
    page = site.get(path)
    assert f"The run of {finished_run.started_at:%H:%M:%S} UTC has ended: " in page.text
    assert 'class="notice good"' in page.html
    site.end_run(refused())
    assert site.get(path).html.count("UTC has ended") == 1, "later runs are not its outcome"


def test_a_run_that_began_before_is_not_the_outcome(site: ActionSite) -> None:
    site.sign_in()
    site.board.on_run_start(site.desired)
    began = site.time.clock.utc()
    site.time.moment += 1
    path = site.carry_out("/actions/run")
    site.board.on_run_end(make_finished_run(converged(), began=began))
    assert "A run was requested" in site.get(path).text


def test_an_outcome_that_is_not_known_says_where_else_to_look(site: ActionSite) -> None:
    assert "not known any more" in site.get("/actions/outcomes/nothing", 404).text
    site.sign_in()
    assert site.get("/actions/outcomes/nothing", 404)
    for method in ("GET", "POST"):
        assert call_app(site.app, method, "/actions/nothing", headers=BEARER).status == 404


def test_a_dry_run_says_that_it_changes_nothing() -> None:
    site = ActionSite(is_dry_run=True)
    site.end_run(refused())
    site.sign_in()
    for name in ("accept-plan", "suspend?instance=home", "resume?instance=home"):
        page = site.get(f"/actions/{name}")
        assert (
            "This watch is a dry-run: it never changes anything." in page.text
            and '<button class="button primary' not in page.html
        )
    assert site.post("/actions/suspend", {"instance": "home"}).status == 409


def test_hostile_names_do_no_harm(site: ActionSite) -> None:
    site.sign_in()
    page = site.get("/actions/suspend?instance=%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE")
    assert "<script>alert" not in page.html and "\u202e" not in page.html
    assert site.get(f"/actions/remove-torrent?torrent={DECLARED.infohash}")


def test_a_person_signs_in_and_acts_in_a_browser_with_and_without_scripts(site: ActionSite) -> None:
    with serve(site.context, "127.0.0.1:0") as server, start_browser() as browser:
        for scripts in (True, False):
            page = browser.open(f"{server.url}/actions/suspend?instance=home", scripts=scripts)
            page.fill("#token", TOKEN.reveal())
            page.press("#token", "Enter")
            page.wait_for_url("**/actions/suspend?instance=home")
            page.select_option("#minutes", "240")
            page.click("main form button")
            page.wait_for_url("**/actions/outcomes/**")
            assert "home is suspended until" in page.inner_text("#outcome")
            assert site.controls.suspended.pop("home") - NOON >= timedelta(hours=4)
            assert not scripts or find_violations(page) == []
            page.click("text=Sign out")
            assert page.goto(f"{server.url}/actions").status == 401  # type: ignore[union-attr]
        browser.faults = [fault for fault in browser.faults if "status of 401" not in fault]
