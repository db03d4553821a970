"""The file that declared each torrent: remembered from run to run, and judged by what is read and what is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.desired import load
from reconciler.engine.events import FinishedRun
from reconciler.journal import JOURNAL_FILE_NAME
from reconciler.journal.database import MIGRATIONS
from reconciler.journal.declared_rows import is_gone_on_purpose, next_declared_ids
from reconciler.model.desired import DesiredState
from reconciler.model.fields.names import QUARANTINE
from reconciler.model.plan import Change, Outcome, SparedTorrent, Verb
from reconciler.model.run import InstanceResult, Run, RunMode, Status
from tests.support.example_runs import PLAN_HASH, make_infohash
from tests.support.journal_runs import (
    EPOCH,
    JournalRecorder,
    make_action_result,
    make_read_instance,
    make_unread_instance,
)

HEAD = "version: 1\npolicy: sync\nowner: me\ninstances: {home: {url: 'http://home'}, box: {url: 'http://box'}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with a desired state of two files, and a third that is not included."""
    folder = tmp_path / "work"
    (folder / "sets").mkdir(parents=True)
    monkeypatch.chdir(folder)
    write("desired.yaml", 1, head=HEAD)
    write("sets/a.yaml", 2, 3)
    return folder


@pytest.fixture
def recorder(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path / "state")


def write(name: str, *numbers: int, head: str = "version: 1\n") -> None:
    entries = "".join(f"  - {{infohash: '{make_infohash(number)}', instance: home}}\n" for number in numbers)
    Path(name).write_text(f"{head}torrents:\n{entries}" if entries else head)


def load_files(*names: str) -> DesiredState:
    return load([Path(name) for name in names or ("desired.yaml",)], {})


def record(
    recorder: JournalRecorder, desired: DesiredState, result: InstanceResult, mode: RunMode = RunMode.APPLY
) -> None:
    run = Run(mode, PLAN_HASH, 0, (result,))
    recorder.open_journal().record_run(desired, FinishedRun(run, "interval", EPOCH, 1.5))


def find_unread(recorder: JournalRecorder, desired: DesiredState) -> dict[str, dict[str, set[str]]]:
    """The unread files of each instance, with their torrents."""
    unread = recorder.open_journal().find_unread_files(desired)
    return {name: {file.name: set(file.ids) for file in files} for name, files in unread.items()}


A = {"home": {"sets/a.yaml": {make_infohash(2), make_infohash(3)}}}


def test_a_file_that_is_there_and_was_not_read_is_named_with_what_it_declared(
    recorder: JournalRecorder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    assert find_unread(recorder, load_files("desired.yaml", "sets/a.yaml")) == {}
    assert find_unread(recorder, load_files()) == A
    monkeypatch.chdir(folder / "sets")
    assert find_unread(recorder, load_files("../desired.yaml")) == {"home": {"a.yaml": A["home"]["sets/a.yaml"]}}
    assert recorder.warnings == []


def test_an_include_counts_as_read(recorder: JournalRecorder) -> None:
    write("desired.yaml", 1, head=HEAD + "include: [sets/*.yaml]\n")
    record(recorder, load_files(), make_read_instance())
    write("desired.yaml", 1, head=HEAD)
    assert find_unread(recorder, load_files()) == A


@pytest.mark.parametrize("removed", [["sets/a.yaml"], ["sets/a.yaml", "sets"]])
def test_a_file_that_is_gone_from_a_folder_that_was_read_is_gone_on_purpose(
    recorder: JournalRecorder, removed: list[str]
) -> None:
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    for name in removed:
        Path(name).rmdir() if Path(name).is_dir() else Path(name).unlink()
    assert find_unread(recorder, load_files()) == ({} if "sets" in removed else A)


def test_a_file_that_was_read_by_another_way_was_read(recorder: JournalRecorder, folder: Path) -> None:
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    (folder / "again").symlink_to("sets")
    assert find_unread(recorder, load_files("desired.yaml", "again/a.yaml")) == {}


def test_what_counts_as_gone_on_purpose(tmp_path: Path) -> None:
    mounted = tmp_path / "mnt"
    mounted.mkdir()
    read = {f"{tmp_path}/work/desired.yaml"}
    assert is_gone_on_purpose(f"{tmp_path}/work/old.yaml", read)
    assert is_gone_on_purpose(f"{tmp_path}/work/old/a.yaml", read), "git keeps no empty folders"
    assert is_gone_on_purpose(f"{tmp_path}/checkout-1/desired.yaml", read), "a checkout that was replaced by another"
    assert not is_gone_on_purpose(f"{mounted}/a.yaml", read), "a volume that is not mounted"
    assert not is_gone_on_purpose(f"{tmp_path}/work/sets/a.yaml", read), "it is there"
    assert not is_gone_on_purpose("/nowhere/at/all.yaml", read)
    (tmp_path / "work" / "link.yaml").symlink_to("nowhere")
    assert not is_gone_on_purpose(f"{tmp_path}/work/link.yaml", read)


@pytest.mark.parametrize(
    "change",
    [
        lambda desired: replace(desired, owner="other"),
        lambda desired: replace(
            desired, instances={"home": replace(desired.instances["home"], url="http://elsewhere")}
        ),
        lambda desired: replace(desired, instances={"box": desired.instances["box"]}),
    ],
)
def test_other_owners_and_other_instances_have_a_memory_of_their_own(
    recorder: JournalRecorder, change: Callable[[DesiredState], DesiredState]
) -> None:
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    assert find_unread(recorder, change(load_files())) == {}


def test_a_dry_run_and_an_instance_that_was_not_read_change_nothing(recorder: JournalRecorder) -> None:
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance(), RunMode.DRY_RUN)
    assert find_unread(recorder, load_files()) == {}
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    record(recorder, load_files(), make_unread_instance())
    assert find_unread(recorder, load_files()) == A


def test_a_refused_or_spared_deletion_is_remembered_and_a_deletion_is_not(recorder: JournalRecorder) -> None:
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    refused = make_action_result(Verb.DELETE, 2, Outcome.PLANNED)
    spared = (SparedTorrent(make_infohash(3), "three", "policy upsert does not delete"),)
    for _ in range(2):
        record(recorder, load_files(), replace(make_read_instance(refused), spared=spared))
        assert find_unread(recorder, load_files()) == A
    record(recorder, load_files(), make_read_instance(make_action_result(Verb.DELETE, 2)))
    assert find_unread(recorder, load_files()) == {}, "one was deleted, and the other is gone by itself"


IDS = frozenset({make_infohash(2), make_infohash(3)})


@pytest.mark.parametrize(
    ("result", "remembered"),
    [
        (make_read_instance(), {}),
        (replace(make_read_instance(), status=Status.UNHEALTHY), {"/a.yaml": IDS}),
        (
            replace(make_read_instance(make_action_result(Verb.DELETE, 2)), status=Status.ERROR),
            {"/a.yaml": frozenset({make_infohash(3)})},
        ),
        (make_read_instance(make_action_result(Verb.DELETE, 2, Outcome.FAILED)), {"/a.yaml": {make_infohash(2)}}),
    ],
)
def test_what_is_remembered_after_a_run_that_does_not_read_the_file(
    result: InstanceResult, remembered: dict[str, frozenset[str]]
) -> None:
    assert next_declared_ids({"/a.yaml": IDS}, {}, result) == remembered


def test_a_torrent_belongs_to_the_file_that_declares_it_now() -> None:
    declared = {"/b.yaml": IDS}
    assert next_declared_ids({"/a.yaml": IDS}, declared, make_read_instance()) == declared


def test_the_start_of_a_quarantine_that_was_applied_is_not_judged_again() -> None:
    update = make_action_result(Verb.UPDATE, 2)
    change = Change(QUARANTINE, None, "2026-12-01")
    started = replace(update, action=replace(update.action, changes=(change,)))
    assert next_declared_ids({"/a.yaml": IDS}, {}, make_read_instance(started)) == {}
    waiting = replace(started, outcome=Outcome.PLANNED)
    assert next_declared_ids({"/a.yaml": IDS}, {}, make_read_instance(waiting)) == {"/a.yaml": {make_infohash(2)}}


def test_two_processes_that_share_a_journal_keep_the_memory_of_each_other(recorder: JournalRecorder) -> None:
    desired = load_files("desired.yaml", "sets")
    record(recorder, desired, make_read_instance())
    record(recorder, desired, make_read_instance(name="box"))
    assert find_unread(recorder, load_files()) == A


def test_a_journal_of_an_older_version_is_read_and_extended(recorder: JournalRecorder) -> None:
    recorder.folder.mkdir()
    with sqlite3.connect(recorder.folder / JOURNAL_FILE_NAME) as file:
        file.executescript(";".join(MIGRATIONS[:4]) + "; PRAGMA user_version = 4; PRAGMA journal_mode = WAL")
    assert find_unread(recorder, load_files()) == {}
    record(recorder, load_files("desired.yaml", "sets"), make_read_instance())
    assert find_unread(recorder, load_files()) == A
    assert recorder.warnings == []


def test_nothing_is_written_while_nothing_changes(recorder: JournalRecorder) -> None:
    desired = load_files("desired.yaml", "sets")
    journal = recorder.journal
    finished = FinishedRun(Run(RunMode.APPLY, PLAN_HASH, 0, (make_read_instance(),)), "interval", EPOCH, 1.5)
    journal.record_run(desired, finished)
    (recorder.folder / JOURNAL_FILE_NAME).chmod(0o400)
    before = (recorder.folder / JOURNAL_FILE_NAME).stat()
    for state in (desired, load_files("desired.yaml", "sets")):
        journal.record_run(state, finished)
    after = (recorder.folder / JOURNAL_FILE_NAME).stat()
    assert (before.st_mtime_ns, before.st_size, before.st_mode) == (after.st_mtime_ns, after.st_size, after.st_mode)
