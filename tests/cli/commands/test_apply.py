"""`reconcile apply` and the options that save and expect a plan, as far as they need no instance."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.commands.apply import NO_PLAN_MESSAGE
from reconciler.cli.main import run_command_line
from reconciler.engine.context import RunContext
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.expectation import PlanExpectation
from reconciler.model.run import InstanceResult, Run, RunMode, Status
from reconciler.saved.plan_file import write_plan
from tests.cli.conftest import FakeRun
from tests.support.example_runs import PLAN_HASH, planned


@pytest.fixture
def plan(folder: Path, fake_run: FakeRun) -> Path:
    """A saved plan in the current folder; the instance could not be read since."""
    stream = io.StringIO()
    write_plan(planned(), datetime(2026, 11, 29, tzinfo=UTC), stream)
    (folder / "plan.json").write_text(stream.getvalue())

    def answer(_desired: DesiredState, options: RunOptions, _context: RunContext) -> Run:
        reason = "home could not be read, so the plan is not whole"
        expectation = PlanExpectation(options.expect_plan, reason) if options.expect_plan else None
        mode = RunMode.DRY_RUN if options.dry_run else RunMode.APPLY
        home = InstanceResult("home", Status.UNREACHABLE, "home: no connection")
        return Run(mode, "sha256:" + "0" * 64, 3 if expectation else 1, (home,), expectation=expectation)

    fake_run.answer = answer
    return folder / "plan.json"


def test_apply_without_a_file_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["apply"]) == 4
    assert capsys.readouterr().err == f"error: {NO_PLAN_MESSAGE}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "plan.json"], "--out requires --dry-run"),
        (["--dry-run", "--out", "gone/plan.json"], "--out: there is no folder gone"),
        (["--dry-run", "--out", "."], "--out: . is a folder. Name a file"),
        (["--watch", "--expect-plan", PLAN_HASH], "--expect-plan cannot be combined with --watch"),
        (["--watch", "--dry-run", "--out", "p"], "--out cannot be combined with --watch"),
        (["--expect-plan", PLAN_HASH, "--wait", "1s"], "--expect-plan cannot be combined with --wait"),
        (["--expect-plan", "1234"], "--expect-plan: a plan hash is sha256: and 64 hex digits"),
        (["--accept-plan", "1234"], "--accept-plan: a plan hash is sha256: and 64 hex digits"),
        (["apply", "gone.json"], "there is no file gone.json. Save one with: reconcile --dry-run --out FILE"),
        (["apply", "desired.yaml"], "desired.yaml is not whole JSON"),
        (["apply", "plan.json", "--accept-plan", "1"], "--accept-plan: a plan hash is"),
        (["--watch", "apply", "plan.json"], "apply does not accept --watch"),
        (["--expect-plan", PLAN_HASH, "apply", "plan.json"], "apply does not accept --expect-plan"),
        (["apply", "plan.json", "--shard", "2/2"], "--shard: "),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], message: str, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 4
    assert message in capsys.readouterr().err


def test_a_misspelt_dry_run_does_not_apply(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_DRYRUN", "1")
    assert run_command_line(["apply", "plan.json"]) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "plan.json", "--dry-run", "--report", "report.json", "--output", "json"],
        ["--dry-run", "--report", "report.json", "--output", "json", "apply", "plan.json"],
    ],
)
def test_options_count_before_and_after_the_name(
    arguments: list[str], plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 3
    report = json.loads(capsys.readouterr().out)
    assert report["mode"] == "dry-run" and report == json.loads((plan.parent / "report.json").read_text())
    expected = report["expected_plan"]
    assert (expected["plan_hash"], expected["met"]) == (PLAN_HASH, False)
    assert expected["reason"] == "home could not be read, so the plan is not whole"
    assert expected["difference"]["only_actual"] == []


def test_the_environment_makes_it_a_dry_run(
    plan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECONCILE_DRY_RUN", "1")
    assert run_command_line(["apply", "plan.json", "--output", "json"]) == 3
    assert json.loads(capsys.readouterr().out)["mode"] == "dry-run"


def test_a_plan_without_an_instance_is_saved_with_a_warning(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--dry-run", "--out", "new.json"]) == 1
    assert "the saved plan is not whole: home could not be read, so it cannot be applied" in capsys.readouterr().err
    assert json.loads((plan.parent / "new.json").read_text())["kind"] == "plan"
