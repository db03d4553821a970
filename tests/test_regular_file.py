"""Only regular files are read, each up to a limit, and links that lead out of their folder are noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.regular_file import UnsuitableFileError, is_inside, leads_out, read_regular_file


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"abc")
    link.symlink_to(file)
    assert read_regular_file(file, 3) == read_regular_file(str(link), 3) == b"abc"
    with pytest.raises(UnsuitableFileError) as error:
        read_regular_file(file, 2)
    assert error.value.strerror == "it is larger than 2 bytes"


def test_the_size_is_known_before_anything_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    os.truncate(file, 1 << 40)
    with pytest.raises(UnsuitableFileError, match="it is larger than 8 MiB"):
        read_regular_file(file, 8 << 20)
    with pytest.raises(UnsuitableFileError, match="it is larger than 5 bytes"):
        read_regular_file("/proc/self/status", 5)  # of size 0, as it says
    assert read_regular_file("/proc/self/status", 1 << 20).startswith(b"Name:")


@pytest.mark.timeout(10)
def test_pipes_devices_and_folders_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(UnsuitableFileError, match="it is not a regular file"):
            read_regular_file(path, 10)
    with pytest.raises(IsADirectoryError):
        read_regular_file(tmp_path, 10)
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path / "none", 10)
    with pytest.raises(ValueError, match="null"):
        read_regular_file("a\0b", 10)


def test_links_that_lead_out_of_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..2026" / "a.yaml").touch()
    (folder / "..data").symlink_to("..2026")
    (folder / "a.yaml").symlink_to("..data/a.yaml")
    (folder / "out.yaml").symlink_to("/etc/hostname")
    (folder / "sibling.yaml").symlink_to(tmp_path / "folder-2" / "a.yaml")
    (folder / "dangling.yaml").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "etc").symlink_to("/etc")
    monkeypatch.chdir(tmp_path)
    for start in (tmp_path, Path()):
        names = ("folder", "folder/..data", "folder/a.yaml", "folder/dangling.yaml", "folder/loop", "link", "none")
        assert [name for name in names if leads_out(start / name)] == []
        assert all(leads_out(start / name) for name in ("folder/out.yaml", "folder/sibling.yaml", "etc"))
        assert not leads_out(start / "link" / "a.yaml")
    assert leads_out(Path("etc/hostname")), "a folder that a pull request adds is a link too"
    assert not leads_out(tmp_path / "etc" / "hostname"), "an absolute path is chosen by whoever runs the command"
    assert not leads_out(Path("..")) and not leads_out(Path("../x"))


def test_inside(tmp_path: Path) -> None:
    assert is_inside(tmp_path, tmp_path) and is_inside(tmp_path / "none" / "x", tmp_path)
    assert not is_inside(tmp_path / ".." / "x", tmp_path) and not is_inside(f"{tmp_path}-2", tmp_path)
