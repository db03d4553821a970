"""The command lines of each step, and the reasons for none. tests/e2e/test_action.py runs the steps for real."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.ci import steps
from reconciler.ci.job import CiJob, open_job
from tests.support.action import make_pull_request
from tests.support.ci_jobs import make_environ
from tests.support.forge import TOKEN, run_forge
from tests.support.git import commit_files, run_git

PUSH = {"repository": {"default_branch": "main"}}


class Commands:
    """A replacement for the process: it records the command lines, and ends each with `code`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []
        self.code = 0

    def run_reconcile(self, job: CiJob, step: str, *arguments: str) -> int:
        """Record a command."""
        self.lines.append(arguments)
        if step == "plan":
            job.plan_report.write_text('{"plan_hash": "sha256:ab"}')
        job.write_page(step, f"### the report of {step}\n")
        return self.code


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """No step of this test starts a process of reconcile."""
    commands = Commands()
    monkeypatch.setattr(
        CiJob, "run_reconcile", lambda job, step, *arguments: commands.run_reconcile(job, step, *arguments)
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return commands


def make_job(folder: Path, event: Mapping[str, Any] | None = None, name: str = "pull_request", **inputs: str) -> CiJob:
    """Return a job in a repository with two commits, the second of which is checked out."""
    work = folder / "work"
    base = commit_files(work, {"desired.yaml": "old", "lock.yaml": "lock", "live.json": "live"})
    head = commit_files(work, {"desired.yaml": "new"})
    event = event or make_pull_request(base=base, head=head)
    variables = {f"INPUT_{key.upper()}": value for key, value in inputs.items()}
    return open_job(make_environ(folder, event, name) | variables)


def read_summary(job: CiJob) -> str:
    """Return the job summary so far."""
    return Path(job.environ["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_pull_request_is_validated_compared_and_planned(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path, secrets_for="lock.yaml")
    (job.folder / "plan.md").write_text("of an earlier use")
    assert [steps.STEPS[name](job) for name in ("validate", "diff", "plan", "apply")] == [0, 0, 0, 0]
    base = job.event.base
    report = str(job.plan_report)
    assert commands.lines == [
        ("--secrets-for", "lock.yaml", "validate", "-f", "desired.yaml"),
        ("diff", f"git:{base}:./desired.yaml", "desired.yaml"),
        (
            *("--secrets-for", "lock.yaml", "-f", "desired.yaml"),
            *("--dry-run", "--detailed-exitcode", "--report", report),
        ),
    ]
    assert (tmp_path / "output").read_text() == f"exit-code=0\nplan-hash=sha256:ab\nreport={report}\n"
    assert "earlier use" not in read_summary(job)


@pytest.mark.parametrize(("code", "diff", "plan"), [(0, 0, 0), (1, 1, 1), (2, 0, 0), (3, 0, 3), (4, 0, 4)])
def test_changes_are_no_failure_and_a_comparison_fails_only_by_itself(
    tmp_path: Path, commands: Commands, code: int, diff: int, plan: int
) -> None:
    job, commands.code = make_job(tmp_path), code
    assert (steps.diff(job), steps.plan(job)) == (diff, plan)


def test_the_default_branch_is_applied_and_not_planned(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path, PUSH, "push", secrets_for="lock.yaml")
    assert (steps.plan(job), steps.apply(job), steps.comment(job)) == (0, 0, 0)
    assert commands.lines == [("--secrets-for", "lock.yaml", "-f", "desired.yaml")]
    commands.lines.clear()
    job = make_job(tmp_path, PUSH, "push", live="live.json")
    assert (steps.plan(job), steps.apply(job)) == (0, 0)
    assert [line[4:6] for line in commands.lines] == [("--live", "live.json")]


def test_a_fork_is_planned_only_with_a_snapshot(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path)
    fork = make_pull_request("stranger/torrents", job.event.base, job.event.head)
    fork_job = open_job(make_environ(tmp_path, fork))
    assert steps.plan(fork_job) == 0 and commands.lines == []
    assert "### reconcile: no plan\n\nThis job cannot read the instances: it comes from a fork" in read_summary(
        fork_job
    )
    fork_job = open_job(make_environ(tmp_path, fork) | {"INPUT_LIVE": "live.json"})
    assert steps.plan(fork_job) == 0
    assert commands.lines[0][4:6] == ("--live", "live.json")


def test_a_fork_gets_no_comment_and_the_summary_says_why(tmp_path: Path, commands: Commands) -> None:
    with run_forge() as forge:
        environ = make_environ(tmp_path, make_pull_request("stranger/torrents"))
        job = open_job(environ | {"GITHUB_API_URL": forge.url, "INPUT_TOKEN": TOKEN})
        assert steps.comment(job) == 0
        assert forge.requests == [] and commands.lines == []
    assert read_summary(job) == (
        "No comment on this pull request, this summary has the whole report: "
        "`it comes from a fork, and such a job gets no secrets and a token that can only read`\n\n"
    )


@pytest.mark.parametrize("name", ["lock.yaml", "live.json"])
@pytest.mark.parametrize("means", ["the file", "a link to a changed file", "a folder that is a link now", "a new file"])
def test_no_plan_relies_on_a_file_that_the_pull_request_changes(
    tmp_path: Path, commands: Commands, name: str, means: str
) -> None:
    work = tmp_path / "work"
    base = commit_files(work, {"desired.yaml": "x", "real": "x", f"ci/{name}": "x"})
    (work / "link").symlink_to("real")
    (work / "ci" / "same").symlink_to("../real")
    run_git(work, "add", "--all")
    base = run_git(work, "commit", "--quiet", "--message=links") or run_git(work, "rev-parse", "HEAD")
    path = {"the file": f"ci/{name}", "a link to a changed file": "link", "a new file": "new"}.get(means, f"ci/{name}")
    if means == "a folder that is a link now":
        run_git(work, "mv", "ci", "moved")
        (work / "ci").symlink_to("moved")
    head = commit_files(work, {"the file": {f"ci/{name}": "y"}, "a new file": {"new": "y"}}.get(means, {"real": "y"}))
    environ = make_environ(tmp_path, make_pull_request(base=base, head=head))
    key = "INPUT_SECRETS_FOR" if name == "lock.yaml" else "INPUT_LIVE"
    job = open_job(environ | {key: path})
    assert steps.plan(job) == 0 and commands.lines == []
    assert "This pull request changes the file of" in read_summary(job)
    assert steps.plan(open_job(environ | {key: "untracked"})) == 0, "an earlier step has written that one"
    assert len(commands.lines) == 1


def test_no_plan_is_made_if_it_is_not_known_what_changed(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path, make_pull_request(), secrets_for="lock.yaml")  # of commits that are nowhere
    assert steps.plan(job) == 0 and commands.lines == []
    assert "It is not known if this pull request changes the files that a plan relies on: `git fetch" in read_summary(
        job
    )


def test_an_event_with_files_of_others_uses_no_secrets(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path, PUSH, "workflow_run")
    assert (steps.plan(job), steps.apply(job), commands.lines) == (0, 0, [])
    assert "The event workflow_run may come with files of others" in read_summary(job)


def test_without_an_earlier_state_there_is_a_note(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path, PUSH, "push")
    assert steps.diff(job) == 0
    new = make_job(tmp_path, file="torrents.yaml")
    assert steps.diff(new) == 0 and commands.lines == []
    assert "No comparison with an earlier state: `the event push names no earlier commit`" in read_summary(job)
    assert "No comparison with an earlier state: `torrents.yaml is new`" in read_summary(new)


def test_the_comment_has_the_reports_and_fails_nothing(tmp_path: Path, commands: Commands) -> None:
    job = make_job(tmp_path)
    with run_forge() as forge:
        environ = {**job.environ, "GITHUB_API_URL": forge.url, "INPUT_TOKEN": TOKEN}
        steps.validate(job)
        assert steps.comment(open_job(environ)) == 0
        assert "the report of validate" in forge.comments[7][0]["body"], "it is invalid, so there is no more"
        steps.diff(job)
        steps.plan(job)
        assert steps.comment(open_job(environ)) == 0
        (body,) = (comment["body"] for comment in forge.comments[7])
        assert body.index("the report of diff") < body.index("the report of plan") and "validate" not in body
        before = len(forge.requests)
        assert steps.comment(open_job({**environ, "INPUT_COMMENT": "false"})) == 0
        assert len(forge.requests) == before
        forge.status = 403
        assert steps.comment(open_job(environ)) == 0
    assert "`the API answered 403: the token may not write comments" in read_summary(job)
