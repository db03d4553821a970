"""The details of one torrent: what its instance answers, or what is known of a torrent that is on none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog
from pydantic_core import from_json, to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.rows import InstanceUnavailable, LiveRows, Reply, Row
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.report.sanitize import sanitize_text
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.trackers import find_trackers
from reconciler.web.path_maps import PathMap, to_client_path

JSON_MEDIA_TYPE: Final = "application/json"
TORRENT_MEDIA_TYPE: Final = "application/x-bittorrent"
STICKY_TRACKERS: Final = ("** [DHT] **", "** [PeX] **", "** [LSD] **")
_NO_PEERS: Final = {"full_update": True, "peers": {}, "rid": 1, "show_flags": True}


class DetailReader:
    """Asks the instance of a torrent, one request for each call."""

    def __init__(self, rows: LiveRows) -> None:
        self._rows = rows

    def read_properties(self, known: KnownTorrent, path_map: PathMap) -> Response:
        """Return `torrents/properties`."""
        properties = make_properties(known.row)
        if known.instance:
            answered = self._ask_json(known, "torrents/properties", {})
            if isinstance(answered, dict):
                properties |= {name: answered[name] for name in properties.keys() & answered.keys()}
            for name in (SAVE_PATH, "download_path"):
                path = str(properties[name] or "")
                properties[name] = to_client_path(path_map, path.rstrip("/") or path)
        return make_json_response(dict(sorted(properties.items())))

    def read_list(self, known: KnownTorrent, endpoint: str, parameters: Mapping[str, str]) -> Response:
        """Return the list of `endpoint`, as the instance sends it; of a pending torrent what is declared."""
        if known.instance is None:
            return make_json_response(PENDING_LISTS[endpoint](known))
        reply = self._ask(known, endpoint, parameters)
        complete = _COMPLETIONS.get(endpoint)
        return make_forwarded_response(replace(reply, body=complete(reply.body)) if complete else reply)

    def read_peers(self, known: KnownTorrent) -> Response:
        """Return `sync/torrentPeers`, always in full: all clients share one session with the instance."""
        if known.instance is None:
            return make_json_response(_NO_PEERS)
        return make_forwarded_response(self._ask(known, "sync/torrentPeers", {"rid": "0"}))

    def export_file(self, known: KnownTorrent) -> Response:
        """Return `torrents/export`. Of a pending torrent, the file that was handed in."""
        if known.instance:
            reply = self._ask(known, "torrents/export", {})
            if reply.status == 404:  # before 4.5
                raise HTTPException(409, f"Unable to export torrent file. Error: {known.instance} exports none")
            if reply.status != 200:
                return make_forwarded_response(reply)
            content = reply.body
        else:
            content = _read_declared_file(known)
        headers = {"Content-Disposition": f'attachment; filename="{known.row["hash"]}.torrent"'}
        return Response(content, headers=headers, media_type=TORRENT_MEDIA_TYPE)

    def _ask_json(self, known: KnownTorrent, endpoint: str, parameters: Mapping[str, str]) -> Any:
        reply = self._ask(known, endpoint, parameters)
        if reply.status != 200:
            raise HTTPException(reply.status, reply.body.decode("utf-8", "replace"))
        try:
            return from_json(reply.body, allow_inf_nan=False)
        except ValueError:
            raise HTTPException(503, f"{known.instance} answered {endpoint} with a body that is no JSON") from None

    def _ask(self, known: KnownTorrent, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Send one request about a torrent. Raises `HTTPException` (503) if its instance does not answer."""
        assert known.instance
        try:
            return self._rows.ask(known.instance, endpoint, {**parameters, "hash": str(known.row["hash"])})
        except InstanceUnavailable as error:
            structlog.get_logger().info("gateway cannot ask an instance", endpoint=endpoint, reason=str(error))
            raise HTTPException(503, sanitize_text(str(error))) from error


def _complete_trackers(body: bytes) -> bytes:
    """Return `torrents/trackers` with a number for each tier. Until 4.3, DHT and its like have an empty text."""
    return body.replace(b'"tier":""', b'"tier":-1')


def _complete_files(body: bytes) -> bytes:
    """Return `torrents/files` with the `index` of each file, which is missing until 4.3.4."""
    if b'"name"' not in body or b'"index"' in body:
        return body
    try:
        files = from_json(body, allow_inf_nan=False)
    except ValueError:
        return body
    return to_json([{"index": index, **file} for index, file in enumerate(files)])


_COMPLETIONS: Final = {"torrents/trackers": _complete_trackers, "torrents/files": _complete_files}


def make_json_response(value: object) -> Response:
    """Return a response with a value as JSON."""
    return Response(to_json(value, inf_nan_mode="null"), media_type=JSON_MEDIA_TYPE)


def make_forwarded_response(reply: Reply) -> Response:
    """Return the answer of an instance, without its headers, and never of a type that a browser shows as a page."""
    is_json = reply.content_type.startswith(JSON_MEDIA_TYPE)
    return Response(reply.body, reply.status, media_type=JSON_MEDIA_TYPE if is_json else "text/plain")


def make_properties(row: Row) -> dict[str, Any]:
    """Return `torrents/properties` as far as the row of a torrent says it. Unknown times and amounts are -1."""
    unknown = dict.fromkeys(("creation_date", "dl_speed_avg", "up_speed_avg", "piece_size", "pieces_num"), -1)
    return {
        **unknown,
        "addition_date": row["added_on"],
        "comment": row["comment"],
        "completion_date": row["completion_on"],
        "created_by": "",
        "dl_limit": row["dl_limit"] or -1,
        "dl_speed": row["dlspeed"],
        "download_path": row["download_path"],
        "eta": row["eta"],
        "has_metadata": row["has_metadata"],
        "hash": row["hash"],
        "infohash_v1": row["infohash_v1"],
        "infohash_v2": row["infohash_v2"],
        "is_private": bool(row["private"]),
        "last_seen": row["seen_complete"],
        "name": row["name"],
        "nb_connections": 0,
        "nb_connections_limit": -1,
        "peers": row["num_leechs"],
        "peers_total": row["num_incomplete"],
        "pieces_have": 0,
        "popularity": row["popularity"],
        "private": row["private"],
        "progress": row["progress"],
        "reannounce": row["reannounce"],
        SAVE_PATH: row[SAVE_PATH],
        "seeding_time": row["seeding_time"],
        "seeds": row["num_seeds"],
        "seeds_total": row["num_complete"],
        "share_ratio": row["ratio"],
        "time_elapsed": row["time_active"],
        "total_downloaded": row["downloaded"],
        "total_downloaded_session": row["downloaded_session"],
        "total_size": row["total_size"],
        "total_uploaded": row["uploaded"],
        "total_uploaded_session": row["uploaded_session"],
        "total_wasted": 0,
        "up_limit": row["up_limit"] or -1,
        "up_speed": row["upspeed"],
    }


def make_tracker(url: str, tier: int) -> dict[str, Any]:
    """Return a row of `torrents/trackers` of which no instance has said anything: not contacted yet."""
    counts = dict.fromkeys(("num_downloaded", "num_leeches", "num_peers", "num_seeds"), 0)
    return {"msg": "", **counts, "status": 0 if tier < 0 else 1, "tier": tier, "url": url}


def _list_pending_trackers(known: KnownTorrent) -> list[dict[str, Any]]:
    sticky = [make_tracker(url, -1) for url in STICKY_TRACKERS]
    urls = find_trackers(known, known.entry) if known.entry else ()
    return [*sticky, *(make_tracker(url, tier) for tier, url in enumerate(urls))]


def _list_pending_web_seeds(known: KnownTorrent) -> list[dict[str, Any]]:
    return [{"url": url} for url in (known.entry.web_seeds if known.entry else ())]


def _list_nothing(_known: KnownTorrent) -> list[dict[str, Any]]:
    return []


PENDING_LISTS: Final[Mapping[str, Callable[[KnownTorrent], list[dict[str, Any]]]]] = {
    "torrents/files": _list_nothing,
    "torrents/trackers": _list_pending_trackers,
    "torrents/webseeds": _list_pending_web_seeds,
    "torrents/pieceStates": _list_nothing,
    "torrents/pieceHashes": _list_nothing,
}


def _read_declared_file(known: KnownTorrent) -> bytes:
    source = known.entry.source if known.entry else None
    try:
        if isinstance(source, TorrentFile):
            return source.read_bytes()
    except TorrentFileError as error:
        raise HTTPException(409, sanitize_text(f"Unable to export torrent file. Error: {error}")) from error
    raise HTTPException(409, "Unable to export torrent file. Error: Missing metadata")
