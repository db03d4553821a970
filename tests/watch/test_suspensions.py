"""The book of suspensions, from one process to the next."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME
from reconciler.watch.suspensions import SuspensionBook
from tests.support.journal_runs import DESIRED, EPOCH, JournalRecorder

OWNER = DESIRED.owner
LATER = EPOCH + timedelta(hours=2)


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def open_book(diary: JournalRecorder) -> SuspensionBook:
    """Open the book as a process that has just started."""
    book = SuspensionBook(diary.open_journal(), lambda: diary.now)
    book.restore(OWNER)
    return book


def test_a_suspension_survives_a_restart_until_its_time(diary: JournalRecorder) -> None:
    assert open_book(diary).suspend(OWNER, "home", LATER)
    book = open_book(diary)
    assert book.list_suspended() == {"home": LATER} and book.compute_next_end() == LATER
    assert book.is_suspended("home") and not book.is_suspended("box")
    diary.now = LATER
    assert not book.is_suspended("home") and book.list_suspended() == {}
    assert book.pop_ended() == {"home": LATER} and book.pop_ended() == {}
    assert open_book(diary).compute_next_end() is None


def test_a_suspension_is_replaced_and_taken_back(diary: JournalRecorder) -> None:
    book = open_book(diary)
    for until in (LATER, LATER - timedelta(hours=1)):
        assert book.suspend(OWNER, "home", until)
    assert open_book(diary).list_suspended() == {"home": until}
    assert book.resume(OWNER, "home")
    assert book.list_suspended() == open_book(diary).list_suspended() == {}


def test_the_desired_state_is_the_same_object_while_the_suspensions_are_the_same(diary: JournalRecorder) -> None:
    book = open_book(diary)
    assert book.apply(DESIRED) is DESIRED
    book.suspend(OWNER, "home", LATER)
    suspended = book.apply(DESIRED)
    assert suspended.instances["home"].suspended_until == LATER and book.apply(DESIRED) is suspended
    diary.now = LATER
    assert book.apply(DESIRED) is DESIRED


def test_without_a_journal_it_lasts_as_long_as_the_process(diary: JournalRecorder) -> None:
    book = SuspensionBook(None, lambda: diary.now)
    assert not book.suspend(OWNER, "home", LATER), "it says so"
    assert book.apply(DESIRED).instances["home"].suspend
    assert book.resume(OWNER, "home")


def test_an_instance_is_suspended_although_the_journal_cannot_keep_it(diary: JournalRecorder) -> None:
    diary.folder.write_text("a file where the folder should be")
    book = open_book(diary)
    assert not book.suspend(OWNER, "home", LATER)
    assert book.is_suspended("home") and diary.warnings
    assert not book.resume(OWNER, "home")


def test_a_journal_that_cannot_be_read_is_read_again_by_the_next_run(diary: JournalRecorder) -> None:
    open_book(diary).suspend(OWNER, "home", LATER)
    file = diary.folder / JOURNAL_FILE_NAME
    content = file.read_bytes()
    file.write_bytes(b"x" * len(content))
    book = open_book(diary)
    assert book.apply(DESIRED) is DESIRED and diary.warnings
    file.write_bytes(content)
    assert book.apply(DESIRED).instances["home"].suspended_until == LATER


def test_suspensions_belong_to_an_owner_and_follow_the_desired_state_to_another(diary: JournalRecorder) -> None:
    book = open_book(diary)
    book.suspend(OWNER, "home", LATER)
    stranger = SuspensionBook(diary.open_journal(), lambda: diary.now)
    stranger.restore("somebody else")
    assert stranger.list_suspended() == {}
    book.restore("new name")
    renamed = SuspensionBook(diary.open_journal(), lambda: diary.now)
    renamed.restore("new name")
    assert book.list_suspended() == renamed.list_suspended() == {"home": LATER}
