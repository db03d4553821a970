"""The commit that a job compares with, in a checkout that may be shallow."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from reconciler.ci.event import JobEvent

_FETCH_SECONDS: Final = 120.0


class MissingCommit(Exception):
    """There is no commit to compare with; the message says why, as a clause."""


def find_base_commit(event: JobEvent, folder: Path) -> str:
    """Return the commit that the files of this job are a change of, fetched if need be. Raises `MissingCommit`.

    A pull request is checked out as a merge with its target branch, which may have moved since the event: its first
    parent is what merging changes.
    """
    base = event.base
    if event.pull_request is not None:
        parents = [line.split()[1] for line in _read_commit(folder) if line.startswith("parent ")]
        if len(parents) == 2 and event.head == parents[1]:
            base = parents[0]
    if not base:
        raise MissingCommit(f"the event {event.name} names no earlier commit")
    if not _has_commit(folder, base):
        _run_git(folder, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", base)
    return base


def is_changed_since(folder: Path, base: str, path: str) -> bool:
    """Return True if a file differs between two commits, by its path from the top. One that both lack does not."""
    blobs = [_find_object(folder, commit, path) for commit in (base, "HEAD")]
    return blobs[0] != blobs[1]


def has_path_at(folder: Path, commit: str, path: str) -> bool:
    """Return True if the commit has this file or folder, by its path from the current folder."""
    command = ("git", "cat-file", "-e", f"{commit}:./{path}")
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60).returncode == 0


def _read_commit(folder: Path) -> list[str]:
    """Return the lines of the current commit as they are stored: `git log` hides the parents of a shallow one."""
    head, _, _ = _run_git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    return head.splitlines()


def _has_commit(folder: Path, commit: str) -> bool:
    command = ("git", "cat-file", "-e", f"{commit}^{{commit}}")
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60).returncode == 0


def _find_object(folder: Path, commit: str, path: str) -> str:
    """Return the id of a file in a commit, or ""."""
    command = ("git", "rev-parse", "--quiet", "--verify", f"{commit}:{path}")
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60, text=True).stdout


def _run_git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", *arguments), cwd=folder, capture_output=True, check=False, timeout=_FETCH_SECONDS, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingCommit(f"git {arguments[0]} did not work: {type(error).__name__}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise MissingCommit(f"git {arguments[0]} did not work: {lines[0]}. Check out the repository before this action")
    return done.stdout
