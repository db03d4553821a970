"""Logins that were not accepted, kept from process to process without the credentials."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME
from reconciler.journal.database import MIGRATIONS
from reconciler.model.login import LoginRecord
from reconciler.model.secret import Secret
from tests.support.journal_runs import EPOCH, JournalRecorder

URL = "http://box"
PASSWORD = Secret('["admin", "correct horse"]')
REFUSED = LoginRecord(1, True, EPOCH)


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def count_rows(diary: JournalRecorder) -> int:
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file:
        return int(file.execute("SELECT count(*) FROM login").fetchone()[0])


def test_a_record_belongs_to_a_url_and_to_credentials(diary: JournalRecorder) -> None:
    assert diary.journal.read_login(URL, PASSWORD) is None
    assert diary.journal.save_login(URL, PASSWORD, REFUSED)
    other = diary.open_journal()
    assert other.read_login(URL, PASSWORD) == REFUSED
    assert other.read_login(URL, Secret("other")) is None
    assert other.read_login("http://elsewhere", PASSWORD) is None


def test_a_record_is_replaced(diary: JournalRecorder) -> None:
    for record in (REFUSED, LoginRecord(0, False, EPOCH), LoginRecord(2, False, EPOCH)):
        assert diary.journal.save_login(URL, PASSWORD, record)
        assert diary.journal.read_login(URL, PASSWORD) == record
    diary.journal.save_login(URL, Secret("other"), REFUSED)
    assert count_rows(diary) == 2


def test_an_accepted_login_lets_all_records_of_its_url_begin_again(diary: JournalRecorder) -> None:
    later = EPOCH + timedelta(minutes=5)
    diary.journal.accept_logins(URL, later)
    assert not (diary.folder / JOURNAL_FILE_NAME).exists(), "nothing had failed"
    for url, credentials in ((URL, PASSWORD), (URL, Secret("other")), ("http://elsewhere", PASSWORD)):
        diary.journal.save_login(url, credentials, REFUSED)
    diary.journal.accept_logins(URL, later)
    accepted = LoginRecord(0, False, later)
    assert diary.journal.read_login(URL, PASSWORD) == diary.journal.read_login(URL, Secret("other")) == accepted
    assert diary.journal.read_login("http://elsewhere", PASSWORD) == REFUSED


def test_the_file_contains_neither_the_credentials_nor_what_they_could_be_found_by(diary: JournalRecorder) -> None:
    diary.journal.save_login(URL, PASSWORD, REFUSED)
    files = b"".join(path.read_bytes() for path in diary.folder.iterdir())
    assert b"horse" not in files and b"admin" not in files
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file:
        ((salt, digest),) = file.execute("SELECT salt, digest FROM login")
    assert len(digest) == 2, "so many other passwords fit that none can be confirmed"
    diary.journal.save_login(URL, PASSWORD, REFUSED)
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file:
        assert file.execute("SELECT salt FROM login").fetchone() != (salt,)


def test_old_records_are_deleted(diary: JournalRecorder) -> None:
    diary.journal.save_login(URL, PASSWORD, REFUSED)
    later = LoginRecord(1, True, EPOCH + timedelta(days=500))
    diary.journal.save_login(URL, Secret("other"), later)
    assert (diary.journal.read_login(URL, PASSWORD), count_rows(diary)) == (None, 1)


def test_a_journal_of_an_older_version_has_no_logins_and_gets_them(diary: JournalRecorder) -> None:
    diary.folder.mkdir()
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file:
        for statement in ";\n".join(MIGRATIONS[:2]).split(";\n"):
            file.execute(statement)
        file.execute("PRAGMA user_version = 2")
        file.commit()
    assert diary.journal.read_login(URL, PASSWORD) is None
    assert diary.journal.save_login(URL, PASSWORD, REFUSED)
    assert diary.journal.read_login(URL, PASSWORD) == REFUSED
    assert diary.warnings == []


def test_a_journal_that_cannot_be_written_says_so_and_raises_nothing(diary: JournalRecorder) -> None:
    diary.folder.write_text("a file in its place")
    assert diary.journal.save_login(URL, PASSWORD, REFUSED) is False
    assert diary.journal.read_login(URL, PASSWORD) is None
    assert len(diary.warnings) >= 1


@pytest.mark.parametrize("column", ["at = 1e300", "failures = 'many'", "salt = 'text'"])
def test_damaged_values_are_no_obstacle(diary: JournalRecorder, column: str) -> None:
    diary.journal.save_login(URL, PASSWORD, REFUSED)
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file, file:
        file.execute(f"UPDATE login SET {column}")
    assert diary.journal.read_login(URL, PASSWORD) is None
    assert diary.journal.save_login(URL, PASSWORD, REFUSED)
    assert diary.journal.read_login(URL, PASSWORD) == REFUSED
    assert any("is damaged" in warning for warning in diary.warnings)


def test_credentials_that_are_no_valid_text_are_stored_too(diary: JournalRecorder) -> None:
    odd = Secret(os.fsdecode(b"\xff\xfe"))
    assert diary.journal.save_login(URL, odd, REFUSED)
    assert diary.journal.read_login(URL, odd) == REFUSED
