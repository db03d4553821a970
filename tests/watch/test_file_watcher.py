"""Changes of real files, in every way that editors, git-sync and Kubernetes make them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.file_fingerprint import StatFingerprint
from reconciler.watch import file_watcher
from reconciler.watch.file_watcher import POLL_INTERVAL, FileFingerprints, FileWatcher, directories_to_watch

Watching = Callable[..., threading.Event]


@pytest.fixture
def watching() -> Iterator[Callable[..., list[int]]]:
    """Watch files; return a list that grows with each reported change."""
    stop = threading.Event()
    threads = []

    def start(
        *files: Path, poll: float = POLL_INTERVAL
    ) -> list[int]:  # a change while the watched folders change is found by polling
        changes: list[int] = []
        thread = FileWatcher(lambda: files, FileFingerprints().compute(files), lambda: changes.append(1), stop, poll)
        thread.start()
        threads.append(thread)
        time.sleep(0.3)  # until it watches
        return changes

    yield start
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def within(changes: list[int], seconds: float = 5.0) -> bool:
    """Return True if a change is reported in time."""
    end = time.monotonic() + seconds
    while not changes and time.monotonic() < end:
        time.sleep(0.02)
    return bool(changes)


def quiet(changes: list[int]) -> bool:
    """Return True if nothing is reported for a while."""
    return not within(changes, 0.8)


def test_written_file_is_reported(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    file = tmp_path / "desired.yaml"
    file.write_text("a")
    changes = watching(file)
    file.write_text("b")
    assert within(changes, 1.0)


def test_editor_that_writes_a_temporary_file_and_renames_it(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    file, swap_file = tmp_path / "desired.yaml", tmp_path / ".desired.yaml.swp"
    file.write_text("a")
    changes = watching(file)
    for text in "bcd":
        changes.clear()
        swap_file.write_text(text)
        swap_file.replace(file)
        assert within(changes), "each time, not only the first"


def test_deleted_file_that_comes_back(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    file = tmp_path / "desired.yaml"
    file.write_text("a")
    changes = watching(file)
    file.unlink()
    assert within(changes)
    changes.clear()
    file.write_text("a")
    assert within(changes)


def test_touch_and_identical_copy_are_no_change(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    file = tmp_path / "desired.yaml"
    file.write_text("a")
    changes = watching(file)
    file.touch()
    (tmp_path / "copy").write_text("a")
    (tmp_path / "copy").replace(file)
    (tmp_path / "other").write_text("x")
    assert quiet(changes)


def config_map(folder: Path, number: int, text: str) -> None:
    """Update a ConfigMap volume as the kubelet does."""
    data = folder / f"..2026_{number}"
    data.mkdir()
    (data / "desired.yaml").write_text(text)
    (folder / "..data_tmp").symlink_to(data.name)
    (folder / "..data_tmp").replace(folder / "..data")
    for old in folder.glob("..2026_*"):
        if old != data:
            (old / "desired.yaml").unlink()
            old.rmdir()


def test_a_config_map_swap(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    config_map(tmp_path, 0, "a")
    file = tmp_path / "desired.yaml"
    file.symlink_to("..data/desired.yaml")
    changes = watching(file)
    for number, text in enumerate("bcd", 1):
        changes.clear()
        config_map(tmp_path, number, text)
        assert within(changes)
    changes.clear()
    config_map(tmp_path, 9, "d")
    assert quiet(changes), "flipped to the same content"


def test_a_git_sync_worktree_flip(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    trees = tmp_path / ".worktrees"

    def sync(commit: str, text: str) -> None:
        (trees / commit / "torrents").mkdir(parents=True)
        (trees / commit / "torrents" / "desired.yaml").write_text(text)
        (tmp_path / "tmp-link").symlink_to(f".worktrees/{commit}")
        (tmp_path / "tmp-link").replace(tmp_path / "current")

    sync("c0", "a")
    file = tmp_path / "current" / "torrents" / "desired.yaml"
    changes = watching(file)
    for commit, text in (("c1", "b"), ("c2", "c")):
        changes.clear()
        sync(commit, text)
        assert within(changes)
    changes.clear()
    file.write_text("d")
    assert within(changes), "the folder that the link leads to now is watched as well"


def test_bind_mounted_file_without_events_is_found_by_polling(
    tmp_path: Path, watching: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, elsewhere = tmp_path / "desired.yaml", tmp_path / "elsewhere"
    elsewhere.mkdir()
    file.write_text("a")
    real = directories_to_watch([elsewhere / "x"])
    monkeypatch.setattr("reconciler.watch.file_watcher.directories_to_watch", lambda _files: real)
    changes = watching(file, poll=0.3)
    file.write_text("b")
    assert within(changes, 2.0)


def test_recreated_folder_is_watched_again(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    folder = tmp_path / "git" / "repo"
    folder.mkdir(parents=True)
    file = folder / "desired.yaml"
    file.write_text("a")
    changes = watching(file, poll=0.5)
    file.unlink()
    folder.rmdir()
    assert within(changes)
    time.sleep(1)
    folder.mkdir()
    file.write_text("b")
    time.sleep(1)
    changes.clear()
    file.write_text("c")
    assert within(changes)


def test_polling_continues_if_watching_is_impossible(
    tmp_path: Path, watching: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device (inotify watches)")

    monkeypatch.setattr("watchfiles.watch", full)
    file = tmp_path / "desired.yaml"
    file.write_text("a")
    changes = watching(file, poll=0.2)
    file.write_text("b")
    assert within(changes)


def test_watched_directories_include_every_link_on_the_way(tmp_path: Path) -> None:
    base = tmp_path.resolve()
    (base / "real" / "deep").mkdir(parents=True)
    (base / "real" / "deep" / "f").write_text("x")
    (base / "one").mkdir()
    (base / "one" / "link").symlink_to("../two/again")
    (base / "two").mkdir()
    (base / "two" / "again").symlink_to(base / "real")
    directories = {path for path, _, _ in directories_to_watch([base / "one" / "link" / "deep" / "f"])}
    assert directories == {str(base / folder) for folder in ("one", "two", "real/deep")}
    missing = {path for path, _, _ in directories_to_watch([base / "one" / "no" / "such" / "file"])}
    assert missing == {str(base / "one")}
    (base / "loop").symlink_to("loop")
    assert {path for path, _, _ in directories_to_watch([base / "loop" / "f"])} == {str(base)}


def test_old_file_is_not_read_again_and_a_young_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "desired.yaml"
    file.write_text("a")
    looker = FileFingerprints()
    first = looker.compute([file])
    status = file.stat()
    file.write_text("b")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert looker.compute([file]) != first, "changed within the same tick of the clock"

    monkeypatch.setattr("time.time", lambda: status.st_mtime + 60)
    resting = looker.compute([file])
    monkeypatch.setattr(file_watcher, "read_regular_file", lambda *_: pytest.fail("read again"))
    assert looker.compute([file]) == resting


def test_a_thorough_look_finds_what_the_times_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "desired.yaml"
    file.write_text("a")
    monkeypatch.setattr(file_watcher, "fingerprint_stat", lambda _: StatFingerprint(1, 2, 3, 4, 5))
    looker = FileFingerprints()
    first = looker.compute([file])
    assert looker.compute([file], thorough=True) == first
    file.write_text("b")
    assert looker.compute([file]) == first, "it looks the same"
    second = looker.compute([file], thorough=True)
    assert second != first
    assert looker.compute([file]) == second
    assert FileFingerprints().compute([file]) == second, "the same content has the same fingerprint for everybody"


def test_a_new_yaml_file_in_a_watched_folder_is_reported(tmp_path: Path, watching: Callable[..., list[int]]) -> None:
    folder = tmp_path / "sets"
    folder.mkdir()
    changes = watching(folder)
    (folder / "notes.txt").touch()
    (folder / ".a.yaml.swp").touch()
    assert quiet(changes)
    (folder / "a.yaml").touch()
    assert within(changes)
