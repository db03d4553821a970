"""A file that git tracks is found, in every format of its index."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.intake.git_index import is_tracked_by_git, list_tracked_paths
from tests.support.git import run_git

NAMES = ("a.yaml", "state/intake.yaml", "state/intake.yaml.old", f"state/{'long' * 60}.yaml", "z/state/other.yaml")


def make_repository(folder: Path, *options: str) -> None:
    run_git(folder, "init", "-q", *options)
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("version: 1\n")


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)], ids=["sha1", "sha256"])
@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_all_that_is_tracked_is_found_and_nothing_else(tmp_path: Path, version: str, options: tuple[str, ...]) -> None:
    make_repository(tmp_path, *options)
    assert not is_tracked_by_git(tmp_path / "a.yaml"), "there is no index yet"
    run_git(tmp_path, "add", *NAMES[1:])
    if version == "3":
        run_git(tmp_path, "add", "--intent-to-add", "a.yaml")  # it has flags that version 2 cannot hold
    run_git(tmp_path, "update-index", "--index-version", version)
    index = (tmp_path / ".git" / "index").read_bytes()
    assert index[7] == int(version)
    assert list_tracked_paths(index) >= {name.encode() for name in NAMES[1:]}
    assert is_tracked_by_git(tmp_path / "state" / "intake.yaml")
    assert is_tracked_by_git(tmp_path / "a.yaml") is (version == "3")
    for other in ("other.yaml", "state/other.yaml", "state/intake", "intake.yaml"):
        assert not is_tracked_by_git(tmp_path / other), "only the end of a tracked path, or its beginning"


def test_a_split_index_is_read_as_a_whole(tmp_path: Path) -> None:
    make_repository(tmp_path)
    run_git(tmp_path, "add", *NAMES[1:])
    run_git(tmp_path, "update-index", "--split-index")
    run_git(tmp_path, "add", "a.yaml")
    assert all(is_tracked_by_git(tmp_path / name) for name in NAMES)


def test_a_work_tree_elsewhere_counts_too(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    main.mkdir()
    make_repository(main)
    run_git(main, "add", ".")
    run_git(main, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a")
    run_git(main, "worktree", "add", "-q", str(tree))
    assert is_tracked_by_git(tree / "a.yaml") and not is_tracked_by_git(tree / "b.yaml")


@pytest.mark.parametrize("index", [b"", b"DIRC", b"DIRC\0\0\0\5\0\0\0\1", b"DIRC\0\0\0\4\0\0\0\3" + b"\xff" * 100])
def test_an_index_that_makes_no_sense_tracks_nothing(index: bytes) -> None:
    assert list_tracked_paths(index) == set()
