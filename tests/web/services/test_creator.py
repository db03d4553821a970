"""The creation of torrents by an instance."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.model.rows import InstanceRows, Reply
from reconciler.web.services.calls import Refusal
from reconciler.web.services.creator import CreationPayload, CreatorEndpoints, make_task_form, render_refusal
from tests.support.service_calls import FixedRows, RecordingIntake, answer, make_call

TASK = "f3b6b1a0-1d9f"
PASSKEY = "https://tracker.example/0123456789abcdef/announce"
READ = InstanceRows("box", version="v5.1.0", web_api="2.11.4", is_read=True)


def make_rows(instance: InstanceRows = READ, **replies: tuple[int, Any]) -> FixedRows:
    """Return an instance with these replies, by endpoint with `_` for `/`."""
    encoded = {
        key.replace("_", "/"): Reply(status, body if isinstance(body, bytes) else json.dumps(body).encode())
        for key, (status, body) in replies.items()
    }
    return FixedRows({"box": instance}, encoded)


def test_a_creation_is_started_on_the_instance() -> None:
    rows = make_rows(torrentcreator_addTask=(200, {"taskID": TASK}))
    body = {"path": "/data/film", "private": True, "trackers": [PASSKEY, "udp://b"], "format": "v1", "piece_size": 0}
    status, reply = answer(CreatorEndpoints(rows).post_create, make_call(RecordingIntake(), body, creator="box"))
    assert status == 200
    assert reply == {
        "success": True,
        "task_id": TASK,
        "message": "Torrent creation started",
        "status_url": f"/api/torrent/status/{TASK}",
        "download_url": f"/api/torrent/download/{TASK}",
    }
    ((_, endpoint, form),) = rows.requests
    assert endpoint == "torrentcreator/addTask"
    assert form == {
        "sourcePath": "/data/film",
        "startSeeding": "false",
        "private": "true",
        "format": "v1",
        "pieceSize": "0",
        "trackers": f"{PASSKEY}||udp://b",
    }


def test_the_front_end_calls_the_path_source_path() -> None:
    assert CreationPayload.model_validate_json('{"source_path": "/a", "start_seeding": false}').path == "/a"


@pytest.mark.parametrize("key", ["start_seeding", "output_dir", "torrent_name"])
def test_what_is_not_supported_is_refused_by_name(key: str) -> None:
    payload = CreationPayload.model_validate({"path": "/a", key: True if key == "start_seeding" else "x"})
    with pytest.raises(Refusal, match=f"{key} is not supported"):
        make_task_form(payload, "/a", encode_urls=False)


def test_newer_versions_decode_the_urls() -> None:
    form = make_task_form(CreationPayload(path="/a", trackers=[PASSKEY]), "/a", encode_urls=True)
    assert form["trackers"].startswith("https%3A%2F%2Ftracker.example")


@pytest.mark.parametrize(
    ("rows", "status", "text"),
    [
        (make_rows(torrentcreator_addTask=(409, b"")), 409, "too many torrents are being created"),
        (make_rows(torrentcreator_addTask=(400, b"no")), 502, "box refused it: 400 no"),
        (make_rows(torrentcreator_addTask=(200, {})), 502, "names no task"),
        (make_rows(), 503, "no answer"),
        (make_rows(InstanceRows("box", web_api="2.8.19", is_read=True)), 501, "needs qBittorrent 5.0"),
        (make_rows(InstanceRows("box", reason="connection refused")), 503, "connection refused"),
        (FixedRows(), 503, "it is not declared"),
    ],
)
def test_a_creation_that_cannot_start(rows: FixedRows, status: int, text: str) -> None:
    call = make_call(RecordingIntake(), {"path": "/a"}, creator="box")
    with pytest.raises(Refusal, match=text) as refusal:
        answer(CreatorEndpoints(rows).post_create, call)
    assert refusal.value.status == status
    assert json.loads(bytes(render_refusal(refusal.value).body)) == {"detail": refusal.value.text}


@pytest.mark.parametrize("url", ["s3cret", "http://a b", "http://a|b"])
def test_a_tracker_must_be_one_url(url: str) -> None:
    call = make_call(RecordingIntake(), {"path": "/a", "trackers": [url]}, creator="box")
    with pytest.raises(Refusal) as refusal:
        answer(CreatorEndpoints(make_rows()).post_create, call)
    assert refusal.value.status == 422 and url not in refusal.value.text


def test_the_status_of_a_task_shows_no_tracker() -> None:
    row = {"taskID": TASK, "status": "Running", "progress": "40", "trackers": [PASSKEY], "sourcePath": "/a"}
    rows = make_rows(torrentcreator_status=(200, [row]))
    call = make_call(RecordingIntake(), creator="box", id=TASK)
    assert answer(CreatorEndpoints(rows).get_status, call) == (
        200,
        {"task_id": TASK, "status": "Running", "progress": 40.0, "error_message": ""},
    )


@pytest.mark.parametrize(
    "reply", [(404, b""), (200, []), (200, b"x"), (200, {"a": 1}), (200, [{"taskID": TASK}]), (200, [1])]
)
def test_a_task_that_is_not_there(reply: tuple[int, Any]) -> None:
    call = make_call(RecordingIntake(), creator="box", id=TASK)
    with pytest.raises(Refusal, match=f"Task {TASK} not found"):
        answer(CreatorEndpoints(make_rows(torrentcreator_status=reply)).get_status, call)


@pytest.mark.parametrize("task_id", ["a/b", "", "x" * 65, "a b"])
def test_an_id_that_is_none_is_not_asked_for(task_id: str) -> None:
    rows = make_rows()
    with pytest.raises(Refusal, match="not found"):
        answer(CreatorEndpoints(rows).get_status, make_call(RecordingIntake(), creator="box", id=task_id))
    assert not rows.requests


def test_the_file_is_returned_once_it_is_ready() -> None:
    call = make_call(RecordingIntake(), creator="box", id=TASK)
    rows = make_rows(torrentcreator_torrentFile=(200, b"d4:infoe"))
    response = CreatorEndpoints(rows).get_file(call, None)  # type: ignore[arg-type]
    assert bytes(response.body) == b"d4:infoe" and response.media_type == "application/x-bittorrent"
    assert response.headers["content-disposition"] == f"attachment; filename={TASK}.torrent"
    with pytest.raises(Refusal, match="not found or not ready"):
        answer(CreatorEndpoints(make_rows(torrentcreator_torrentFile=(409, b""))).get_file, call)


def test_info_shows_versions_and_harmless_preferences() -> None:
    preferences = {
        "web_ui_port": 8080,
        "use_https": False,
        "dht": True,
        "pex": True,
        "lsd": False,
        "proxy_password": "x",
    }
    rows = make_rows(app_buildInfo=(200, {"libtorrent": "2.0.11"}), app_preferences=(200, preferences))
    call = make_call(RecordingIntake(), creator="box")
    assert answer(CreatorEndpoints(rows).get_info, call) == (
        200,
        {
            "version": "v5.1.0",
            "web_api_version": "2.11.4",
            "build_info": {"libtorrent": "2.0.11"},
            "preferences": {"web_ui_port": 8080, "dht": True, "pex": True, "lsd": False, "web_ui_https_enabled": False},
            "torrent_creator_supported": True,
        },
    )


@pytest.mark.parametrize(
    ("rows", "success", "text"),
    [
        (make_rows(), True, "Connected to qBittorrent v5.1.0 (Web API v2.11.4)\nThe torrent creator is supported"),
        (make_rows(InstanceRows("box", reason="timed out")), False, "box cannot be asked now: timed out"),
    ],
)
def test_test_says_whether_the_instance_answers(rows: FixedRows, success: bool, text: str) -> None:
    reply = answer(CreatorEndpoints(rows).get_test, make_call(RecordingIntake(), creator="box"))
    assert reply == (200, {"success": success, "message": text})
