"""The downloads router: the envelope, the pages, and the words of MAMcrawler's front end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.run import Run, RunMode
from reconciler.web.services.calls import Refusal
from reconciler.web.services.router import Download, RouterEndpoints
from reconciler.web.services.states import make_number
from tests.support.service_calls import HASH_A, HASH_B, RecordingIntake, answer, make_call, make_known

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NEXT = datetime(2026, 1, 2, 4, 0, 0, tzinfo=UTC)
NUMBER_A = make_number(HASH_A)
BOOK = {"title": "The Name of the Wind", "author": "Patrick Rothfuss", "source": "MAM", "book_id": 123}
MAGNET = f"magnet:?xt=urn:btih:{HASH_A}"


class Site:
    """The endpoints, and the runs that were requested."""

    def __init__(self, last_run: FinishedRun | None = None) -> None:
        self.requested: list[int] = []
        self.endpoints = RouterEndpoints(lambda: last_run, lambda: self.requested.append(1), lambda: NOW)


def make_run(**keys: Any) -> FinishedRun:
    """Return a run that has ended."""
    return FinishedRun(Run(RunMode.APPLY, "", 0), "interval", NOW, 1.0, **keys)


def test_a_download_is_handed_in_with_its_labels() -> None:
    intake = RecordingIntake()
    status, body = answer(Site().endpoints.post_download, make_call(intake, BOOK | {"magnet_link": MAGNET}))
    assert status == 201
    assert body == {
        "success": True,
        "data": {
            "download_id": NUMBER_A,
            "title": "The Name of the Wind",
            "author": "Patrick Rothfuss",
            "source": "MAM",
            "status": "queued",
        },
        "error": None,
        "timestamp": "2026-01-02T03:04:05+00:00",
    }
    assert intake.handed_in[0].keys == {
        "labels": {
            "title": "The Name of the Wind",
            "author": "Patrick Rothfuss",
            "source": "MAM",
            "book_id": "123",
            "date_queued": "2026-01-02T03:04:05+00:00",
        }
    }


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (BOOK, 400, "Either magnet_link or torrent_url is required"),
        (BOOK | {"magnet_link": "magnet:?xt=urn:btih:abc"}, 400, "no magnet link that qBittorrent takes"),
        ({"source": "MAM", "magnet_link": MAGNET}, 422, "title: Field required"),
        (BOOK | {"title": "", "magnet_link": MAGNET}, 422, "title: "),
    ],
)
def test_what_is_no_download_is_refused(body: dict[str, object], status: int, text: str) -> None:
    with pytest.raises(Refusal, match=text) as refusal:
        answer(Site().endpoints.post_download, make_call(RecordingIntake(), body))
    assert refusal.value.status == status
    response = Site().endpoints.render_refusal(refusal.value)
    assert response.status_code == status and b'"success":false,"data":null,"error":"' in bytes(response.body)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (make_known(instance=None), "queued"),
        (make_known(state="stoppedDL"), "queued"),
        (make_known(state="stalledDL"), "downloading"),
        (make_known(state="pausedUP", progress=1), "completed"),
        (make_known(state="missingFiles"), "failed"),
        (make_known(instance=None, sync_state="failed"), "failed"),
        (make_known(instance=None, sync_state="blocked"), "failed"),
    ],
)
def test_the_status_in_the_words_of_the_front_end(known: Any, status: str) -> None:
    assert Download(known).status == status


def test_a_list_has_pages_and_filters() -> None:
    torrents = [make_known(f"{number:040x}", added_on=1_700_000_000 + number) for number in range(5)]
    torrents.append(make_known(HASH_B, state="uploading", progress=1))
    _, body = answer(
        Site().endpoints.list_downloads,
        make_call(RecordingIntake(), query="status_filter=downloading&limit=2&offset=1"),
        *torrents,
    )
    assert [download["id"] for download in body["data"]["downloads"]] == [make_number(f"{n:040x}") for n in (3, 2)]
    assert body["data"]["total"] == 5
    assert body["data"]["page_info"] == {"limit": 2, "offset": 1, "has_more": True}
    _, body = answer(Site().endpoints.list_downloads, make_call(RecordingIntake(), query="offset=4&limit=2"), *torrents)
    assert body["data"]["total"] == 6 and not body["data"]["page_info"]["has_more"]


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "offset=-1", "offset=99999999999"])
def test_other_pages_are_refused(query: str) -> None:
    with pytest.raises(Refusal) as refusal:
        answer(Site().endpoints.list_downloads, make_call(RecordingIntake(), query=query))
    assert refusal.value.status == 422


def test_one_download_by_its_number() -> None:
    labels = {"title": "A book", "author": "A", "source": "MAM", "book_id": "7", "date_queued": "2026-01-01T00:00:00"}
    known = make_known(labels=labels, completion_on=1_700_000_100)
    status, body = answer(Site().endpoints.get_download, make_call(RecordingIntake(), id=str(NUMBER_A)), known)
    assert status == 200
    assert body["data"] == {
        "id": NUMBER_A,
        "book_id": 7,
        "missing_book_id": None,
        "title": "A book",
        "author": "A",
        "source": "MAM",
        "status": "downloading",
        "qbittorrent_hash": HASH_A,
        "qbittorrent_status": "downloading",
        "abs_import_status": None,
        "retry_count": 0,
        "max_retries": 1,
        "error": None,
        "date_queued": "2026-01-01T00:00:00",
        "date_completed": "2023-11-14T22:15:00+00:00",
        "last_attempt": None,
        "next_retry": None,
    }
    with pytest.raises(Refusal, match="not found"):
        answer(Site().endpoints.get_download, make_call(RecordingIntake(), id="1"), known)


def test_what_is_tried_again_has_its_attempts_and_the_next_one() -> None:
    backoff = Backoff(3, "set category was refused", NEXT)
    last_run = make_run(torrent_backoffs={("box", HASH_A): backoff})
    endpoints = Site(last_run).endpoints
    torrents = make_known(), make_known(HASH_B)
    _, body = answer(endpoints.list_retry_due, make_call(RecordingIntake()), *torrents)
    assert body["data"]["total_ready_for_retry"] == 1
    (download,) = body["data"]["downloads"]
    assert (download["id"], download["retry_count"], download["max_retries"]) == (NUMBER_A, 3, 4)
    assert download["next_retry"] == "2026-01-02T04:00:00+00:00" and download["error"] == "set category was refused"


def test_what_waits_for_an_instance_that_is_away_is_tried_again_with_it() -> None:
    last_run = make_run(backoffs={"box": Backoff(5, "connection refused", NEXT)})
    endpoints = Site(last_run).endpoints
    torrents = make_known(instance=None), make_known(HASH_B)
    _, body = answer(endpoints.list_retry_due, make_call(RecordingIntake()), *torrents)
    assert [(download["id"], download["retry_count"]) for download in body["data"]["downloads"]] == [(NUMBER_A, 5)]


def test_pending_and_failed() -> None:
    torrents = make_known(instance=None), make_known(HASH_B, state="error", reason="disk full")
    _, pending = answer(Site().endpoints.list_pending, make_call(RecordingIntake()), *torrents)
    _, failed = answer(Site().endpoints.list_failed, make_call(RecordingIntake()), *torrents)
    assert pending["data"]["total_pending"] == 1 and pending["data"]["downloads"][0]["id"] == NUMBER_A
    assert failed["data"]["total_failed"] == 1 and failed["data"]["downloads"][0]["error"] == "disk full"


def test_pause_resume_and_delete() -> None:
    intake, endpoints = RecordingIntake(HASH_A), Site().endpoints
    for endpoint, status in ((endpoints.put_pause, "queued"), (endpoints.put_resume, "downloading")):
        _, body = answer(endpoint, make_call(intake, id=str(NUMBER_A)), make_known())
        assert body["data"] == {"download_id": NUMBER_A, "status": status}
    assert intake.changes == [([HASH_A], {"paused": True}), ([HASH_A], {"paused": False})]
    _, body = answer(endpoints.delete_download, make_call(intake, id=str(NUMBER_A)), make_known())
    assert body["data"] == {"message": "Download 'Debian' removed from queue"}
    assert intake.removals == [([HASH_A], False)]


def test_a_retry_changes_the_entry_so_that_the_loop_forgets_its_failures() -> None:
    intake, site = RecordingIntake(HASH_A), Site()
    call = make_call(intake, {"days_until_retry": 3}, id=str(NUMBER_A))
    _, body = answer(site.endpoints.put_retry, call, make_known(labels={"book_id": "7"}))
    assert body["data"] == {"download_id": NUMBER_A, "next_retry": "2026-01-02T03:04:05+00:00", "days_until_retry": 3}
    labels = {"book_id": "7", "retried_at": "2026-01-02T03:04:05+00:00"}
    assert intake.changes == [([HASH_A], {"paused": False, "labels": labels})] and site.requested == [1]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("downloading", [([HASH_A], {"paused": False})]),
        ("cancelled", []),
        ("abandoned", []),
    ],
)
def test_a_status_is_carried_out(status: str, expected: list[object]) -> None:
    intake = RecordingIntake(HASH_A)
    call = make_call(intake, {"status": status, "qb_hash": None}, id=str(NUMBER_A))
    code, body = answer(Site().endpoints.put_status, call, make_known())
    assert code == 200 and body["data"]["status"] == status
    assert intake.changes == expected and bool(intake.removals) is (not expected)


@pytest.mark.parametrize(("status", "code"), [("completed", 409), ("failed", 409), ("nonsense", 422)])
def test_a_status_that_only_the_instances_know_is_refused(status: str, code: int) -> None:
    call = make_call(RecordingIntake(HASH_A), {"status": status}, id=str(NUMBER_A))
    with pytest.raises(Refusal) as refusal:
        answer(Site().endpoints.put_status, call, make_known())
    assert refusal.value.status == code
