"""Fingerprints from `stat`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.file_fingerprint import MIN_FILE_AGE, fingerprint_stat


def test_a_young_file_has_no_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    status = file.stat()
    assert fingerprint_stat(status) is None
    monkeypatch.setattr("time.time", lambda: status.st_mtime + MIN_FILE_AGE)
    fingerprint = fingerprint_stat(status)
    assert fingerprint is not None and (fingerprint.size, fingerprint.inode) == (3, status.st_ino)


def test_a_replaced_file_of_the_same_size_and_age_has_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(b"abc")
    other.write_bytes(b"abd")
    before = file.stat()
    monkeypatch.setattr("time.time", lambda: before.st_mtime + 60)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert fingerprint_stat(file.stat()) != fingerprint_stat(before)
