"""The reports of the JSON API: the status of the loop, and the plan."""

from __future__ import annotations

import json
from dataclasses import replace

from reconciler.model.position import Problem
from reconciler.model.run import Status
from tests.support.example_runs import converged, hostile, make_position, planned
from tests.support.golden_reports import json_text
from tests.support.status_site import BACKOFF, NOON, StatusSite, make_finished_run

PROBLEM = Problem(make_position(12), "E030", "no")


def test_the_plan_is_the_report_of_the_last_run(site: StatusSite) -> None:
    assert site.request("/api/v1/plan").status == 503
    assert site.request("/api/v1/plan").json == {"format_version": 1, "error": "no run has ended yet"}
    for run in (planned(), hostile(), converged()):
        site.board.on_run_end(make_finished_run(run))
        answer = site.request("/api/v1/plan")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.text == json_text(run)
        assert site.request("/api/v1/plan") == answer


def test_the_status_before_any_run(site: StatusSite) -> None:
    status = site.request("/api/v1/status").json
    assert (status["state"], status["exit_code"], status["live"], status["ready"]) == ("starting", 1, True, False)
    assert (status["last_run"], status["next"], status["instances"]) == (None, None, [])


def test_status_of_each_instance(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(planned(), problems=(PROBLEM,), waiting={"attic": BACKOFF}))
    status = site.request("/api/v1/status").json
    attic, home, seedbox = status["instances"]
    assert (status["state"], status["next"], status["runs"]) == ("invalid", "2026-01-02T12:01:00.400Z", 1)
    assert status["last_run"]["trigger"] == "interval"
    assert status["last_run"]["summary"]["add"] == 1
    assert status["desired_state"]["problems"] == [
        {"file": "desired.yaml", "line": 12, "column": 5, "code": "E030", "message": "no", "hint": ""}
    ]
    assert status["desired_state"]["valid"] is False
    assert attic["waiting"] == {"failures": 3, "reason": BACKOFF.reason, "until": "2026-01-02T12:01:30.000Z"}
    assert (attic["status"], attic["up"], attic["owned"], attic["drift"]) == ("unreachable", False, None, None)
    assert (home["up"], home["owned"], home["foreign"], home["drift"]) == (True, 12, 3, 11)
    assert (seedbox["waiting"], seedbox["drift"], seedbox["suspended_until"]) == (None, 0, None)
    assert "actions" not in json.dumps(status)


def test_the_status_of_a_suspended_instance_has_its_end(site: StatusSite) -> None:
    run = converged()
    suspended = replace(run.instances[0], status=Status.SUSPENDED, suspended_until=NOON)
    site.board.on_run_end(make_finished_run(replace(run, instances=(suspended,))))
    (instance,) = site.request("/api/v1/status").json["instances"]
    assert (instance["status"], instance["up"]) == ("suspended", True)
    assert instance["suspended_until"] == "2026-01-02T12:00:00.000Z"
