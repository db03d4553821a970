"""The calls of torrentcreator, as they are sent and answered."""

from __future__ import annotations

import pytest

from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.model.errors import RejectedError
from reconciler.model.torrent_file import TorrentFile
from tests.support.instances import json_answer, text_answer
from tests.support.stub_sessions import open_stub_session
from tests.support.torrents import make_torrent

CREATION = CreationSpec(
    "/data/a", "v1", 16_384, True, trackers=("http://t.example/1", "http://u.example/|"), web_seeds=("http://w/a b",)
)
STARTED = {"torrentcreator/addTask": json_answer('{"taskID": "t1"}')}
TASKS = {
    "torrentcreator/status": json_answer(
        '[{"taskID": "t1", "sourcePath": "/data/a", "format": "v1", "pieceSize": 16384, "private": true,'
        ' "status": "Finished"},'
        ' {"taskID": "t2", "sourcePath": "/data/b", "pieceSize": 0, "private": false, "status": "Queued"}]'
    )
}


@pytest.mark.parametrize(
    ("web_api", "trackers", "web_seeds"),
    [
        ("2.11.4", "http://t.example/1||http://u.example/|", "http://w/a b"),
        ("2.12", "http%3A%2F%2Ft.example%2F1||http%3A%2F%2Fu.example%2F%7C", "http%3A%2F%2Fw%2Fa%20b"),
    ],
)
def test_a_task_has_each_tracker_in_its_own_tier_and_encoded_urls_since_5_2(
    web_api: str, trackers: str, web_seeds: str
) -> None:
    with open_stub_session(web_api, STARTED) as (session, requests):
        assert session.start_creator_task(CREATION) == "t1"
    form = {
        "sourcePath": "/data/a",
        "format": "v1",
        "pieceSize": "16384",
        "private": "True",
        "startSeeding": "False",
        "trackers": trackers,
        "urlSeeds": web_seeds,
    }
    assert requests == [("torrentcreator/addTask", form)]


def test_too_many_active_tasks_are_an_error() -> None:
    answers = {"torrentcreator/addTask": text_answer("too many", 409)}
    with open_stub_session("2.11.4", answers) as (session, _), pytest.raises(RejectedError) as caught:
        session.start_creator_task(CREATION)
    assert caught.value.http_status == 409


@pytest.mark.parametrize("code", [404, 409])
def test_a_task_that_is_gone_or_unfinished_has_no_torrent(code: int) -> None:
    answers = {"torrentcreator/torrentFile": text_answer("", code)}
    with open_stub_session("2.11.4", answers) as (session, requests):
        assert session.read_created_torrent("t1") is None
    assert requests == [("torrentcreator/torrentFile", {"taskID": "t1"})]


def test_only_a_missing_task_may_fail_to_be_removed() -> None:
    with open_stub_session("2.11.4", {}) as (session, requests):
        session.remove_creator_task("t1")
    assert requests == [("torrentcreator/deleteTask", {"taskID": "t1"})]
    answers = {"torrentcreator/deleteTask": text_answer("", 409)}
    with open_stub_session("2.11.4", answers) as (session, _), pytest.raises(RejectedError):
        session.remove_creator_task("t1")


def test_a_snapshot_reads_the_tasks_of_its_creations_and_the_files_of_finished_tasks() -> None:
    creation, made = CreationSpec("/data/a", "v1", 16_384, True), make_torrent(1, name="a")
    answers = {**TASKS, "torrentcreator/torrentFile": (200, {"Content-Type": "application/x-bittorrent"}, made)}
    with open_stub_session("2.11.4", answers) as (session, requests):
        tasks = session.read_snapshot(creations=[creation]).creator_tasks
    assert tasks == (CreatorTask("t1", creation, TaskState.FINISHED),)
    assert isinstance(tasks[0].file, TorrentFile)
    assert (tasks[0].file.name, tasks[0].file.read_bytes()) == ("a", made)
    assert [request for request in requests if request[0].startswith("torrentcreator/")] == [
        ("torrentcreator/status", {}),
        ("torrentcreator/torrentFile", {"taskID": "t1"}),
    ]


@pytest.mark.parametrize(("web_api", "creations"), [("2.9.3", [CREATION]), ("2.11.4", [])])
def test_a_snapshot_without_creations_or_of_a_server_without_the_creator_reads_no_task(
    web_api: str, creations: list[CreationSpec]
) -> None:
    with open_stub_session(web_api, TASKS) as (session, requests):
        assert session.read_snapshot(creations=creations).creator_tasks == ()
    assert [endpoint for endpoint, _ in requests] == ["torrents/info", "torrents/categories"]
