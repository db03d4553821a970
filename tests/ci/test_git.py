"""The commit to compare with, in real and shallow checkouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.ci.event import JobEvent
from reconciler.ci.git import MissingCommit, find_base_commit, has_path_at, is_changed_since
from tests.support.git import clone_shallow, commit_files, run_git


@pytest.fixture(autouse=True)
def _set_git_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


def test_a_pull_request_is_compared_with_what_it_is_merged_into(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    old = commit_files(origin, {"desired.yaml": "old"})
    run_git(origin, "checkout", "--quiet", "-b", "change")
    head = commit_files(origin, {"lock.yaml": "theirs"})
    run_git(origin, "checkout", "--quiet", "main")
    new = commit_files(origin, {"desired.yaml": "new"})  # since the event
    run_git(origin, "merge", "--quiet", "--no-ff", "--message=merge", "change")
    checkout = clone_shallow(origin, "main", tmp_path / "checkout")
    event = JobEvent("pull_request", "home/torrents", old, head, 7)
    assert find_base_commit(event, checkout) == new
    assert has_path_at(checkout, new, "desired.yaml") and not has_path_at(checkout, new, "lock.yaml")
    assert is_changed_since(checkout, new, "lock.yaml")
    assert not is_changed_since(checkout, new, "desired.yaml") and not is_changed_since(checkout, new, "untracked")

    unmerged = clone_shallow(origin, "change", tmp_path / "unmerged")
    assert find_base_commit(event, unmerged) == old, "a checkout of the head itself"


def test_the_reason_why_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(MissingCommit, match="the event push names no earlier commit"):
        find_base_commit(JobEvent("push", "home/torrents"), tmp_path)
    with pytest.raises(MissingCommit, match=r"git fetch did not work: .*Check out the repository before this action"):
        find_base_commit(JobEvent("push", "home/torrents", "ab" * 20), tmp_path)
    with pytest.raises(MissingCommit, match="git cat-file did not work"):
        find_base_commit(JobEvent("pull_request", "home/torrents", "ab" * 20, "cd" * 20, 7), tmp_path)
