"""`--qbt-binary` names any qbittorrent-nox, and a build knows what it can do."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.demo.servers import find_binary
from reconciler.model.versions import API_KEYS, DOWNLOAD_PATH
from tests.support.server_builds import DEBIAN_BUILDS, BuildError, identify_build, put_first

QUALIFIED = "qBittorrent v5.9.9"


def write_program(path: Path, script: str) -> str:
    """Write a program, and return its path."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def run_pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on the builds in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])


def test_a_program_is_asked_what_it_is_and_the_tests_on_servers_run_on_it(tmp_path: Path) -> None:
    binary = find_binary("5.1.0")
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in binary.environ.items())
    program = write_program(tmp_path / "mine", f'{exports} exec {shlex.join(binary.command)} "$@"')
    collected = run_pytest("--qbt-binary", program, "tests/e2e/test_server_rules.py", "tests/model/test_versions.py")
    assert collected.returncode == 0, collected.stdout + collected.stderr
    build = DEBIAN_BUILDS["5.1.0"]
    assert f"qBittorrent 5.1.0, Web API {build.web_api}, libtorrent {build.libtorrent}: {program}" in collected.stdout
    names = [line.strip() for line in collected.stdout.splitlines() if "<Function" in line]
    assert names and all(name.endswith(f"[5.1.0-lt{build.libtorrent}]>") for name in names)
    assert "test_versions.py" not in collected.stdout, "that needs no server"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "does not exist: give the path of a qbittorrent-nox"),
        ("", "is no qbittorrent-nox: `mine --version` says: nothing"),
        ("echo transmission-daemon 4.0", "is no qbittorrent-nox: `mine --version` says: transmission-daemon 4.0"),
        (f'[ "$1" = --version ] && echo {QUALIFIED}', "qBittorrent does not start on 127.0.0.1"),
    ],
)
def test_what_cannot_be_tested_is_reported(tmp_path: Path, script: str | None, reason: str) -> None:
    path = str(tmp_path / "mine")
    if script is not None:
        write_program(tmp_path / "mine", script)
    with pytest.raises(BuildError) as error:
        identify_build(path)
    assert reason in str(error.value)


def test_a_folder_and_a_file_that_is_no_program_are_reported(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("text")
    with pytest.raises(BuildError, match="is a folder: give the path of the qbittorrent-nox in it"):
        identify_build(str(tmp_path))
    with pytest.raises(BuildError, match="is not executable: chmod"):
        identify_build(str(tmp_path / "mine"))
    (tmp_path / "mine").chmod(0o755)
    with pytest.raises(BuildError, match="Exec format error"):
        identify_build(str(tmp_path / "mine"))


def test_a_wrong_path_is_an_error_of_usage() -> None:
    done = run_pytest("--qbt-binary", "/nowhere/qbittorrent-nox", "tests/e2e/test_server_rules.py")
    assert done.returncode == 4
    assert done.stderr.strip().startswith("ERROR: --qbt-binary: /nowhere/qbittorrent-nox does not exist")


def test_a_build_knows_what_it_can_do() -> None:
    old, new = DEBIAN_BUILDS["4.5.2"], DEBIAN_BUILDS["5.3.0"]
    assert [build.has(DOWNLOAD_PATH) for build in (old, new)] == [True, True]
    assert [build.has(API_KEYS) for build in (old, new)] == [False, True]
    assert put_first(old, "4.2.5", "5.3.0") == ("4.2.5", "5.3.0")
