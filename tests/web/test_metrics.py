"""The metrics: their values, the labels that they never have, and the verdict of promtool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.engine.events import RunTrigger
from reconciler.web import StatusBoard
from reconciler.web.metrics import Metrics
from tests.support.example_runs import (
    SHORT_CASES,
    accepted,
    applied,
    converged,
    faulty,
    placed,
    planned,
    refused,
)
from tests.support.fake_time import FakeTime
from tests.support.planner_inputs import make_desired_state
from tests.support.promtool import check_metrics
from tests.support.status_site import BACKOFF, NOON, PROBLEM, StatusSite, make_finished_run

DOCS = Path(__file__).parents[2] / "docs" / "http.md"
LABELS = {"instance", "verb", "outcome", "reason", "trigger", "exit_code", "version", "le"}


def samples(site: StatusSite) -> dict[str, float]:
    """Every sample by its name and labels, as in `reconcile_drift{instance=home}`."""
    values = {}
    for family in text_string_to_metric_families(site.request("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            values[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return values


def fill(board: StatusBoard) -> None:
    """A board that has seen some of everything."""
    for make_run in SHORT_CASES.values():
        board.on_run_end(make_finished_run(make_run(), "files"))
    board.on_run_end(make_finished_run(planned(), problems=(PROBLEM,), waiting={"attic": BACKOFF}))


def test_promtool_accepts_the_metrics(site: StatusSite) -> None:
    assert check_metrics(site.request("/metrics").body) == ""
    fill(site.board)
    answer = site.request("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert check_metrics(answer.body) == ""


def test_before_any_run(site: StatusSite) -> None:
    values = samples(site)
    assert values["reconcile_last_success_timestamp_seconds"] == 0
    assert values["reconcile_last_attempt_timestamp_seconds"] == 0
    assert values["reconcile_desired_state_valid"] == 1
    assert values["reconcile_run_duration_seconds_count"] == 0
    assert not any("instance=" in name for name in values)


@pytest.mark.parametrize("trigger", RunTrigger)
def test_every_trigger_of_the_loop_has_its_own_count(site: StatusSite, trigger: RunTrigger) -> None:
    site.board.on_run_end(make_finished_run(converged(), trigger))
    assert samples(site)[f"reconcile_runs_total{{exit_code=0,trigger={trigger}}}"] == 1


def test_runs_and_their_lengths(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(converged(), "start", seconds=0.1))
    site.board.on_run_end(make_finished_run(planned(), seconds=4))
    site.board.on_run_end(make_finished_run(planned(), seconds=400))
    site.board.on_run_end(make_finished_run(converged(), "an\nunheard of one", seconds=1))
    values = samples(site)
    assert values["reconcile_runs_total{exit_code=0,trigger=start}"] == 1
    assert values["reconcile_runs_total{exit_code=1,trigger=interval}"] == 2
    assert values["reconcile_runs_total{exit_code=0,trigger=other}"] == 1
    assert values["reconcile_run_duration_seconds_bucket{le=0.1}"] == 1
    assert values["reconcile_run_duration_seconds_bucket{le=5.0}"] == 3
    assert values["reconcile_run_duration_seconds_bucket{le=300.0}"] == 3
    assert values["reconcile_run_duration_seconds_bucket{le=+Inf}"] == 4
    assert values["reconcile_run_duration_seconds_sum"] == pytest.approx(405.1)
    assert values["reconcile_last_attempt_timestamp_seconds"] == NOON.timestamp()
    assert values["reconcile_last_success_timestamp_seconds"] == NOON.timestamp() + 1


def test_actions_are_counted_by_outcome(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(applied()))
    site.board.on_run_end(make_finished_run(applied()))
    site.board.on_run_end(make_finished_run(planned()))
    values = samples(site)
    assert values["reconcile_actions_total{instance=home,outcome=applied,verb=add}"] == 4
    assert values["reconcile_actions_total{instance=home,outcome=failed,verb=adopt}"] == 2
    assert not any("outcome=planned" in name for name in values)


def test_unread_instance_has_no_drift_sample(site: StatusSite, time: FakeTime) -> None:
    site.board.on_run_end(make_finished_run(planned(), waiting={"attic": BACKOFF}))
    time.moment = 30
    values = samples(site)
    assert values["reconcile_instance_up{instance=attic}"] == 0
    assert values["reconcile_instance_up{instance=home}"] == 1
    assert values["reconcile_instance_backoff_seconds{instance=attic}"] == 60
    assert values["reconcile_instance_backoff_seconds{instance=home}"] == 0
    assert values["reconcile_drift{instance=home}"] == 11
    assert values["reconcile_drift{instance=seedbox}"] == 0
    assert values["reconcile_owned_torrents{instance=home}"] == 12
    assert values["reconcile_foreign_torrents{instance=home}"] == 3
    for name in ("drift", "owned_torrents", "foreign_torrents", "guard_refused"):
        assert f"reconcile_{name}{{instance=attic}}" not in values
    time.moment = 1000
    assert samples(site)["reconcile_instance_backoff_seconds{instance=attic}"] == 0


def test_pending_torrents_are_counted(site: StatusSite) -> None:
    assert "reconcile_pending_torrents" not in samples(site)
    site.board.on_run_end(make_finished_run(placed()))
    assert samples(site)["reconcile_pending_torrents"] == 2
    site.board.on_run_end(make_finished_run(converged()))
    assert samples(site)["reconcile_pending_torrents"] == 0


def test_a_pending_torrent_counts_in_one_shard_only() -> None:
    members = {"resilient": ["a", "b"], "away": ["b", "a"]}
    groups = {name: {"strategy": "failover", "members": names} for name, names in members.items()}
    desired = make_desired_state({"groups": groups, "instances": ["a", "b"]})
    counts: list[str] = []
    for shard in ("0/2", "1/2"):
        board = StatusBoard(60.0, shard=shard)
        board.on_run_start(desired)
        board.on_run_end(make_finished_run(placed()))
        text = Metrics(board.get_view).render_exposition("")[0].decode()
        counts += [line for line in text.splitlines() if line.startswith("reconcile_pending_torrents")]
    assert counts == ["reconcile_pending_torrents 1.0"] * 2, "each run has both"


def test_a_refusal_and_an_invalid_file_show(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(refused(), problems=(PROBLEM,)))
    values = samples(site)
    assert values["reconcile_guard_refused{instance=home}"] == 1
    assert values["reconcile_guard_refused{instance=seedbox}"] == 0
    assert values["reconcile_desired_state_valid"] == 0
    site.board.on_run_end(make_finished_run(converged()))
    assert samples(site)["reconcile_desired_state_valid"] == 1


def test_removed_instance_has_no_gauge(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(applied()))
    site.board.on_run_end(make_finished_run(replace(accepted(), instances=())))
    values = samples(site)
    assert not any(name.startswith("reconcile_instance_up") for name in values)
    assert values["reconcile_actions_total{instance=home,outcome=applied,verb=add}"] == 2, "counters never go back"


def test_no_label_holds_a_torrent(site: StatusSite) -> None:
    fill(site.board)
    text = site.request("/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert set(sample.labels) <= LABELS or not sample.name.startswith("reconcile_")
    for word in ("Sintel", "linux-1.iso", "0000000014", "egpj", "sha256"):
        assert word not in text


def test_preferred_format_is_used(site: StatusSite) -> None:
    answer = site.request("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_the_documentation_has_every_metric(site: StatusSite) -> None:
    fill(site.board)
    families = [family.name for family in text_string_to_metric_families(site.request("/metrics").text)]
    text = DOCS.read_text(encoding="utf-8")
    named = [name for name in families if name.startswith("reconcile_")]
    assert len(named) >= 13
    assert [name for name in named if f"`{name}" not in text] == []


def test_faulty_torrents_are_counted_by_reason(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(faulty()))
    values = samples(site)
    assert values["reconcile_faulty_torrents{instance=home,reason=error}"] == 1
    assert values["reconcile_faulty_torrents{instance=home,reason=missing_files}"] == 1
    assert values["reconcile_faulty_torrents{instance=seedbox,reason=error}"] == 0
    assert values["reconcile_faulty_torrents{instance=seedbox,reason=no_metadata}"] == 1
