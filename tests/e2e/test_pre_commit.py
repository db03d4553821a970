"""The hook for pre-commit, through pre-commit, in real repositories.

The hook is installed by `pip install .`, which needs the network, so here it runs the `reconcile` of the tests
(`language: system`). tests/deploy/test_image.py installs the package with pip.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.action import REPOSITORY
from tests.support.command_line import VALID
from tests.support.git import GIT_ENVIRON, commit_files, run_git

HOOKS: Final = (REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
CONFIG: Final = (REPOSITORY / "examples" / "ci" / "pre-commit-config.yaml").read_text(encoding="utf-8")


def commit(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Commit a desired state as a user does, with the hook."""
    (folder / "desired.yaml").write_text(text)
    run_git(folder, "add", "desired.yaml")
    environ = {
        **os.environ,
        **GIT_ENVIRON,
        "PRE_COMMIT_HOME": str(folder.parent / "cache"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    if not (folder / ".git" / "hooks" / "pre-commit").exists():
        command = [sys.executable, "-m", "pre_commit", "install"]
        subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)
    return subprocess.run(
        ["git", "commit", "--message=change"], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_an_invalid_desired_state_is_not_committed(tmp_path: Path) -> None:
    revision = commit_files(
        tmp_path / "hooks", {".pre-commit-hooks.yaml": HOOKS.replace("language: python", "language: system")}
    )
    config = CONFIG.replace("https://YOUR-FORGE/YOUR-ORG/qbt-reconciler", str(tmp_path / "hooks"))
    config = config.replace("rev: v0.1.0", f"rev: {revision}")
    state = VALID.format(url="http://127.0.0.1:9")
    first = commit_files(tmp_path / "home", {".pre-commit-config.yaml": config, "desired.yaml": state})
    refused = commit(tmp_path / "home", state.replace("upsert", "upserts"))
    assert refused.returncode == 1
    assert "reconcile validate" in refused.stderr and "desired.yaml:2:9: error" in refused.stderr
    assert run_git(tmp_path / "home", "rev-parse", "HEAD") == first
    accepted = commit(tmp_path / "home", state + "    paused: true\n")
    assert accepted.returncode == 0, accepted.stderr
    assert run_git(tmp_path / "home", "rev-parse", "HEAD^") == first
