"""A read of the journal is not repeated until somebody writes to it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from reconciler.journal.database import JOURNAL_FILE_NAME, open_for_writing
from reconciler.journal.unchanged_reads import UnchangedReads

HOUR = 3600


def write(path: Path, name: str) -> None:
    """Write a row, as another process would."""
    with open_for_writing(path) as file:
        file.execute("INSERT INTO owned VALUES ('me', ?, 'http://x', 1, 0)", (name,))


def let_age(path: Path, seconds: float) -> None:
    """Make the files look as if they had been written that long ago."""
    for file in (path, path.with_name(f"{path.name}-wal")):
        if file.exists():
            os.utime(file, (time.time() - seconds,) * 2)


@pytest.fixture
def numbered() -> Callable[[], int]:
    """Return a read that returns another number each time."""
    numbers: Iterator[int] = count()
    return lambda: next(numbers)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a journal that was written an hour ago."""
    path = tmp_path / JOURNAL_FILE_NAME
    write(path, "first")
    let_age(path, HOUR)
    return path


def test_a_read_is_done_once_for_each_key(path: Path, numbered: Callable[[], int]) -> None:
    reads = UnchangedReads(path)
    assert [reads.get(key, numbered) for key in ("a", "b", "a", "b")] == [0, 1, 0, 1]


def test_a_write_is_seen_also_while_another_connection_keeps_it_in_the_log(
    path: Path, numbered: Callable[[], int]
) -> None:
    reads = UnchangedReads(path)
    with open_for_writing(path):  # the log stays until the last connection is closed
        write_ahead = path.with_name(f"{path.name}-wal")
        let_age(path, HOUR)
        assert [reads.get("a", numbered) for _ in range(2)] == [0, 0]
    write(path, "second")
    let_age(path, HOUR - 1)
    assert reads.get("a", numbered) == 1
    write_ahead.write_bytes(b"")
    let_age(path, HOUR - 1)
    assert reads.get("a", numbered) == 2
    path.unlink()
    assert reads.get("a", numbered) == 3


def test_a_file_that_was_written_just_now_is_read_each_time(path: Path, numbered: Callable[[], int]) -> None:
    reads = UnchangedReads(path)
    let_age(path, 0.5)  # another write could leave it with the same size and time
    assert [reads.get("a", numbered) for _ in range(2)] == [0, 1]


def test_a_read_that_fails_is_done_again(path: Path, numbered: Callable[[], int]) -> None:
    def fail() -> int:
        raise ValueError

    reads = UnchangedReads(path)
    with pytest.raises(ValueError):
        reads.get("a", fail)
    assert reads.get("a", numbered) == 0


def test_where_there_is_no_journal_none_is_looked_for_again(tmp_path: Path, numbered: Callable[[], int]) -> None:
    reads = UnchangedReads(tmp_path / JOURNAL_FILE_NAME)
    assert [reads.get("a", numbered) for _ in range(2)] == [0, 0]
    write(tmp_path / JOURNAL_FILE_NAME, "first")
    assert reads.get("a", numbered) == 1
