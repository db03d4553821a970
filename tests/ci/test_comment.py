"""The text of the comment."""

from __future__ import annotations

from pathlib import Path

from reconciler.ci.comment import MAX_BODY_LENGTH, build_comment, make_marker
from reconciler.ci.event import JobEvent
from reconciler.ci.job import CiJob
from reconciler.report.markdown import render_run_markdown
from tests.support.example_runs import hostile


def make_job(file: str = "desired.yaml") -> CiJob:
    """Return a job on a pull request."""
    environ = {"GITHUB_SERVER_URL": "https://forge.example", "GITHUB_RUN_ID": "42"}
    event = JobEvent("pull_request", "home/torrents", "ab" * 20, "cd" * 20, 7)
    return CiJob(event, environ, Path("/nowhere"), Path("/nowhere"), file)


def test_it_begins_with_its_marker_and_ends_with_the_commit() -> None:
    job = make_job()
    lines = build_comment(job, ["### diff", "### plan"]).splitlines()
    assert lines[0] == make_marker(job.key)
    assert lines[1:-1] == ["### diff", "### plan"]
    assert lines[-1] == (
        f"<sub><code>desired.yaml</code> at <code>{'cd' * 20}</code> · "
        '<a href="https://forge.example/home/torrents/actions/runs/42">job</a></sub>'
    )


def test_each_desired_state_has_a_comment_of_its_own() -> None:
    assert make_job("a.yaml").key == make_job("a.yaml").key != make_job("b.yaml").key


def test_it_fits_and_counts_what_was_left_out() -> None:
    lines = "- delete    0123456789  a film of a name that is not short   no longer declared\n" * 300
    page = f"### plan\n\n<details><summary>home</summary>\n\n```diff\n{lines}```\n\n</details>\n"
    body = build_comment(make_job(), [page] * 3)
    assert len(page) < MAX_BODY_LENGTH < 3 * len(page)
    assert len(body) <= MAX_BODY_LENGTH
    assert body.count(page) == 0 and body.count(" more lines\n") == 3
    assert body.count("<details>") == body.count("</details>") == 3
    assert build_comment(make_job(), ["short", page]).count(page) == 1


def test_names_of_files_and_torrents_activate_nothing() -> None:
    body = build_comment(make_job("<img src=x>@team.yaml"), [render_run_markdown(hostile())])
    assert "<img src=x>" not in body.splitlines()[-1]
    assert "--" not in make_marker(make_job("x --> y.yaml").key)[4:-3]
