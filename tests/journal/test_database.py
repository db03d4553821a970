"""A problem with the file never ends a run; it is a warning, given once and with a hint."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME, JournalError, database, read_past_runs
from reconciler.journal.database import SCHEMA_VERSION
from reconciler.model.history import HistoryFilter
from reconciler.model.plan import Verb
from tests.support.journal_runs import DESIRED, JournalRecorder, make_action_result, make_read_instance

WRITER = """
import sys
from pathlib import Path
from reconciler.model.plan import Verb
from tests.support.journal_runs import JournalRecorder, make_action_result, make_read_instance
recorder = JournalRecorder(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    recorder.record(make_read_instance(*(make_action_result(Verb.ADD, n) for n in range(20))))
sys.exit(bool(recorder.warnings))
"""


def another_writer(folder: Path, count: int) -> subprocess.Popen[str]:
    """A process that records so many runs of 20 actions each."""
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        (sys.executable, "-c", WRITER, str(folder), str(count)),
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    """With one run in it."""
    diary = JournalRecorder(tmp_path / "state")
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), owned=3))
    return diary


def no_database(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def half(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("damage", [no_database, half])
def test_damaged_file_is_renamed_and_a_new_one_begins(diary: JournalRecorder, damage: Callable[[Path], None]) -> None:
    damage(diary.folder / JOURNAL_FILE_NAME)
    with pytest.raises(JournalError, match="damaged"):
        read_past_runs(diary.folder, HistoryFilter())
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    diary.record(make_read_instance(make_action_result(Verb.ADD, 3), owned=5))
    assert len(diary.warnings) == 1
    assert "is damaged" in diary.warnings[0] and "a new one begins" in diary.warnings[0]
    assert diary.owned == {"home": 6}
    assert len(list(diary.folder.glob("*.damaged-*"))) == 1


def test_read_does_not_rename_a_damaged_file(diary: JournalRecorder) -> None:
    no_database(diary.folder / JOURNAL_FILE_NAME)
    before = sorted(file.name for file in diary.folder.iterdir())
    assert diary.journal.read_owned_counts(DESIRED) == {}
    assert diary.journal.read_contested("me") == []
    assert sorted(file.name for file in diary.folder.iterdir()) == before
    assert len(diary.warnings) == 1
    assert "is damaged" in diary.warnings[0] and "safe to delete" in diary.warnings[0]


def test_internal_error_is_a_warning_and_does_not_end_the_run(diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), name="nowhere"))
    assert len(diary.warnings) == 1
    assert "internal error: KeyError: 'nowhere'; please report it" in diary.warnings[0]
    assert diary.owned == {"home": 4}


def test_journal_of_a_newer_version_is_not_changed(diary: JournalRecorder) -> None:
    file = sqlite3.connect(diary.folder / JOURNAL_FILE_NAME)
    file.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    file.close()
    before = (diary.folder / JOURNAL_FILE_NAME).read_bytes()
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert [("newer version of reconcile" in warning) for warning in diary.warnings] == [True], "told once"
    assert diary.owned == {}
    assert (diary.folder / JOURNAL_FILE_NAME).read_bytes() == before


def test_locked_journal_delays_a_run_only_shortly(diary: JournalRecorder) -> None:
    other = sqlite3.connect(diary.folder / JOURNAL_FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert len(diary.warnings) == 1 and "locked" in diary.warnings[0]
    other.execute("ROLLBACK")
    other.close()
    diary.record(make_read_instance(make_action_result(Verb.ADD, 3), owned=5))
    assert len(diary.warnings) == 1
    assert diary.owned == {"home": 6}


def test_full_journal_is_a_warning(diary: JournalRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.journal.database.MAX_PAGES", 20)
    diary.record(make_read_instance(*(make_action_result(Verb.ADD, number) for number in range(2000)), owned=4))
    assert len(diary.warnings) == 1 and "full" in diary.warnings[0]
    assert diary.owned == {"home": 4}, "as it was before: of that run nothing is kept"


@pytest.mark.parametrize("place", ["file", "/proc/nowhere"])
def test_unusable_folder_is_a_warning_with_a_hint(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    diary = JournalRecorder(tmp_path / place / "state")
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert diary.owned == {}
    assert len(diary.warnings) == 1 and "--state-dir" in diary.warnings[0]


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE_NAME).mkdir()
    diary = JournalRecorder(tmp_path)
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert len(diary.warnings) == 1 and "--state-dir" in diary.warnings[0]


def test_deleted_journal_is_created_again(diary: JournalRecorder) -> None:
    for file in diary.folder.iterdir():
        file.unlink()
    assert diary.owned == {}
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert diary.owned == {"home": 5}
    diary.folder.rename(diary.folder.with_name("moved"))
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=7))
    assert diary.owned == {"home": 8}
    assert diary.warnings == []


def test_several_processes_share_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    writers = [another_writer(folder, 15) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0], "nobody was warned"
    runs = read_past_runs(folder, HistoryFilter(limit=1000))
    assert [len(run.actions) for run in runs] == [20] * 45


def test_killed_process_leaves_a_valid_journal(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    for attempt in range(5):
        writer = another_writer(folder, 10**6)
        assert writer.stdout
        writer.stdout.readline()
        time.sleep(0.05 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
        assert all(len(run.actions) == 20 for run in read_past_runs(folder, HistoryFilter(limit=10**6)))
        if (folder / JOURNAL_FILE_NAME).exists():
            file = sqlite3.connect(folder / JOURNAL_FILE_NAME)
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            file.close()
    diary = JournalRecorder(folder)
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert diary.warnings == []


@pytest.fixture
def folder_with_hot_journal(tmp_path: Path) -> Path:
    """The folder as a process leaves it that is killed in the first transaction, before the file is in WAL mode."""
    source = tmp_path / "source"
    writer = sqlite3.connect(source, isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
    writer.execute("BEGIN")
    writer.execute("CREATE TABLE run (plan_hash)")
    writer.execute("INSERT INTO run VALUES (zeroblob(100000))")
    folder = tmp_path / "state"
    folder.mkdir()
    for suffix in ("", "-journal"):
        shutil.copy(f"{source}{suffix}", folder / f"{JOURNAL_FILE_NAME}{suffix}")
    writer.close()
    assert (folder / JOURNAL_FILE_NAME).stat().st_size > 0
    return folder


def test_read_rolls_back_the_transaction_of_a_killed_process(folder_with_hot_journal: Path) -> None:
    assert read_past_runs(folder_with_hot_journal, HistoryFilter()) == []
    diary = JournalRecorder(folder_with_hot_journal)
    diary.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    assert diary.owned == {"home": 5}
    assert diary.warnings == []


def test_read_only_folder_with_a_transaction_to_roll_back_is_an_error_with_a_hint(
    folder_with_hot_journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # root ignores permissions; a `rw` connection to a read-only file is read-only
    connect = database._connect
    monkeypatch.setattr(database, "_connect", lambda path, mode: connect(path, "ro"))
    with pytest.raises(JournalError, match="Make the file and its folder writable, or choose another --state-dir"):
        read_past_runs(folder_with_hot_journal, HistoryFilter())


def test_others_cannot_read_the_journal_in_a_folder_that_they_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    recorder = JournalRecorder(folder)
    recorder.record(make_read_instance(make_action_result(Verb.ADD, 2), owned=4))
    file = folder / JOURNAL_FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)  # of an earlier version
    recorder.record(make_read_instance(make_action_result(Verb.ADD, 3), owned=5))
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert recorder.warnings == []
