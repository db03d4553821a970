"""Downloads as radarr-mvp has them: `/api/v3/download`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from reconciler.model.intake import HandedIn
from reconciler.web.services.calls import Call, Refusal, describe_problem, hand_in, remove, render_json
from reconciler.web.services.downloader import find_link_fault
from reconciler.web.services.states import (
    DownloadPhase,
    find_infohash,
    find_phase,
    format_epoch,
    get_eta,
    get_labels,
    get_progress,
    get_size,
    make_uuid,
    parse_label_number,
)

if TYPE_CHECKING:
    from reconciler.web.catalogue import CatalogueView, KnownTorrent

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
_WORDS: Final[Mapping[DownloadPhase, str]] = {
    DownloadPhase.PENDING: "queued",
    DownloadPhase.DOWNLOADING: "downloading",
    DownloadPhase.CHECKING: "downloading",
    DownloadPhase.UNKNOWN: "downloading",
    DownloadPhase.STOPPED: "paused",
    DownloadPhase.COMPLETED: "completed",
    DownloadPhase.FAILED: "failed",
}


class ReleasePayload(BaseModel):
    """The body of `POST /api/v3/download`. `guid`: a magnet link, or the URL of a .torrent file."""

    model_config = ConfigDict(alias_generator=to_camel)

    guid: str
    indexer_id: int
    movie_id: int | Annotated[str, Field(max_length=100)] | None = None


def render_download(torrent: KnownTorrent) -> dict[str, Any]:
    """Render a torrent as a download. What qBittorrent does not know yet is null."""
    row, labels, infohash = torrent.row, get_labels(torrent), find_infohash(torrent)
    phase = find_phase(torrent)
    size, size_left = get_size(torrent, "size"), get_size(torrent, "amount_left")
    added = format_epoch(row.get("added_on"))
    return {
        "id": make_uuid(infohash),
        "movieId": parse_label_number(labels.get("movieId")),
        "downloadClientId": 1,
        "indexerId": parse_label_number(labels.get("indexerId")),
        "downloadId": infohash,
        "title": row.get("name"),
        "category": row.get("category") or None,
        "status": _WORDS[phase],
        "sizeBytes": size,
        "sizeLeft": size_left,
        "quality": {},
        "downloadTime": added,
        "completionTime": format_epoch(row.get("completion_on")),
        "errorMessage": torrent.reason or None,
        "imported": False,
        "importTime": None,
        "createdAt": labels.get("createdAt") or added,
        "updatedAt": format_epoch(row.get("last_activity")) or added or labels.get("createdAt"),
        "progress": round(100 * get_progress(torrent), 2),
        "etaSeconds": get_eta(torrent) if phase is DownloadPhase.DOWNLOADING else None,
    }


def render_queued(infohash: str, payload: ReleasePayload, created_at: str) -> dict[str, Any]:
    """Render a download that was handed in at this moment."""
    nothing = dict.fromkeys(("category", "sizeBytes", "sizeLeft", "downloadTime", "completionTime", "errorMessage"))
    return {
        "id": make_uuid(infohash) if infohash else None,
        "movieId": payload.movie_id,
        "downloadClientId": 1,
        "indexerId": payload.indexer_id,
        "downloadId": infohash or None,
        "title": infohash or None,
        **nothing,
        "status": "queued",
        "quality": {},
        "imported": False,
        "importTime": None,
        "createdAt": created_at,
        "updatedAt": created_at,
        "progress": 0.0,
        "etaSeconds": None,
    }


class RadarrEndpoints:
    """A method per route. Each runs in a thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def list_downloads(self, call: Call, view: CatalogueView) -> Response:
        """Return a page of the downloads."""
        query = call.request.query_params
        status = query.get("status") or None
        movie = query.get("movieId") or query.get("movie_id") or None
        limit = min(call.parse_number("limit", DEFAULT_LIMIT, 0), MAX_LIMIT)
        offset = call.parse_number("offset", 0, 0)
        torrents = sorted(view.select(call.settings.shows).values(), key=find_infohash)
        downloads = [
            download
            for torrent in torrents
            if movie in (None, get_labels(torrent).get("movieId"))
            and status in (None, (download := render_download(torrent))["status"])
        ]
        return render_json(200, downloads[offset : offset + limit])

    def get_download(self, call: Call, view: CatalogueView) -> Response:
        """Return one download."""
        return render_json(200, render_download(_find(call, view)))

    def post_download(self, call: Call, view: CatalogueView) -> Response:
        """Hand in a release."""
        payload = call.parse_body(ReleasePayload)
        if fault := find_link_fault(payload.guid):
            raise Refusal(400, f"Validation error in field 'guid': {fault}")
        created_at = self._now().isoformat(timespec="seconds")
        labels = {"indexerId": str(payload.indexer_id), "createdAt": created_at}
        if payload.movie_id is not None:
            labels["movieId"] = str(payload.movie_id)
        result = hand_in(call, [HandedIn(payload.guid, keys={"labels": labels})])[0]
        if result.problem:
            raise Refusal(400, describe_problem(result.problem))
        return render_json(201, render_queued(result.infohash, payload, created_at))

    def delete_download(self, call: Call, view: CatalogueView) -> Response:
        """Take a download back, and keep what it has downloaded."""
        remove(call.intake, [find_infohash(_find(call, view))], delete_files=False)
        return Response(status_code=204)


def render_refusal(refusal: Refusal) -> Response:
    """Render a refusal as these clients expect it."""
    return render_json(refusal.status, {"error": {"message": refusal.text, "code": refusal.status}})


def _find(call: Call, view: CatalogueView) -> KnownTorrent:
    wanted = str(call.request.path_params["id"]).lower()
    for torrent in view.select(call.settings.shows).values():
        if wanted in (make_uuid(infohash := find_infohash(torrent)), infohash):
            return torrent
    raise Refusal(404, f"Resource not found: Download with ID: {wanted}")
