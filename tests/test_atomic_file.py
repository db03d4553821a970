"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from reconciler.atomic_file import temporary_file, write_atomically, write_torrent_file
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from tests.support.torrents import make_torrent

ONE, OTHER = make_torrent(1), make_torrent(2)


def test_it_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "one.torrent"
    write_torrent_file(str(path), ONE)
    assert path.read_bytes() == ONE
    assert [file.name for file in path.parent.iterdir()] == ["one.torrent"]
    (tmp_path / "new").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "new").stat().st_mode)


def test_the_same_torrent_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "one.torrent"
    write_torrent_file(str(path), ONE)
    before = path.stat()
    write_torrent_file(str(path), make_torrent(1, trackers=["http://t.example/announce"]))
    assert path.stat() == before


def test_another_torrent_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "one.torrent"
    write_torrent_file(str(path), ONE)
    path.chmod(0o640)
    link = tmp_path / "link.torrent"
    link.symlink_to(path)
    write_torrent_file(str(link), OTHER)
    assert path.read_bytes() == OTHER and link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("data", [b"", b"my thesis", b"d4:infode", bytes(MAX_TORRENT_FILE_BYTES + 1)], ids=len)
def test_a_file_that_is_no_torrent_is_never_overwritten(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "one.torrent"
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"is no \.torrent file"):
        write_torrent_file(str(path), ONE)
    assert path.read_bytes() == data


def test_a_folder_or_a_pipe_is_never_overwritten(tmp_path: Path) -> None:
    for make in (os.mkdir, os.mkfifo):
        path = tmp_path / f"{make.__name__}.torrent"
        make(path)
        with pytest.raises(OSError, match=r"is no \.torrent file"):
            write_torrent_file(str(path), ONE)


def test_a_failed_write_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_torrent_file(str(tmp_path / "one.torrent"), ONE)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_with_its_permissions_and_through_links(tmp_path: Path) -> None:
    path, link = tmp_path / "report.json", tmp_path / "link.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_atomically(link, lambda stream: stream.write(b"new"), sync=False)
    assert path.read_bytes() == b"new" and link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(b"old")

    def fail(stream: BinaryIO) -> None:
        stream.write(b"new")
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write_atomically(path, fail)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("report.json", b"old")]


def test_a_private_file_is_private_while_it_is_written(tmp_path: Path) -> None:
    path, modes = tmp_path / "secret.yaml", list[int]()

    def write(stream: BinaryIO) -> None:
        modes.append(stat.S_IMODE(os.fstat(stream.fileno()).st_mode))

    with temporary_file(path, write, mode=0o640) as temporary:
        modes.append(stat.S_IMODE(temporary.stat().st_mode))
    assert modes == [0o600, 0o640] and list(tmp_path.iterdir()) == []
