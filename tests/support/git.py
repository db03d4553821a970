"""Real git repositories, without the settings of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

GIT_ENVIRON: Final[Mapping[str, str]] = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_TERMINAL_PROMPT": "0",
}


def run_git(folder: Path, *arguments: str) -> str:
    """Return the output of `git ARGUMENTS` in a folder."""
    environ = {**os.environ, **GIT_ENVIRON}
    done = subprocess.run(("git", *arguments), cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit_files(folder: Path, files: Mapping[str, str | None]) -> str:
    """Write files (None removes one), commit them, and return the commit. Makes the repository if there is none."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        run_git(folder, "init", "--quiet", "--initial-branch=main")
        run_git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--allow-empty", "--message=change")
    return run_git(folder, "rev-parse", "HEAD")


def clone_shallow(origin: Path, ref: str, folder: Path) -> Path:
    """Check out one commit alone, as a runner does."""
    folder.mkdir(parents=True)
    run_git(folder, "init", "--quiet")
    run_git(folder, "remote", "add", "origin", origin.as_uri())
    run_git(folder, "fetch", "--quiet", "--depth=1", "origin", ref)
    run_git(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    return folder
