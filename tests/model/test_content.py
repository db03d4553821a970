"""Torrents that an instance creates: their names and folders, and the tasks that create them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.content import Content, CreationSpec, CreatorTask, TaskState, TorrentExport, select_tasks
from reconciler.model.infohash import InfoHashes
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from tests.support.planner_inputs import parse_hashes
from tests.support.torrents import make_torrent

CREATION = CreationSpec("/data/film.mkv", trackers=("http://tracker/announce",))


@pytest.mark.parametrize(
    ("path", "name", "folder"),
    [
        ("/data/films/a.mkv", "a.mkv", "/data/films"),
        ("/a.mkv", "a.mkv", "/"),
        ("C:/films/a.mkv", "a.mkv", "C:/films"),
        ("C:/a.mkv", "a.mkv", "C:/"),
    ],
)
def test_content_has_the_name_and_the_folder_of_its_path(path: str, name: str, folder: str) -> None:
    content = Content(path)
    assert (content.name, content.parent_folder) == (name, folder)


def test_an_exported_file_is_of_every_torrent_that_shares_an_infohash() -> None:
    hybrid = parse_hashes("a+a2")
    export = TorrentExport("a.torrent", "/here/a.torrent", hybrid)
    assert export.has_torrent(InfoHashes(v1=hybrid.v1))
    assert export.has_torrent(parse_hashes("a2"))
    assert not export.has_torrent(parse_hashes("b"))
    assert not replace(export, infohashes=None).has_torrent(hybrid)


@pytest.mark.parametrize("state", [TaskState.FINISHED, TaskState.FAILED])
def test_an_ended_task_may_show_a_piece_size_of_its_own_only_where_none_is_declared(state: TaskState) -> None:
    task = CreatorTask("1", replace(CREATION, piece_size=16_384), state)
    assert task.matches(CREATION)
    assert not task.matches(replace(CREATION, piece_size=32_768))
    assert not replace(task, state=TaskState.RUNNING).matches(CREATION)


def test_a_task_matches_by_all_parameters_and_by_its_normalized_path() -> None:
    task = CreatorTask("1", CreationSpec("C:\\data\\films\\"), TaskState.QUEUED)
    assert task.matches(CreationSpec("C:/data/films"))
    assert not task.matches(CreationSpec("C:/data/films", private=True))
    assert not task.matches(CreationSpec("C:/data/films", trackers=("http://tracker/announce",)))


def test_a_task_without_a_format_matches_by_its_other_parameters() -> None:
    task = CreatorTask("1", CreationSpec("/data/films", ""), TaskState.RUNNING)
    assert all(task.matches(CreationSpec("/data/films", name)) for name in ("v1", "hybrid"))
    assert not task.matches(CreationSpec("/data/films", private=True))
    assert not CreatorTask("1", CreationSpec("/data/films", "v1"), TaskState.RUNNING).matches(
        CreationSpec("/data/films", "hybrid")
    )


def test_only_the_tasks_of_wanted_torrents_are_selected() -> None:
    wanted, other_path, other_comment = (
        CreatorTask(str(number), creation, TaskState.QUEUED)
        for number, creation in enumerate(
            [CREATION, replace(CREATION, path="/data/b"), replace(CREATION, comment="mine")]
        )
    )
    assert select_tasks([CREATION], [other_path, wanted, other_comment]) == [wanted]
    assert select_tasks([], [wanted]) == []


def test_the_result_of_a_task_is_a_torrent_file_or_the_error_in_it() -> None:
    task, data = CreatorTask("1", CREATION, TaskState.FINISHED), make_torrent(7, "hybrid")
    file = task.with_file(data).file
    assert isinstance(file, TorrentFile)
    assert (file.name, file.infohashes, file.read_bytes()) == ("torrent-7", parse_hashes("7:hybrid"), data)
    assert isinstance(task.with_file(b"no torrent").file, TorrentFileError)


def test_the_progress_is_in_words() -> None:
    task = CreatorTask("1", CREATION, TaskState.RUNNING, progress=41.6)
    assert task.progress_text == "it is being hashed: 42 %"
    assert replace(task, state=TaskState.QUEUED).progress_text == "it waits for its turn to be hashed"
    assert replace(task, state=TaskState.FAILED).progress_text == "failed"
