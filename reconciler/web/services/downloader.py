"""The downloader service, as the core of rust-bangumi calls it: `/downloads`, and `/download` of its older form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import structlog
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.infohash import parse_infohash_text
from reconciler.model.intake import HandedIn, HandInResult
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.rows import InstanceUnavailable, LiveRows
from reconciler.web.services.calls import (
    HTTP_UNAVAILABLE,
    NOT_HANDED_IN_TEXT,
    Call,
    Refusal,
    change,
    describe_problem,
    hand_in,
    remove,
    render_json,
)
from reconciler.web.services.states import DownloadPhase, TorrentIndex, find_phase, get_progress, get_total_size

if TYPE_CHECKING:
    from reconciler.web.catalogue import CatalogueView, KnownTorrent

MAX_ITEMS: Final = 1000
UNREAD_TEXT: Final = "Added, but its file could not be read yet, so its hash is not known"
_WORDS: Final[Mapping[DownloadPhase, str]] = {
    DownloadPhase.PENDING: "downloading",
    DownloadPhase.DOWNLOADING: "downloading",
    DownloadPhase.STOPPED: "paused",
    DownloadPhase.CHECKING: "checking",
    DownloadPhase.COMPLETED: "completed",
    DownloadPhase.FAILED: "error",
    DownloadPhase.UNKNOWN: "unknown",
}


class DownloadItem(BaseModel):
    """One download to add. `save_path` "": the default one."""

    url: str
    save_path: str = ""


class BatchPayload(BaseModel):
    """The body of `POST /downloads`."""

    items: Annotated[list[DownloadItem], Field(max_length=MAX_ITEMS)]


class HashesPayload(BaseModel):
    """The body of `POST /downloads/cancel`."""

    hashes: Annotated[list[str], Field(max_length=MAX_ITEMS)]


class LinkPayload(BaseModel):
    """The body of `POST /download`. `link_id`: what the core knows it by, a number or a UUID."""

    link_id: int | str
    url: str


def find_link_fault(url: str) -> str:
    """Return why a link is no torrent to download; "" if it may be one."""
    if url.lower().startswith("magnet:"):
        try:
            parse_magnet(url)
        except MagnetError as error:
            return f"this is no magnet link that qBittorrent takes: {error}"
        return ""
    return "" if url.lower().startswith(("http://", "https://")) else "Unsupported URL format"


def render_result(url: str, result: HandInResult | str) -> dict[str, object]:
    """Render what became of one item; `result` may be the reason why it was not even handed in."""
    if isinstance(result, str):
        return {"url": url, "hash": None, "status": "failed", "reason": result}
    if result.problem:
        return {"url": url, "hash": None, "status": "failed", "reason": describe_problem(result.problem)}
    infohash = result.infohash or guess_infohash(url)
    return {"url": url, "hash": infohash or None, "status": "accepted", "reason": None if infohash else UNREAD_TEXT}


def guess_infohash(url: str) -> str:
    """Return the infohash that stands in a URL as the name of its file, as the service itself takes it; else ""."""
    name = urlsplit(url).path.rpartition("/")[2]
    hashes = parse_infohash_text(name.removesuffix(".torrent")) if name.endswith(".torrent") else None
    return (hashes.v1 if hashes else None) or ""


def render_status(asked: str, torrent: KnownTorrent | None, files: Sequence[str] | None) -> dict[str, object]:
    """Render the status of the torrent under the hash that was asked for.

    `files`: absolute paths; None if they cannot be read now. Then a completed torrent is unknown for the moment, since
    the core would take it for one without files, and would not ask again.
    """
    if torrent is None:
        return {"hash": asked, "status": "not_found", "progress": 0.0, "size": 0, "content_path": None, "files": []}
    phase = find_phase(torrent)
    if phase is DownloadPhase.COMPLETED and files is None:
        phase = DownloadPhase.UNKNOWN
    return {
        "hash": asked,
        "status": _WORDS[phase],
        "progress": get_progress(torrent),
        "size": get_total_size(torrent),
        "content_path": str(torrent.row.get("content_path") or "") or None,
        "files": list(files or ()) if phase is DownloadPhase.COMPLETED else [],
    }


def join_files(save_path: str, body: bytes) -> list[str]:
    """Return the absolute paths of the files that `torrents/files` lists. Raises ValueError if it is no such list."""
    names = [entry["name"] for entry in json.loads(body)]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a file has no name")
    return [f"{save_path.rstrip('/')}/{name}" for name in names]


class DownloaderEndpoints:
    """A method per route. Each runs in a thread."""

    def __init__(self, rows: LiveRows) -> None:
        self._rows = rows

    def post_downloads(self, call: Call, _view: CatalogueView) -> Response:
        """Hand in a batch; the results are in the order of its items."""
        items = call.parse_body(BatchPayload).items
        if not items:
            return render_json(400, {"results": []})
        faults = [find_link_fault(item.url) for item in items]
        results: list[HandInResult | str] = list(faults)
        places = [place for place, fault in enumerate(faults) if not fault]
        torrents = [_make_torrent(call, items[place]) for place in places]
        try:
            handed_in: Sequence[HandInResult | str] = hand_in(call, torrents) if torrents else []
        except Refusal as refusal:
            if refusal.status == HTTP_UNAVAILABLE:
                structlog.get_logger().error("downloads were not recorded", reason=refusal.text)
                return render_json(500, {"results": []})
            handed_in = [refusal.text] * len(places)
        for place, result in zip(places, handed_in, strict=True):
            results[place] = result
        pairs = zip(items, results, strict=True)
        return render_json(200, {"results": [render_result(item.url, result) for item, result in pairs]})

    def get_downloads(self, call: Call, view: CatalogueView) -> Response:
        """Return the statuses of the hashes in the query."""
        hashes = [text for part in call.request.query_params.get("hashes", "").split(",") if (text := part.strip())]
        if not hashes:
            return render_json(400, {"statuses": []})
        index = TorrentIndex(view.select(call.settings.shows))
        statuses = []
        for asked in hashes[:MAX_ITEMS]:
            torrent = index.find(asked.lower())
            files = self._read_files(torrent) if torrent and find_phase(torrent) is DownloadPhase.COMPLETED else None
            statuses.append(render_status(asked, torrent, files))
        return render_json(200, {"statuses": statuses})

    def post_cancel(self, call: Call, _view: CatalogueView) -> Response:
        """Take torrents back, and keep what they have downloaded."""
        hashes = call.parse_body(HashesPayload).hashes
        if not hashes:
            return render_json(400, {"results": []})
        known = [infohash for infohash in hashes if infohash.lower() in call.intake.entries]
        fault = ""
        try:
            remove(call.intake, [infohash.lower() for infohash in known], delete_files=False)
        except Refusal as refusal:
            fault = refusal.text
        statuses = dict.fromkeys(known, f"failed: {fault}" if fault else "cancelled")
        unknown = f"failed: {NOT_HANDED_IN_TEXT}"
        return render_json(200, {"results": [{"hash": text, "status": statuses.get(text, unknown)} for text in hashes]})

    def post_pause(self, call: Call, _view: CatalogueView) -> Response:
        """Declare a torrent as paused."""
        change(call.intake, call.infohash, {"paused": True})
        return PlainTextResponse("")

    def post_resume(self, call: Call, _view: CatalogueView) -> Response:
        """Declare a torrent as running."""
        change(call.intake, call.infohash, {"paused": False})
        return PlainTextResponse("")

    def delete_download(self, call: Call, _view: CatalogueView) -> Response:
        """Take a torrent back, on demand with its data."""
        delete_files = call.request.query_params.get("delete_files", "").lower() == "true"
        remove(call.intake, [call.infohash], delete_files=delete_files)
        return PlainTextResponse("")

    def post_download(self, call: Call, _view: CatalogueView) -> Response:
        """Hand in one magnet link: the older form of the service."""
        payload = call.parse_body(LinkPayload)
        if not payload.url.lower().startswith("magnet:"):
            return _render_legacy(400, "unsupported", None, "Only magnet links supported")
        if fault := find_link_fault(payload.url):
            return _render_legacy(400, "unsupported", None, fault)
        labels = {"link_id": str(payload.link_id)}
        try:
            (result,) = hand_in(call, [HandedIn(payload.url, keys={"labels": labels})])
        except Refusal as refusal:
            return _render_legacy(500, "error", None, refusal.text)
        if result.problem:
            return _render_legacy(500, "error", None, describe_problem(result.problem))
        return _render_legacy(201, "accepted", result.infohash, None)

    def _read_files(self, torrent: KnownTorrent) -> list[str] | None:
        if torrent.instance is None:
            return None
        try:
            reply = self._rows.ask(torrent.instance, "torrents/files", {"hash": str(torrent.row["hash"])})
            return join_files(str(torrent.row.get(SAVE_PATH) or ""), reply.body) if reply.status == 200 else None
        except (InstanceUnavailable, ValueError, KeyError, TypeError):
            return None


def render_refusal(refusal: Refusal) -> Response:
    """Render a refusal: these clients read the status, and people the text."""
    return PlainTextResponse(refusal.text + "\n", refusal.status)


def _make_torrent(call: Call, item: DownloadItem) -> HandedIn:
    return HandedIn(item.url, keys={SAVE_PATH: call.to_instance_path(item.save_path)} if item.save_path else {})


def _render_legacy(status: int, word: str, infohash: str | None, error: str | None) -> Response:
    body: dict[str, Any] = {"status": word, "hash": infohash, "error": error}
    return render_json(status, body)
