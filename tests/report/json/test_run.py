"""The JSON report keeps its contract."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from reconciler.model.run import Run
from reconciler.report.json.run import InstanceEncoder, write_run, write_validation
from tests.support.example_runs import (
    PLAN_HASH,
    applied,
    converged,
    endless,
    faulty,
    huge,
    make_infohash,
    placed,
    planned,
    refused,
    unhealthy,
)
from tests.support.golden_reports import json_text

TOP = ["format_version", "mode", "plan_hash", "exit_code", "summary", "guard", "instances"]
SUMMARY = {"add", "adopt", "update", "delete", "unchanged", "deferred", "pending", "blocked", "failed", "settings"}
INSTANCE = [
    "name",
    "status",
    "error",
    "version",
    "web_api",
    "requests",
    "owned",
    "foreign",
    "guard",
    "actions",
    "spared",
]
ACTION = ["verb", "kind", "infohash", "name", "source", "changes", "disruptive", "reason", "outcome", "error"]


def parse_report(run: Run) -> dict[str, Any]:
    """The JSON report of a run."""
    return dict(json.loads(json_text(run)))


def report() -> dict[str, Any]:
    """The JSON report of the mixed plan."""
    return dict(json.loads(json_text(planned())))


def only(wanted: list[str], document: dict[str, Any]) -> list[str]:
    """The document keys that are part of the contract, in their order."""
    return [key for key in document if key in wanted]


def test_every_key_of_the_contract_is_present_and_in_order() -> None:
    document = report()
    home = document["instances"][1]
    assert only(TOP, document) == TOP
    assert set(document["summary"]) >= SUMMARY
    assert only(INSTANCE, home) == INSTANCE
    assert all(only(ACTION, action) == ACTION for action in home["actions"])
    assert set(home["spared"][0]) == {"infohash", "name", "reason"}
    assert document["format_version"] == 1
    assert document["mode"] == "dry-run"
    assert document["plan_hash"] == PLAN_HASH


def test_the_documentation_contains_every_key() -> None:
    text = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    document = report()
    home = document["instances"][1]
    keys = {
        *document,
        *document["summary"],
        *home,
        *home["actions"][0],
        *home["actions"][0]["changes"][0],
        *home["guard"],
    }
    keys |= {*document["deletions"], *next(action["blast"] for action in home["actions"] if action["blast"])}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_values_keep_their_types() -> None:
    actions = {action["name"]: action for action in report()["instances"][1]["actions"]}
    changes = {change["field"]: (change["from"], change["to"]) for change in actions["Sintel"]["changes"]}
    assert changes["paused"] == (None, False)
    assert changes["tags"] == (None, ["free", "open"])
    assert actions["films"]["infohash"] is None
    assert actions["films"]["kind"] == "category"
    assert actions["queueing_enabled"]["kind"] == "preference"
    assert actions["Tears of Steel"]["disruptive"] is True
    assert actions["Tears of Steel"]["source"] == "desired.yaml:28:5"
    assert actions["old.iso"]["source"] is None
    assert actions["older.iso"]["delete_files"] is True


def test_deletions_and_quarantines_are_added_up() -> None:
    document = report()
    assert document["deletions"] == document["instances"][1]["deletions"]
    assert document["deletions"] == {
        "torrents": 2,
        "bytes": (3 << 30) + (5 << 20),
        "with_data": 1,
        "seeding": 1,
        "without_other_seed": 1,
        "sharing_files": 1,
    }
    assert (document["quarantines"]["torrents"], document["quarantines"]["without_other_seed"]) == (1, 0)
    blasts = {action["name"]: action["blast"] for action in document["instances"][1]["actions"]}
    assert blasts["Sintel"] is None
    assert blasts["old.iso"] == {
        "torrents": 1,
        "foreign": 0,
        "bytes": 3 << 30,
        "seeding": True,
        "other_seeds": 0,
        "shares_files_with": [make_infohash(20)],
        "to_trash": False,
    }


def test_a_refusal_has_instances_and_reasons() -> None:
    document = json.loads(json_text(refused()))
    assert document["guard"]["refused"] is True
    assert document["guard"]["reasons"][0] == "home: 12 deletions are more than max_delete 10"
    assert document["instances"][0]["guard"]["reasons"][0] == "12 deletions are more than max_delete 10"


def test_every_one_of_ten_thousand_actions_is_reported() -> None:
    assert len(json.loads(json_text(huge()))["instances"][0]["actions"]) == 10_000


def test_a_validation_report() -> None:
    stream = io.StringIO()
    write_validation(12, 2, 3, (), stream)
    head = {"format_version": 1, "exit_code": 0, "torrents": 12, "unfetched": 3, "instances": 2}
    assert json.loads(stream.getvalue()) == {**head, "problems": [], "warnings": []}


def test_other_desired_states_and_runs_are_named_only_if_there_are_any() -> None:
    mark = LeaseMark("work", "nas", "22222222", datetime(2026, 11, 28, tzinfo=UTC))
    run = planned()
    instance = replace(run.instances[0], marks=(mark,), rival=LeaseHold(mark, Holder("ci", "", "12.3", "beef")))
    instance = replace(instance, same_server="home")
    document = dict(json.loads(json_text(replace(run, instances=(instance,)))))
    told = document["instances"][0]
    since = "2026-11-28T00:00:00.000Z"
    assert told["marks"] == [{"owner": "work", "instance": "nas", "since": since}]
    assert told["rival"] == {"holder": "process 12 on ci", "since": since}
    assert (told["same_server"], document["summary"]["same_server"]) == ("home", 1)
    assert not {"marks", "rival", "same_server"} & report()["instances"][0].keys()
    assert "same_server" not in report()["summary"]


def test_the_json_report_names_a_suspension_and_an_accepted_plan() -> None:
    run, until = converged(), datetime(2026, 1, 2, 15, 30, tzinfo=UTC)
    plain = parse_report(run)
    assert "accepted_plan" not in plain and "suspended_until" not in plain["instances"][0]
    instances = (replace(run.instances[0], suspended_until=until), *run.instances[1:])
    for accepted, is_met in ((run.plan_hash, True), ("sha256:0", False)):
        report = parse_report(replace(run, accepted_plan=accepted, instances=instances))
        assert report["accepted_plan"] == {"plan_hash": accepted, "met": is_met}
    assert report["instances"][0]["suspended_until"] == "2026-01-02T15:30:00.000Z"


def write(run: Run, encoder: InstanceEncoder) -> str:
    """The JSON report of a run, with the encoder of the runs before."""
    stream = io.StringIO()
    write_run(run, stream, encoder)
    return stream.getvalue()


def test_the_encoder_of_the_runs_before_changes_no_report() -> None:
    encoder = InstanceEncoder()
    runs = [planned(), applied(), placed(), converged(), faulty(), endless(), refused(), unhealthy()]
    for run in (*runs, *reversed(runs)):
        for instances in (run.instances, tuple(replace(instance, requests=99) for instance in run.instances)):
            changed = replace(run, instances=instances)
            assert write(changed, encoder) == json_text(changed)


def test_an_instance_without_news_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, run = InstanceEncoder(), converged()
    before = write(run, encoder)
    monkeypatch.setattr("reconciler.report.json.run._iterate_instance", None)
    assert write(replace(run, instances=tuple(map(replace, run.instances))), encoder) == before
