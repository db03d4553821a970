"""The folder of an intake: who owns a file, and what is ours to delete."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from reconciler.intake.folder import IntakeFolder, UnsuitableFolder
from tests.support.git import run_git


def test_a_file_of_a_repository_belongs_to_people(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    (tmp_path / "state").mkdir()
    tracked, other = tmp_path / "state" / "tracked.yaml", tmp_path / "state" / "racked.yaml"
    tracked.write_text("version: 1\n")
    run_git(tmp_path, "add", "state/tracked.yaml")
    with pytest.raises(UnsuitableFolder, match="is a file of a git repository"):
        IntakeFolder(tracked).check()
    IntakeFolder(other).check()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("reconciler.intake.folder.temporary_file", fail)
    with pytest.raises(UnsuitableFolder, match="cannot be written: Permission denied"):
        IntakeFolder(tmp_path / "intake.yaml").check()


def test_only_one_process_at_a_time_has_the_lock(tmp_path: Path) -> None:
    folder = IntakeFolder(tmp_path / "intake.yaml")
    has_lock = threading.Event()

    def wait_for_lock() -> None:
        with IntakeFolder(tmp_path / "intake.yaml").lock():
            has_lock.set()

    thread = threading.Thread(target=wait_for_lock)
    with folder.lock():
        thread.start()
        assert not has_lock.is_set()
    thread.join(60)
    assert has_lock.is_set()


def test_a_text_is_replaced_as_a_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    folder = IntakeFolder(tmp_path / "intake.yaml")
    assert folder.read() is None and folder.find_fingerprint() is None
    first = folder.write("version: 1\n")
    folder.path.chmod(0o640)
    assert folder.write("version: 1\n# ä\n") != first
    assert folder.read() == "version: 1\n# ä\n" and folder.path.stat().st_mode & 0o777 == 0o640


def test_only_files_named_by_an_infohash_are_deleted(tmp_path: Path) -> None:
    folder = IntakeFolder(tmp_path / "intake.yaml")
    names = ["intake.yaml", "film.torrent", f"{'a' * 40}.torrent"]
    for name in names:
        (tmp_path / name).touch()
    folder.delete_torrents([*names, "../outside.torrent", ""])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.torrent", "intake.yaml"]


def test_a_file_that_the_desired_state_needs_is_no_orphan(tmp_path: Path) -> None:
    path = tmp_path / f"{'a' * 40}.torrent"
    path.touch(0o600)
    folder = IntakeFolder(tmp_path / "intake.yaml")
    folder.delete_orphans((), {str(path)})
    assert path.exists()
    folder.delete_orphans((), ())
    assert not path.exists()
