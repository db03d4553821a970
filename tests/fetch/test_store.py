"""Copies of what was fetched, in a folder to which anything may happen."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from reconciler.fetch.store import MAX_UNUSED_DAYS, TorrentStore

URL = "https://torrents.example/1?passkey=s3cr3t"


def make_store(folder: Path, warnings: list[str] | None = None, *, read_only: bool = False) -> TorrentStore:
    return TorrentStore(folder / "fetched", pytest.fail if warnings is None else warnings.append, read_only=read_only)


def list_files(folder: Path) -> list[Path]:
    return list((folder / "fetched").iterdir())


def test_what_is_saved_can_be_loaded_by_the_next_process(tmp_path: Path) -> None:
    assert not make_store(tmp_path).has(URL) and make_store(tmp_path).load(URL) is None
    for content in (b"one", b"two\nlines", b""):
        make_store(tmp_path).save(URL, content)
        assert make_store(tmp_path).has(URL) and make_store(tmp_path).load(URL) == content
    assert make_store(tmp_path).load(URL + "0") is None
    (file,) = list_files(tmp_path)
    assert "s3cr3t" not in file.name and b"s3cr3t" not in file.read_bytes()


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    make_store(tmp_path).save(URL, b"passkey")
    (file,) = list_files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_read_only_store_writes_nothing(tmp_path: Path) -> None:
    make_store(tmp_path, read_only=True).save(URL, b"one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"one", b"0" * 64 + b"\none", b"\xff" * 1000])
def test_a_damaged_copy_is_none(tmp_path: Path, damage: bytes) -> None:
    make_store(tmp_path).save(URL, b"one")
    (file,) = list_files(tmp_path)
    file.write_bytes(damage)
    assert make_store(tmp_path).load(URL) is None
    make_store(tmp_path).save(URL, b"one")
    assert make_store(tmp_path).load(URL) == b"one"


def test_the_same_content_is_not_written_again_and_an_unused_copy_goes(tmp_path: Path) -> None:
    make_store(tmp_path).save(URL, b"one")
    make_store(tmp_path).save("http://other", b"two")
    inode = {path.stat().st_ino for path in list_files(tmp_path)}
    old = time.time() - (MAX_UNUSED_DAYS + 1) * 86_400
    for path in list_files(tmp_path):
        os.utime(path, (old, old))
    assert make_store(tmp_path).load(URL) == b"one", "to be used is to be kept"
    make_store(tmp_path).save(URL, b"one")
    (file,) = list_files(tmp_path)
    assert file.stat().st_ino in inode


def test_a_copy_in_a_read_only_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    make_store(tmp_path).save(URL, b"one")
    (file,) = list_files(tmp_path)
    os.utime(file, (0, 0))
    monkeypatch.setattr(os, "utime", refuse)
    assert make_store(tmp_path).load(URL) == b"one"


def test_a_folder_that_cannot_be_used_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "fetched").write_text("a file")
    warnings: list[str] = []
    store = make_store(tmp_path, warnings)
    store.save(URL, b"one")
    store.save(URL, b"one")
    assert store.load(URL) is None
    (warning,) = warnings
    assert warning.startswith(f"the fetched torrents in {tmp_path}/fetched cannot be used: ")
    assert warning.endswith("Choose a folder with --state-dir")
