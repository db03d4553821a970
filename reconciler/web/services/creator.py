"""The creation of torrents by one instance, as a small front end calls it: `/api/torrent` and `/api/qbittorrent`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import AliasChoices, BaseModel, Field
from starlette.responses import Response

from reconciler.model.rows import InstanceRows, InstanceUnavailable, LiveRows, Reply
from reconciler.model.versions import CREATOR_URL_DECODING, TORRENT_CREATOR, parse_version
from reconciler.report.sanitize import sanitize_text
from reconciler.web.services.calls import Call, Refusal, render_json

if TYPE_CHECKING:
    from reconciler.web.catalogue import CatalogueView

TORRENT_MEDIA_TYPE: Final = "application/x-bittorrent"
SHOWN_PREFERENCES: Final = {
    "web_ui_port": "web_ui_port",
    "use_https": "web_ui_https_enabled",
    "dht": "dht",
    "pex": "pex",
    "lsd": "lsd",
}  # their names in the reply
TRACKER_SEPARATOR: Final = "||"  # begins another tier
_TASK_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_OK, _NO_TASK, _NOT_NOW = 200, 404, 409

Url = Annotated[str, Field(max_length=4096, pattern=r"^[a-z]+://[^\s|]+$")]


class CreationPayload(BaseModel):
    """The body of `POST /api/torrent/create`. `path`, also called `source_path`: as a client of the gateway sees it."""

    path: Annotated[str, Field(min_length=1, max_length=4096, validation_alias=AliasChoices("path", "source_path"))]
    private: bool | None = None
    format: Literal["v1", "v2", "hybrid"] | None = None
    piece_size: Annotated[int, Field(ge=0)] | None = None
    optimize_alignment: bool | None = None
    padded_file_size_limit: int | None = None
    comment: str | None = None
    source: str | None = None
    trackers: list[Url] | None = None
    url_seeds: list[Url] | None = None
    start_seeding: bool | None = None
    output_dir: str | None = None
    torrent_name: str | None = None


def make_task_form(payload: CreationPayload, path: str, *, encode_urls: bool) -> dict[str, str]:
    """Return the form of `torrentcreator/addTask`. Raises `Refusal` for what it cannot do.

    A torrent that the instance seeded at once would be nobody's: what is to be seeded is handed in, or declared.
    """
    for key in ("output_dir", "torrent_name"):
        if getattr(payload, key):
            raise Refusal(400, f"{key} is not supported: the file is only returned, by /api/torrent/download")
    if payload.start_seeding:
        raise Refusal(400, "start_seeding is not supported: hand the file in, or declare the torrent with `content:`")
    values: dict[str, object] = {
        "sourcePath": path,
        "startSeeding": False,
        "private": payload.private,
        "format": payload.format,
        "pieceSize": payload.piece_size,
        "optimizeAlignment": payload.optimize_alignment,
        "paddedFileSizeLimit": payload.padded_file_size_limit,
        "comment": payload.comment,
        "source": payload.source,
        "trackers": _join_urls(payload.trackers, TRACKER_SEPARATOR, encode_urls),
        "urlSeeds": _join_urls(payload.url_seeds, "|", encode_urls),
    }
    return {key: _to_form_value(value) for key, value in values.items() if value not in (None, "")}


def render_task(task_id: str, body: bytes) -> dict[str, object]:
    """Render the status of a task. Raises `Refusal` (404) if the reply of the instance has no such task."""
    try:
        row = next(row for row in json.loads(body) if row["taskID"] == task_id)
        progress = float(row.get("progress") or 0)
        status, error = str(row["status"]), str(row.get("errorMessage") or "")
    except (ValueError, KeyError, TypeError, StopIteration):
        raise _missing_task(task_id) from None
    return {"task_id": task_id, "status": status, "progress": progress, "error_message": error}


class CreatorEndpoints:
    """A method per route. Each runs in a thread."""

    def __init__(self, rows: LiveRows) -> None:
        self._rows = rows

    def post_create(self, call: Call, _view: CatalogueView) -> Response:
        """Start the creation of a torrent."""
        payload = call.parse_body(CreationPayload)
        name = call.settings.services.creator
        if not self._can_create(instance := self._read_instance(name)):
            raise Refusal(501, f"{name}: the creation of torrents needs qBittorrent {TORRENT_CREATOR.release}")
        encode_urls = CREATOR_URL_DECODING.is_available(parse_version(instance.web_api) or ())
        form = make_task_form(payload, call.to_instance_path(payload.path, name), encode_urls=encode_urls)
        reply = self._request(name, "torrentcreator/addTask", form, is_change=True)
        if reply.status == _NOT_NOW:
            raise Refusal(409, "too many torrents are being created: try again when one is finished")
        if reply.status != _OK:
            raise Refusal(502, f"{name} refused it: {reply.status} {_excerpt(reply)}")
        task_id = _read_task_id(reply)
        return render_json(
            200,
            {
                "success": True,
                "task_id": task_id,
                "message": "Torrent creation started",
                "status_url": f"/api/torrent/status/{task_id}",
                "download_url": f"/api/torrent/download/{task_id}",
            },
        )

    def get_status(self, call: Call, _view: CatalogueView) -> Response:
        """Return the status of a task."""
        task_id = _parse_task_id(call)
        reply = self._request(call.settings.services.creator, "torrentcreator/status", {"taskID": task_id})
        if reply.status != _OK:
            raise _missing_task(task_id)
        return render_json(200, render_task(task_id, reply.body))

    def get_file(self, call: Call, _view: CatalogueView) -> Response:
        """Return the .torrent file of a task."""
        task_id = _parse_task_id(call)
        reply = self._request(call.settings.services.creator, "torrentcreator/torrentFile", {"taskID": task_id})
        if reply.status != _OK:
            raise Refusal(404, f"Torrent file for task {task_id} not found or not ready")
        headers = {"Content-Disposition": f"attachment; filename={task_id}.torrent"}
        return Response(reply.body, 200, headers, TORRENT_MEDIA_TYPE)

    def get_info(self, call: Call, _view: CatalogueView) -> Response:
        """Return the versions of the instance, and some of its preferences."""
        name = call.settings.services.creator
        instance = self._read_instance(name)
        build_info = self._read_object(name, "app/buildInfo")
        preferences = self._read_object(name, "app/preferences")
        shown = {name: preferences[key] for key, name in SHOWN_PREFERENCES.items() if key in preferences}
        return render_json(
            200,
            {
                "version": instance.version,
                "web_api_version": instance.web_api,
                "build_info": build_info,
                "preferences": shown,
                "torrent_creator_supported": self._can_create(instance),
            },
        )

    def get_test(self, call: Call, _view: CatalogueView) -> Response:
        """Tell whether the instance answers."""
        name = call.settings.services.creator
        try:
            instance = self._read_instance(name)
        except Refusal as refusal:
            return render_json(200, {"success": False, "message": refusal.text})
        message = f"Connected to qBittorrent {instance.version} (Web API v{instance.web_api})"
        support = "is" if self._can_create(instance) else "is not"
        return render_json(200, {"success": True, "message": f"{message}\nThe torrent creator {support} supported"})

    def _can_create(self, instance: InstanceRows) -> bool:
        return TORRENT_CREATOR.is_available(parse_version(instance.web_api) or ())

    def _read_instance(self, name: str) -> InstanceRows:
        instance = self._rows.read().get(name)
        if instance is None or not instance.is_read:
            reason = instance.reason if instance else "it is not declared"
            raise Refusal(503, sanitize_text(f"{name} cannot be asked now: {reason}"))
        return instance

    def _read_object(self, name: str, endpoint: str) -> dict[str, Any]:
        reply = self._request(name, endpoint, {})
        try:
            value = json.loads(reply.body)
        except ValueError:
            value = None
        if reply.status != _OK or not isinstance(value, dict):
            raise Refusal(502, f"{name} answered {endpoint} with {reply.status} {_excerpt(reply)}")
        return value

    def _request(self, name: str, endpoint: str, form: Mapping[str, str], *, is_change: bool = False) -> Reply:
        try:
            return (self._rows.send if is_change else self._rows.ask)(name, endpoint, form)
        except InstanceUnavailable as error:
            raise Refusal(503, sanitize_text(str(error))) from error


def render_refusal(refusal: Refusal) -> Response:
    """Render a refusal as this front end expects it."""
    return render_json(refusal.status, {"detail": refusal.text})


def _parse_task_id(call: Call) -> str:
    task_id = str(call.request.path_params["id"])
    if not _TASK_ID.fullmatch(task_id):
        raise _missing_task(sanitize_text(task_id))
    return task_id


def _read_task_id(reply: Reply) -> str:
    try:
        task_id = str(json.loads(reply.body)["taskID"])
    except (ValueError, KeyError, TypeError):
        task_id = ""
    if not _TASK_ID.fullmatch(task_id):
        raise Refusal(502, "the instance accepted it, but its reply names no task")
    return task_id


def _missing_task(task_id: str) -> Refusal:
    return Refusal(_NO_TASK, f"Task {task_id} not found")


def _excerpt(reply: Reply) -> str:
    return sanitize_text(reply.body[:200].decode(errors="replace"))


def _join_urls(urls: Sequence[str] | None, separator: str, encode: bool) -> str:
    return separator.join(quote(url, safe="") if encode else url for url in urls or ())


def _to_form_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
