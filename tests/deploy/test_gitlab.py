"""The pipeline for GitLab: the scripts of its jobs, in the image and beside it, on a real repository and server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.support.action import REPOSITORY, load_yaml
from tests.support.git import GIT_ENVIRON, clone_shallow, commit_files
from tests.support.image import Image
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient

PIPELINE: Final = load_yaml(REPOSITORY / "examples" / "ci" / "gitlab-ci.yml")
FOLDER: Final = "/builds/home/torrents"


def write_state(server: QbittorrentServer, *numbers: int) -> str:
    """Return a desired state with these torrents."""
    torrents = "".join(f"  - {{magnet: '{make_magnet(number)}', name: film {number}}}\n" for number in numbers)
    return (
        f"version: 1\nowner: home\npolicy: sync\ninstances:\n  home:\n    url: {server.url}\n"
        f"    username: {server.username}\n    password: {{env: HOME_PASSWORD}}\ntorrents:\n{torrents}"
    )


def build_script(name: str, *, with_preparation: bool = False) -> str:
    """Return the script of a job as a runner passes it to the shell."""
    job = PIPELINE[name]
    return "\n".join([*(job["before_script"][1:] if with_preparation else ()), *job["script"]])


def run_in_image(
    image: Image, name: str, workspace: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the script of a job in the image, without its entrypoint."""
    words = ["sh", "-e", "-c", f"cd {FOLDER}\n{build_script(name)}"]
    volumes = {FOLDER: (workspace, "rw")}
    command = image.build_command(words, PIPELINE["variables"] | environ, volumes)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)


@pytest.fixture
def workspace(tmp_path: Path, any_server: QbittorrentServer) -> Path:
    """A checkout of a merge request that adds a torrent and removes one. Every user may write to it, as on a runner."""
    origin = tmp_path / "origin"
    lock = f"env:\n  HOME_PASSWORD: 127.0.0.1:{any_server.port}\n"
    commit_files(origin, {"desired.yaml": write_state(any_server, 1, 2), "secrets-for.yaml": lock})
    commit_files(origin, {"desired.yaml": write_state(any_server, 1, 3)})
    workspace = clone_shallow(origin, "main", tmp_path / "workspace")
    workspace.chmod(0o777)
    return workspace


def test_the_jobs_of_a_merge_request_and_of_its_merge(
    image: Image, workspace: Path, any_server: QbittorrentServer
) -> None:
    environ = {"HOME_PASSWORD": any_server.password}
    truth = RawClient(any_server)
    validated = run_in_image(image, "validate", workspace, {})
    assert validated.returncode == 0 and "desired.yaml: valid: 2 torrents" in validated.stdout, validated.stderr
    planned = run_in_image(image, "plan", workspace, environ)
    assert planned.returncode == PIPELINE["plan"]["allow_failure"]["exit_codes"], planned.stderr
    assert planned.stdout == (workspace / "plan.md").read_text() and "2 to add" in planned.stdout
    assert truth.list_torrents() == {}
    applied = run_in_image(image, "apply", workspace, environ)
    assert applied.returncode == 0 and "2 added" in applied.stdout, applied.stderr
    assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(3)}
    assert any_server.password not in (workspace / "plan.md").read_text() + (workspace / "plan.json").read_text()


def test_the_job_that_compares(workspace: Path, tmp_path: Path) -> None:
    base = subprocess.run(
        ["git", "rev-parse", "main^"], cwd=tmp_path / "origin", capture_output=True, text=True, check=True
    ).stdout.strip()
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        **PIPELINE["variables"],
        **GIT_ENVIRON,
    }
    script = build_script("diff", with_preparation=True)
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=workspace, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, PIPELINE["diff"]["allow_failure"]["exit_codes"]), done.stderr
    assert "film 2" in done.stdout and "film 3" in done.stdout and "film 1" not in done.stdout
    assert done.stdout == (workspace / "diff.md").read_text()
