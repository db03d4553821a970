"""The downloads router, as the front end of MAMcrawler calls it: `/api/downloads`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, Field
from starlette.responses import Response

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.intake import HandedIn
from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.services.calls import Call, Refusal, change, describe_problem, hand_in, remove, render_json
from reconciler.web.services.downloader import find_link_fault
from reconciler.web.services.states import (
    DownloadPhase,
    find_infohash,
    find_phase,
    format_epoch,
    get_labels,
    make_number,
    parse_label_number,
)

if TYPE_CHECKING:
    from reconciler.web.catalogue import CatalogueView, KnownTorrent

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500
QUEUED, DOWNLOADING, COMPLETED, FAILED, ABANDONED = "queued", "downloading", "completed", "failed", "abandoned"
STATUSES: Final = (QUEUED, DOWNLOADING, COMPLETED, FAILED, ABANDONED)
_WORDS: Final[Mapping[DownloadPhase, str]] = {
    DownloadPhase.PENDING: QUEUED,
    DownloadPhase.STOPPED: QUEUED,
    DownloadPhase.CHECKING: DOWNLOADING,
    DownloadPhase.DOWNLOADING: DOWNLOADING,
    DownloadPhase.UNKNOWN: DOWNLOADING,
    DownloadPhase.COMPLETED: COMPLETED,
    DownloadPhase.FAILED: FAILED,
}
_FAILED_SYNC_STATES: Final = ("failed", "blocked")

Text = Annotated[str, Field(max_length=500)]


class DownloadPayload(BaseModel):
    """The body of `POST /api/downloads/`."""

    title: Annotated[str, Field(min_length=1, max_length=500)]
    source: Annotated[str, Field(max_length=100)]
    author: Text | None = None
    book_id: int | None = None
    missing_book_id: int | None = None
    magnet_link: str | None = None
    torrent_url: str | None = None


class StatusPayload(BaseModel):
    """The body of `PUT …/status`. The hash and the status of qBittorrent are known better here."""

    status: str


class RetryPayload(BaseModel):
    """The body of `PUT …/retry`."""

    days_until_retry: Annotated[int, Field(ge=1, le=30)] = 1


@dataclass(frozen=True, slots=True)
class Download:
    """A torrent as the front end shows it. `backoff`: if an action or its instance failed and is tried again."""

    torrent: KnownTorrent
    backoff: Backoff | None = None

    @property
    def infohash(self) -> str:
        """The infohash that its number comes from."""
        return find_infohash(self.torrent)

    @property
    def status(self) -> str:
        """Its status in the words of the front end."""
        if self.torrent.sync_state in _FAILED_SYNC_STATES:
            return FAILED
        return _WORDS[find_phase(self.torrent)]

    def render(self) -> dict[str, Any]:
        """Render it with every key that a list of downloads has."""
        row, labels = self.torrent.row, get_labels(self.torrent)
        attempts = self.backoff.failures if self.backoff else 0
        return {
            "id": make_number(self.infohash),
            "book_id": parse_label_number(labels.get("book_id")),
            "missing_book_id": parse_label_number(labels.get("missing_book_id")),
            "title": labels.get("title") or row.get("name"),
            "author": labels.get("author"),
            "source": labels.get("source", ""),
            "status": self.status,
            "qbittorrent_hash": self.infohash,
            "qbittorrent_status": row.get("state"),
            "abs_import_status": labels.get("abs_import_status"),
            "retry_count": attempts,
            "max_retries": attempts + 1,  # the loop never gives up, and the front end offers a retry only below this
            "error": self.error,
            "date_queued": self.date_queued,
            "date_completed": format_epoch(row.get("completion_on")),
            "last_attempt": None,  # nobody keeps it
            "next_retry": self.backoff.until.isoformat() if self.backoff else None,
        }

    @property
    def date_queued(self) -> str | None:
        """The time at which it was handed in, else the one at which its instance added it."""
        return get_labels(self.torrent).get("date_queued") or format_epoch(self.torrent.row.get("added_on"))

    @property
    def error(self) -> str | None:
        """The reason why it is not as it should be."""
        return (self.backoff.reason if self.backoff else self.torrent.reason) or None


def make_downloads(
    torrents: Iterable[KnownTorrent],
    last_run: FinishedRun | None,
    find_targets: Callable[[KnownTorrent], Iterable[str]],
) -> list[Download]:
    """Return the downloads, the newest first. `find_targets`: the instances that a torrent may be on."""
    torrent_backoffs = {item: backoff for (_, item), backoff in last_run.torrent_backoffs.items()} if last_run else {}
    instance_backoffs = (last_run.backoffs if last_run else None) or {}

    def find_backoff(torrent: KnownTorrent) -> Backoff | None:
        if backoff := torrent_backoffs.get(find_infohash(torrent)):
            return backoff
        if torrent.instance is None:
            waits = [instance_backoffs.get(name) for name in find_targets(torrent)]
            return min((wait for wait in waits if wait), key=lambda wait: wait.until, default=None)
        return None

    downloads = [Download(torrent, find_backoff(torrent)) for torrent in torrents]
    return sorted(downloads, key=lambda download: (download.date_queued or "", download.infohash), reverse=True)


def make_labels(payload: DownloadPayload, now: datetime) -> dict[str, str]:
    """Return what the service wants kept."""
    labels = {
        "title": payload.title,
        "author": payload.author,
        "source": payload.source,
        "book_id": payload.book_id,
        "missing_book_id": payload.missing_book_id,
        "date_queued": now.isoformat(timespec="seconds"),
    }
    return {key: str(value) for key, value in labels.items() if value is not None}


class RouterEndpoints:
    """A method per route. Each runs in a thread."""

    def __init__(
        self,
        get_last_run: Callable[[], FinishedRun | None],
        request_run: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._get_last_run, self._request_run, self._now = get_last_run, request_run, now

    def list_downloads(self, call: Call, view: CatalogueView) -> Response:
        """Return a page of the downloads."""
        status = call.request.query_params.get("status_filter")
        limit = call.parse_number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        offset = call.parse_number("offset", 0, 0)
        downloads = [download for download in self._make_downloads(call, view) if status in (None, "", download.status)]
        return self._answer(
            {
                "downloads": [download.render() for download in downloads[offset : offset + limit]],
                "total": len(downloads),
                "page_info": {"limit": limit, "offset": offset, "has_more": offset + limit < len(downloads)},
            }
        )

    def get_download(self, call: Call, view: CatalogueView) -> Response:
        """Return one download."""
        return self._answer(self._find(call, view).render())

    def post_download(self, call: Call, view: CatalogueView) -> Response:
        """Hand in a download."""
        payload = call.parse_body(DownloadPayload)
        link = payload.magnet_link or payload.torrent_url
        if not link:
            raise Refusal(400, "Either magnet_link or torrent_url is required")
        if fault := find_link_fault(link):
            raise Refusal(400, fault)
        result = hand_in(call, [HandedIn(link, keys={"labels": make_labels(payload, self._now())})])[0]
        if result.problem:
            raise Refusal(400, describe_problem(result.problem))
        return self._answer(
            {
                "download_id": make_number(result.infohash) if result.infohash else None,
                "title": payload.title,
                "author": payload.author,
                "source": payload.source,
                "status": QUEUED,
            },
            201,
        )

    def delete_download(self, call: Call, view: CatalogueView) -> Response:
        """Take a download back, and keep what it has downloaded."""
        download = self._find(call, view)
        remove(call.intake, [download.infohash], delete_files=False)
        return self._answer({"message": f"Download '{download.render()['title']}' removed from queue"})

    def put_pause(self, call: Call, view: CatalogueView) -> Response:
        """Declare a download as paused."""
        return self._change(call, view, {"paused": True})

    def put_resume(self, call: Call, view: CatalogueView) -> Response:
        """Declare a download as running."""
        return self._change(call, view, {"paused": False})

    def put_retry(self, call: Call, view: CatalogueView) -> Response:
        """Try a download again with the next run, which ends the back-off. Waiting for days is not what a loop does."""
        payload = call.parse_body(RetryPayload) if call.body.strip() else RetryPayload()
        download = self._find(call, view)
        self._retry(call, download)
        return self._answer(
            {
                "download_id": make_number(download.infohash),
                "next_retry": self._now().isoformat(timespec="seconds"),
                "days_until_retry": payload.days_until_retry,
            }
        )

    def put_status(self, call: Call, view: CatalogueView) -> Response:
        """Carry out what a status means, where it means something that a client may wish for."""
        status = call.parse_body(StatusPayload).status
        download = self._find(call, view)
        if status in ("cancelled", ABANDONED):
            remove(call.intake, [download.infohash], delete_files=False)
        elif status == QUEUED:
            self._retry(call, download)
        elif status == DOWNLOADING:
            change(call.intake, download.infohash, {"paused": False})
        elif status not in STATUSES:
            raise Refusal(422, f"status: one of {', '.join(STATUSES)}")
        elif status != download.status:
            raise Refusal(409, f"the status is {download.status}: the instances say so, and no client can change it")
        return self._answer(
            {
                "download_id": make_number(download.infohash),
                "status": status,
                "qbittorrent_status": download.torrent.row.get("state"),
                "last_attempt": None,
            }
        )

    def list_pending(self, call: Call, view: CatalogueView) -> Response:
        """Return the downloads that wait."""
        return self._list(call, view, "total_pending", lambda download: download.status == QUEUED)

    def list_failed(self, call: Call, view: CatalogueView) -> Response:
        """Return the downloads that failed."""
        return self._list(call, view, "total_failed", lambda download: download.status == FAILED)

    def list_retry_due(self, call: Call, view: CatalogueView) -> Response:
        """Return the downloads that the loop tries again, with their attempts and the next one."""
        return self._list(call, view, "total_ready_for_retry", lambda download: download.backoff is not None)

    def _list(self, call: Call, view: CatalogueView, total: str, is_wanted: Callable[[Download], bool]) -> Response:
        downloads = [download.render() for download in self._make_downloads(call, view) if is_wanted(download)]
        return self._answer({"downloads": downloads, total: len(downloads)})

    def _change(self, call: Call, view: CatalogueView, changes: Mapping[str, Any]) -> Response:
        download = self._find(call, view)
        change(call.intake, download.infohash, changes)
        status = QUEUED if changes["paused"] else DOWNLOADING
        return self._answer({"download_id": make_number(download.infohash), "status": status})

    def _retry(self, call: Call, download: Download) -> None:
        """Declare it as running, and change a label: the loop forgets the failures of an entry that has changed."""
        labels = {**get_labels(download.torrent), "retried_at": self._now().isoformat(timespec="seconds")}
        change(call.intake, download.infohash, {"paused": False, "labels": labels})
        self._request_run()

    def _find(self, call: Call, view: CatalogueView) -> Download:
        number = call.request.path_params["id"]
        for download in self._make_downloads(call, view):
            if str(make_number(download.infohash)) == number:
                return download
        raise Refusal(404, f"Download with ID {number} not found")

    def _make_downloads(self, call: Call, view: CatalogueView) -> list[Download]:
        def find_targets(torrent: KnownTorrent) -> Iterable[str]:
            return call.desired.instances_of(torrent.entry) if torrent.entry else ()

        return make_downloads(view.select(call.settings.shows).values(), self._get_last_run(), find_targets)

    def _answer(self, data: Mapping[str, Any], status: int = 200) -> Response:
        return render_json(status, {"success": True, "data": data, "error": None, "timestamp": self._timestamp})

    def render_refusal(self, refusal: Refusal) -> Response:
        """Render a refusal in the envelope."""
        body = {"success": False, "data": None, "error": refusal.text, "timestamp": self._timestamp}
        return render_json(refusal.status, body)

    @property
    def _timestamp(self) -> str:
        return self._now().isoformat()
