"""The downloader service: the bodies of rust-bangumi, and what becomes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.gateway import IntakeSettings
from reconciler.model.intake import DeclaredElsewhere, HandInResult, IntakeFull, IntakeUnavailable
from reconciler.model.position import Position, Problem
from reconciler.model.rows import Reply
from reconciler.web.services.calls import Refusal
from reconciler.web.services.downloader import DownloaderEndpoints, find_link_fault, join_files, render_result
from tests.support.service_calls import HASH_A, HASH_B, HERE, FixedRows, RecordingIntake, answer, make_call, make_known

MAGNET = f"magnet:?xt=urn:btih:{HASH_A}&dn=Example+Torrent"
URL = "https://mikanani.me/Download/20250101/abc.torrent"
EXAMPLE = "magnet:?xt=urn:btih:1234567890abcdef1234567890abcdef&dn=anime&tr=http://tracker.example.com"
PROBLEM = Problem(Position("git.yaml", 7, 1), "E001", "it is declared already")


def post(intake: RecordingIntake, *items: dict[str, str]) -> tuple[int, Any]:
    """Send a batch."""
    return answer(DownloaderEndpoints(FixedRows()).post_downloads, make_call(intake, {"items": items}))


def test_results_are_in_the_order_of_the_items() -> None:
    intake = RecordingIntake()
    items = [
        {"url": "ftp://x/y", "save_path": ""},
        {"url": MAGNET, "save_path": "/downloads/a"},
        {"url": EXAMPLE, "save_path": "/downloads/b"},
        {"url": URL, "save_path": ""},
    ]
    status, body = post(intake, *items)
    assert status == 200
    assert [(result["url"], result["hash"], result["status"]) for result in body["results"]] == [
        ("ftp://x/y", None, "failed"),
        (MAGNET, HASH_A, "accepted"),
        (EXAMPLE, None, "failed"),
        (URL, None, "accepted"),
    ]
    assert body["results"][0]["reason"] == "Unsupported URL format" and body["results"][1]["reason"] is None
    assert "40 hex digits" in body["results"][2]["reason"]
    assert [(torrent.link, torrent.keys) for torrent in intake.handed_in] == [
        (MAGNET, {"save_path": "/downloads/a"}),
        (URL, {}),
    ]


def test_a_save_path_is_translated_for_the_instance() -> None:
    intake = RecordingIntake()
    call = make_call(intake, {"items": [{"url": MAGNET, "save_path": "/mnt/box/anime"}]})
    box = Instance("box", HERE, "http://box", path_map={"/data": "/mnt/box"})
    desired = DesiredState(Policy.SYNC, {"box": box}, intake=IntakeSettings(HERE, "i.yaml", "box"))
    call = replace(call, desired=desired)
    answer(DownloaderEndpoints(FixedRows()).post_downloads, call)
    assert intake.handed_in[0].keys == {"save_path": "/data/anime"}


def test_no_items_are_400_and_an_intake_that_cannot_be_written_is_500() -> None:
    intake = RecordingIntake()
    assert post(intake) == (400, {"results": []})
    intake.error = IntakeUnavailable(PROBLEM)
    assert post(intake, {"url": MAGNET, "save_path": ""}) == (500, {"results": []})
    intake.error = IntakeFull(PROBLEM)
    status, body = post(intake, {"url": "x"}, {"url": MAGNET})
    reasons = [result["reason"] for result in body["results"]]
    assert (status, reasons) == (200, ["Unsupported URL format", "it is declared already (git.yaml:7)"])


def test_a_refused_item_has_its_reason_and_no_hash() -> None:
    assert render_result(MAGNET, HandInResult(HASH_A, problem=PROBLEM)) == {
        "url": MAGNET,
        "hash": None,
        "status": "failed",
        "reason": "it is declared already (git.yaml:7)",
    }
    assert render_result(MAGNET, HandInResult(HASH_A, HERE, is_known=True))["status"] == "accepted"


def test_the_hash_of_a_url_is_waited_for_then_guessed_then_null() -> None:
    intake = RecordingIntake()
    intake.fetched[URL] = HASH_B
    by_name = f"https://mikanani.me/Download/20250101/{HASH_A.upper()}.torrent"
    _, body = post(intake, *({"url": url} for url in (URL, by_name, "https://x/a.torrent")))
    assert [(result["hash"], result["status"]) for result in body["results"]] == [
        (HASH_B, "accepted"),
        (HASH_A, "accepted"),
        (None, "accepted"),
    ]
    assert "could not be read yet" in body["results"][2]["reason"]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"items": [{}]}', '{"items": [{"url": 1}]}', "[" * 5000])
def test_other_bodies_are_refused(body: str) -> None:
    with pytest.raises(Refusal) as refusal:
        answer(DownloaderEndpoints(FixedRows()).post_downloads, make_call(RecordingIntake(), body))
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    ("keys", "instance", "status"),
    [
        ({"state": "stalledDL"}, "box", "downloading"),
        ({"state": "forcedMetaDL"}, "box", "downloading"),
        ({"state": "stoppedDL"}, "box", "paused"),
        ({"state": "checkingResumeData"}, "box", "checking"),
        ({"state": "missingFiles"}, "box", "error"),
        ({"state": "unheardOf"}, "box", "unknown"),
        ({}, None, "downloading"),
    ],
)
def test_states_in_the_words_of_the_core(keys: dict[str, Any], instance: str | None, status: str) -> None:
    known = make_known(instance=instance, **keys)
    _, body = answer(
        DownloaderEndpoints(FixedRows()).get_downloads, make_call(RecordingIntake(), query=f"hashes={HASH_A}"), known
    )
    (item,) = body["statuses"]
    assert item["status"] == status and item["size"] >= 0 and item["files"] == []


def test_completed_downloads_name_their_files_as_the_client_sees_them() -> None:
    files = json.dumps([{"name": "Debian/a.mkv"}, {"name": "Debian/b/c.ass"}]).encode()
    rows = FixedRows(replies={"torrents/files": Reply(200, files)})
    known = make_known(state="stalledUP", progress=1)
    query = f"hashes={HASH_B},%20{HASH_A},"
    status, body = answer(DownloaderEndpoints(rows).get_downloads, make_call(RecordingIntake(), query=query), known)
    assert status == 200
    assert body["statuses"] == [
        {"hash": HASH_B, "status": "not_found", "progress": 0.0, "size": 0, "content_path": None, "files": []},
        {
            "hash": HASH_A,
            "status": "completed",
            "progress": 1.0,
            "size": 1000,
            "content_path": "/data/linux/Debian",
            "files": ["/data/linux/Debian/a.mkv", "/data/linux/Debian/b/c.ass"],
        },
    ]
    assert rows.requests == [("box", "torrents/files", {"hash": HASH_A})]


@pytest.mark.parametrize(
    "replies", [{}, {"torrents/files": Reply(404, b"")}, {"torrents/files": Reply(200, b'[{"name": 1}]')}]
)
def test_a_completed_download_without_its_files_is_unknown_for_now(replies: dict[str, Reply]) -> None:
    known = make_known(state="uploading", progress=1)
    call = make_call(RecordingIntake(), query=f"hashes={HASH_A}")
    _, body = answer(DownloaderEndpoints(FixedRows(replies=replies)).get_downloads, call, known)
    assert body["statuses"][0]["status"] == "unknown"


def test_without_hashes_a_query_is_400() -> None:
    call = make_call(RecordingIntake(), query="hashes=,%20")
    assert answer(DownloaderEndpoints(FixedRows()).get_downloads, call) == (400, {"statuses": []})


def test_cancel_keeps_the_data_and_says_what_it_cannot_cancel() -> None:
    intake = RecordingIntake(HASH_A)
    endpoints = DownloaderEndpoints(FixedRows())
    assert answer(endpoints.post_cancel, make_call(intake, {"hashes": [HASH_A.upper(), HASH_B]})) == (
        200,
        {
            "results": [
                {"hash": HASH_A.upper(), "status": "cancelled"},
                {"hash": HASH_B, "status": "failed: this torrent was not handed in here"},
            ]
        },
    )
    assert intake.removals == [([HASH_A], False)], "one write for all"
    assert answer(endpoints.post_cancel, make_call(intake, {"hashes": []})) == (400, {"results": []})
    intake.error = IntakeFull(PROBLEM)
    _, body = answer(endpoints.post_cancel, make_call(intake, {"hashes": [HASH_A]}))
    assert body["results"] == [{"hash": HASH_A, "status": "failed: it is declared already (git.yaml:7)"}]


def test_pause_resume_and_delete_change_the_entry() -> None:
    intake, endpoints = RecordingIntake(HASH_A), DownloaderEndpoints(FixedRows())
    for endpoint in (endpoints.post_pause, endpoints.post_resume):
        assert answer(endpoint, make_call(intake, id=HASH_A.upper())) == (200, None)
    assert intake.changes == [([HASH_A], {"paused": True}), ([HASH_A], {"paused": False})]
    answer(endpoints.delete_download, make_call(intake, id=HASH_A))
    answer(endpoints.delete_download, make_call(intake, id=HASH_A, query="delete_files=true"))
    assert intake.removals == [([HASH_A], False), ([HASH_A], True)]


@pytest.mark.parametrize(
    ("error", "status"), [(DeclaredElsewhere(PROBLEM), 409), (IntakeUnavailable(PROBLEM), 503), (None, 404)]
)
def test_what_cannot_be_changed_has_its_reason(error: Exception | None, status: int) -> None:
    intake = RecordingIntake()
    intake.error = error  # type: ignore[assignment]
    with pytest.raises(Refusal) as refusal:
        answer(DownloaderEndpoints(FixedRows()).post_pause, make_call(intake, id=HASH_A))
    assert refusal.value.status == status
    assert ("git.yaml:7" in refusal.value.text) is (error is not None)


@pytest.mark.parametrize(
    ("url", "status", "body"),
    [
        (MAGNET, 201, {"status": "accepted", "hash": HASH_A, "error": None}),
        (URL, 400, {"status": "unsupported", "hash": None, "error": "Only magnet links supported"}),
        (EXAMPLE, 400, {"status": "unsupported", "hash": None, "error": find_link_fault(EXAMPLE)}),
    ],
)
def test_the_older_form(url: str, status: int, body: dict[str, object]) -> None:
    intake = RecordingIntake()
    call = make_call(intake, {"link_id": 123, "url": url})
    assert answer(DownloaderEndpoints(FixedRows()).post_download, call) == (status, body)
    assert [torrent.keys for torrent in intake.handed_in] == ([{"labels": {"link_id": "123"}}] if status == 201 else [])


def test_the_older_form_says_error_where_nothing_can_be_recorded() -> None:
    intake = RecordingIntake()
    intake.error = IntakeUnavailable(Problem(HERE, "E110", "no space left on device"))
    call = make_call(intake, {"link_id": "0190-x", "url": MAGNET})
    status, body = answer(DownloaderEndpoints(FixedRows()).post_download, call)
    assert status == 500 and body["status"] == "error" and "no space left" in body["error"]


def test_files_of_the_root_folder() -> None:
    assert join_files("/", b'[{"name": "a/b"}]') == ["/a/b"]
