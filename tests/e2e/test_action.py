"""The action for GitHub, Forgejo and Gitea: the `run:` blocks of action.yml, on git repositories and a real server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.ci.comment import make_marker
from reconciler.ci.job import make_key
from reconciler.demo.servers import QbittorrentServer
from tests.support.action import ActionRun, make_inputs, make_pull_request
from tests.support.commands import run_reconcile
from tests.support.forge import TOKEN, run_forge
from tests.support.git import clone_shallow, commit_files, run_git
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient


def write_state(server: QbittorrentServer, *numbers: int) -> str:
    """Return a desired state with these torrents."""
    torrents = "".join(f"  - {{magnet: '{make_magnet(number)}', name: 'film {number} @team'}}\n" for number in numbers)
    return (
        f"version: 1\nowner: home\npolicy: sync\ninstances:\n  box:\n    url: {server.url}\n"
        f"    username: {server.username}\n    password: {{env: BOX_PASSWORD}}\ntorrents:\n{torrents}"
    )


@pytest.fixture
def origin(tmp_path: Path, any_server: QbittorrentServer) -> Path:
    """A repository with a pull request that adds a torrent and removes one, merged as a forge offers it to a job."""
    origin = tmp_path / "origin"
    lock = f"env:\n  BOX_PASSWORD: 127.0.0.1:{any_server.port}\n"
    commit_files(origin, {"desired.yaml": write_state(any_server, 1, 2), "secrets-for.yaml": lock})
    run_git(origin, "checkout", "--quiet", "-b", "change")
    commit_files(origin, {"desired.yaml": write_state(any_server, 1, 3)})
    run_git(origin, "checkout", "--quiet", "-b", "merge", "main")
    run_git(origin, "merge", "--quiet", "--no-ff", "--message=merge", "change")
    return origin


def make_event(origin: Path, source: str = "home/torrents") -> dict[str, object]:
    """Return the event of the pull request."""
    base, head = run_git(origin, "rev-parse", "main", "change").split()
    return make_pull_request(source, base, head)


def test_a_pull_request_and_its_merge(tmp_path: Path, origin: Path, any_server: QbittorrentServer) -> None:
    truth = RawClient(any_server)
    inputs = make_inputs(token=TOKEN, **{"secrets-for": "secrets-for.yaml"})
    with run_forge() as forge:
        environ = {"BOX_PASSWORD": any_server.password, "GITHUB_API_URL": forge.url}
        push = {"repository": {"default_branch": "main"}}
        workspace = clone_shallow(origin, "main", tmp_path / "first")
        applied = ActionRun(workspace, tmp_path / "job-0", "push", push, inputs, environ)
        applied.run()
        assert applied.exit_code == 0, applied.log
        assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(2)}
        assert "### reconcile: 2 added, 0 changed, 0 deleted, 0 unchanged" in applied.summary

        forge.add_comment(7, "please have a look", {"login": "person", "type": "User"})
        workspace = clone_shallow(origin, "merge", tmp_path / "second")
        planned = ActionRun(workspace, tmp_path / "job-1", "pull_request", make_event(origin), inputs, environ)
        forge.add_comment(7, f"{make_marker(make_key('desired.yaml'))}\nthe plan of an earlier commit")
        planned.run()
        assert planned.exit_code == 0, planned.log
        assert list(planned.exit_codes) == ["Install", "Validate", "Compare", "Plan", "Comment", "Apply"]
        assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(2)}, "a plan changes nothing"
        body = forge.comments[7][1]["body"]
        assert len(forge.comments[7]) == 2 and "earlier commit" not in body, "updated in place"
        assert "### reconcile: 1 to add, 0 to change, 1 to delete, 1 unchanged" in body
        assert "1 to add" in body[: body.index("1 to delete")] and planned.outputs["plan"]["exit-code"] == "2"
        assert json.loads(Path(planned.outputs["plan"]["report"]).read_text())["plan_hash"] in body
        deletions = [line for line in planned.log.splitlines() if line.startswith("::warning file=desired.yaml,line=")]
        assert any("film 2" in line for line in deletions), "at the file that lost the entry"
    for text in (planned.log, planned.summary, body, applied.log):
        assert any_server.password not in text and TOKEN not in text


def test_the_pull_request_of_a_fork(tmp_path: Path, origin: Path, any_server: QbittorrentServer) -> None:
    event = make_event(origin, "stranger/torrents")
    workspace = clone_shallow(origin, "merge", tmp_path / "work")
    snapshot = ["snapshot", "-f", "desired.yaml", "-o", "live.json"]
    taken = run_reconcile(workspace, *snapshot, environ={**os.environ, "BOX_PASSWORD": any_server.password})
    assert taken.exit_code == 0, taken.err
    any_server.stop()  # a job cannot reach it
    with run_forge() as forge:
        environ = {"BOX_PASSWORD": "", "GITHUB_API_URL": forge.url}
        inputs = make_inputs(token="read-only", live="live.json", **{"secrets-for": "secrets-for.yaml"})
        run = ActionRun(workspace, tmp_path / "job", "pull_request", event, inputs, environ)
        run.run()
        assert forge.requests == []
    assert run.exit_code == 0, run.log
    assert "desired.yaml: valid" in run.summary
    assert "film 2" in run.summary, "the comparison needs no secret"
    assert "### reconcile: 2 to add" in run.summary and run.outputs["plan"]["exit-code"] == "2"
    assert "No comment on this pull request, this summary has the whole report: `it comes from a fork" in run.summary


def test_an_invalid_desired_state_reaches_the_comment(tmp_path: Path, any_server: QbittorrentServer) -> None:
    origin = tmp_path / "origin"
    base = commit_files(origin, {"desired.yaml": write_state(any_server, 1)})
    head = commit_files(origin, {"desired.yaml": "version: 1\npolicy: '::error::@team'\n"})
    workspace = clone_shallow(origin, "main", tmp_path / "work")
    event = make_pull_request(base=base, head=head)
    with run_forge() as forge:
        environ = {"GITHUB_API_URL": forge.url}
        run = ActionRun(workspace, tmp_path / "job", "pull_request", event, make_inputs(token=TOKEN), environ)
        run.run()
        assert run.exit_codes == {"Install": 0, "Validate": 4, "Comment": 0}, run.log
        assert "the desired state is invalid" in forge.comments[7][0]["body"]
    assert [line for line in run.log.splitlines() if line.startswith("::error::")] == []
