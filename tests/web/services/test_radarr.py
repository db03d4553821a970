"""Downloads as radarr-mvp has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model.intake import DeclaredElsewhere
from reconciler.model.position import Position, Problem
from reconciler.web.services.calls import Refusal
from reconciler.web.services.radarr import RadarrEndpoints, render_download, render_refusal
from reconciler.web.services.states import make_uuid
from tests.support.service_calls import HASH_A, HASH_B, RecordingIntake, answer, make_call, make_known

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDPOINTS = RadarrEndpoints(lambda: NOW)
MAGNET = f"magnet:?xt=urn:btih:{HASH_A}"
UUID_A = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


def test_a_release_is_handed_in() -> None:
    intake = RecordingIntake()
    release = {"guid": MAGNET, "indexerId": 4, "movieId": 12, "quality": "ignored"}
    status, body = answer(ENDPOINTS.post_download, make_call(intake, release))
    assert status == 201
    assert (body["id"], body["movieId"], body["indexerId"], body["downloadId"]) == (UUID_A, 12, 4, HASH_A)
    assert (body["status"], body["progress"], body["etaSeconds"]) == ("queued", 0.0, None)
    labels = {"indexerId": "4", "createdAt": "2026-01-02T03:04:05+00:00", "movieId": "12"}
    assert intake.handed_in[0].keys == {"labels": labels}


def test_a_new_download_has_the_keys_of_every_download() -> None:
    _, body = answer(ENDPOINTS.post_download, make_call(RecordingIntake(), {"guid": MAGNET, "indexerId": 4}))
    assert body.keys() == render_download(make_known()).keys()


def test_a_url_has_no_id_before_its_file_was_read() -> None:
    release = {"guid": "https://indexer/a.torrent", "indexerId": 4}
    _, body = answer(ENDPOINTS.post_download, make_call(RecordingIntake(), release))
    assert body["id"] is None and body["downloadId"] is None


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"guid": "tt0137523", "indexerId": 1}, 400, "Validation error in field 'guid': Unsupported URL format"),
        ({"guid": MAGNET}, 422, "indexerId: Field required"),
        ("{", 422, "JSON"),
    ],
)
def test_what_is_no_release_is_refused(body: Any, status: int, text: str) -> None:
    with pytest.raises(Refusal, match=text) as refusal:
        answer(ENDPOINTS.post_download, make_call(RecordingIntake(), body))
    response = render_refusal(refusal.value)
    assert response.status_code == status and f'"code":{status}'.encode() in bytes(response.body)


def test_a_download_in_progress() -> None:
    known = make_known(labels={"movieId": "12", "indexerId": "4", "createdAt": "x"}, last_activity=1_700_000_050)
    assert render_download(known) == {
        "id": UUID_A,
        "movieId": 12,
        "downloadClientId": 1,
        "indexerId": 4,
        "downloadId": HASH_A,
        "title": "Debian",
        "category": "linux",
        "status": "downloading",
        "sizeBytes": 1000,
        "sizeLeft": 750,
        "quality": {},
        "downloadTime": "2023-11-14T22:13:20+00:00",
        "completionTime": None,
        "errorMessage": None,
        "imported": False,
        "importTime": None,
        "createdAt": "x",
        "updatedAt": "2023-11-14T22:14:10+00:00",
        "progress": 25.0,
        "etaSeconds": 60,
    }


@pytest.mark.parametrize(
    ("known", "status", "eta"),
    [
        (make_known(instance=None), "queued", None),
        (make_known(eta=8_640_000), "downloading", None),
        (make_known(state="stoppedDL"), "paused", None),
        (make_known(state="stoppedUP", progress=1), "completed", None),
        (make_known(state="error"), "failed", None),
    ],
)
def test_the_status_in_the_words_of_the_program(known: Any, status: str, eta: int | None) -> None:
    download = render_download(known)
    assert (download["status"], download["etaSeconds"]) == (status, eta)


def test_a_list_is_filtered_and_has_pages() -> None:
    torrents = [make_known(f"{number:040x}", labels={"movieId": str(number % 2)}) for number in range(6)]
    torrents.append(make_known(HASH_B, labels={"movieId": "1"}, state="error"))
    query = "movieId=1&status=downloading&limit=2&offset=1"
    status, body = answer(ENDPOINTS.list_downloads, make_call(RecordingIntake(), query=query), *torrents)
    assert status == 200
    assert [download["id"] for download in body] == [make_uuid(f"{number:040x}") for number in (3, 5)]
    _, body = answer(ENDPOINTS.list_downloads, make_call(RecordingIntake(), query="limit=500"), *torrents)
    assert len(body) == 7


def test_one_download_by_its_uuid_or_infohash_and_its_removal() -> None:
    intake = RecordingIntake(HASH_A)
    for text in (UUID_A, HASH_A.upper()):
        _, body = answer(ENDPOINTS.get_download, make_call(intake, id=text), make_known())
        assert body["id"] == UUID_A
    assert answer(ENDPOINTS.delete_download, make_call(intake, id=UUID_A), make_known()) == (204, None)
    assert intake.removals == [([HASH_A], False)]
    with pytest.raises(Refusal, match="Resource not found"):
        answer(ENDPOINTS.get_download, make_call(intake, id=make_uuid(HASH_B)), make_known())


def test_what_a_person_declared_is_not_removed() -> None:
    intake = RecordingIntake(HASH_A)
    intake.error = DeclaredElsewhere(Problem(Position("git.yaml", 7, 1), "E001", "people declared it"))
    with pytest.raises(Refusal, match=r"people declared it \(git.yaml:7\)") as refusal:
        answer(ENDPOINTS.delete_download, make_call(intake, id=UUID_A), make_known())
    assert refusal.value.status == 409
