"""The rows of suspensions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from reconciler.journal import JOURNAL_FILE_NAME
from tests.support.journal_runs import EPOCH, JournalRecorder

LATER = EPOCH + timedelta(hours=1)


def test_each_owner_has_suspensions_of_its_own_and_ended_ones_are_deleted(tmp_path: Path) -> None:
    diary = JournalRecorder(tmp_path / "state")
    assert diary.journal.read_suspensions("me") == {}
    assert diary.journal.save_suspensions("me", {"home": LATER, "box": EPOCH + timedelta(minutes=1)})
    assert diary.journal.save_suspensions("you", {"home": LATER + timedelta(hours=1)})
    diary.now += timedelta(minutes=1)
    assert diary.journal.read_suspensions("me") == {"home": LATER}
    assert diary.journal.save_suspensions("you", {"home": None})
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file:
        assert file.execute("SELECT owner, instance FROM suspended").fetchall() == [("me", "home")]


def test_a_journal_of_an_earlier_version_has_none_and_gets_the_table_with_the_first(tmp_path: Path) -> None:
    diary = JournalRecorder(tmp_path / "state")
    assert diary.journal.save_suspensions("me", {})
    with closing(sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)) as file, file:
        for table in ("suspended", "held_paths"):  # of versions 7 and 8
            file.execute(f"DROP TABLE {table}")
        file.execute("PRAGMA user_version = 6")
    assert diary.journal.read_suspensions("me") == {}
    assert diary.journal.save_suspensions("me", {"home": LATER})
    assert diary.open_journal().read_suspensions("me") == {"home": LATER}
