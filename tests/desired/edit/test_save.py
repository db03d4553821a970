"""Saved files: whole, with their mode, and never over a change of someone else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.desired.edit import (
    SaveError,
    YamlFile,
    create_file,
    replace_file,
)


def file_of(text: str) -> YamlFile:
    return YamlFile(Path("desired.yaml"), text.encode())


def test_a_file_is_replaced_whole_with_its_mode_through_its_link(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_bytes(b"before")
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    replace_file(link, b"before", b"after")
    assert link.is_symlink()
    assert real.read_bytes() == b"after"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_file_that_has_changed_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"someone else's")
    with pytest.raises(SaveError, match="changed since it was read"):
        replace_file(file, b"before", b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"someone else's"]


def test_what_is_no_plain_file_is_not_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SaveError, match="not a regular file"):
        replace_file(tmp_path / "pipe", b"", b"after")


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_a_new_file(tmp_path: Path, private: bool, mode: int) -> None:
    before = os.umask(0o022)
    try:
        create_file(tmp_path / "a.yaml", b"x", private=private)
    finally:
        os.umask(before)
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == mode
    with pytest.raises(SaveError, match="already exists"):
        create_file(tmp_path / "a.yaml", b"y", private=private)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"x"]
