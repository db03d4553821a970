"""Rows as clients see them: the fields of qBittorrent 5.1, its states, their paths, and none of our marks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.links import TRACKERS, WEB_SEEDS, build_magnet, extract_links, mask_url, parse_link_urls
from reconciler.model.rows import NO_ETA, Row
from reconciler.model.tags import is_reserved_tag
from reconciler.web.path_maps import PathMap, to_client_path

QUEUED_DOWNLOAD: Final = "queuedDL"
QUEUED_UPLOAD: Final = "queuedUP"
STOPPED_DOWNLOAD: Final = "stoppedDL"
STOPPED_UPLOAD: Final = "stoppedUP"

# the fields of a row of 5.1, as they are for a torrent of which nothing is known
EMPTY_ROW: Final[Row] = {
    "added_on": -1,
    "amount_left": 0,
    "auto_tmm": False,
    "availability": -1,
    "category": "",
    "comment": "",
    "completed": 0,
    "completion_on": -1,
    "content_path": "",
    "dl_limit": 0,
    "dlspeed": 0,
    "download_path": "",
    "downloaded": 0,
    "downloaded_session": 0,
    "eta": NO_ETA,
    "f_l_piece_prio": False,
    "force_start": False,
    "has_metadata": False,
    "hash": "",
    "inactive_seeding_time_limit": -2,
    "infohash_v1": "",
    "infohash_v2": "",
    "last_activity": -1,
    "magnet_uri": "",
    "max_inactive_seeding_time": -1,
    "max_ratio": -1,
    "max_seeding_time": -1,
    "name": "",
    "num_complete": 0,
    "num_incomplete": 0,
    "num_leechs": 0,
    "num_seeds": 0,
    "popularity": 0,
    "priority": 0,
    "private": None,
    "progress": 0,
    "ratio": 0,
    "ratio_limit": -2,
    "reannounce": 0,
    "root_path": "",
    SAVE_PATH: "",
    "seeding_time": 0,
    "seeding_time_limit": -2,
    "seen_complete": -1,
    "seq_dl": False,
    "size": 0,
    "state": QUEUED_DOWNLOAD,
    "super_seeding": False,
    "tags": "",
    "time_active": 0,
    "total_size": -1,
    "tracker": "",
    "trackers_count": 0,
    "up_limit": 0,
    "uploaded": 0,
    "uploaded_session": 0,
    "upspeed": 0,
}
_get_fields: Final = itemgetter(*EMPTY_ROW)
_PATH_FIELDS: Final = ("content_path", "download_path", "root_path", SAVE_PATH)
_NEW_STATES: Final = {"pausedUP": STOPPED_UPLOAD, "pausedDL": STOPPED_DOWNLOAD, "allocating": "downloading"}
_IDLE: Final = {"dlspeed": 0, "upspeed": 0, "eta": NO_ETA, "num_leechs": 0, "num_seeds": 0}
_FIELDS_BY_OPTION: Final = {
    "auto_tmm": "auto_tmm",
    "sequential": "seq_dl",
    "first_last_piece_first": "f_l_piece_prio",
    "super_seeding": "super_seeding",
    "download_limit": "dl_limit",
    "upload_limit": "up_limit",
    "share_limits.ratio": "ratio_limit",
    "share_limits.seeding_time": "seeding_time_limit",
    "share_limits.inactive_seeding_time": "inactive_seeding_time_limit",
}
_RATE_FIELDS: Final = ("dl_limit", "up_limit")


def make_client_row(row: Row, path_map: PathMap) -> dict[str, Any]:
    """Return a row of any version as 5.1 sends it, with the paths that clients see and without `reconcile:*` tags."""
    try:
        values = _get_fields(row)
    except KeyError:  # it has not been known to all versions
        values = _get_fields({**EMPTY_ROW, **row})
    client_row = dict(zip(EMPTY_ROW, values, strict=True))
    client_row["state"] = _NEW_STATES.get(client_row["state"], client_row["state"])
    if "reconcile:" in client_row["tags"]:
        client_row["tags"] = _hide_our_tags(client_row["tags"])
    for name in _PATH_FIELDS:
        if path := client_row[name]:
            path = path if len(path) == 1 else path.rstrip("/")
            client_row[name] = to_client_path(path_map, path) if path_map else path
    if "has_metadata" not in row:  # before 5.0
        client_row["has_metadata"] = client_row["total_size"] > 0
    if "infohash_v1" not in row:  # before 4.4
        client_row["infohash_v1"] = client_row["hash"]
    return client_row


@lru_cache(maxsize=1024)  # many torrents have the same
def _hide_our_tags(text: str) -> str:
    return join_tags(tag for tag in split_tags(text) if not is_reserved_tag(tag))


def make_pending_row(entry: DesiredTorrent, reason: str, path_map: PathMap) -> dict[str, Any]:
    """Return the row of a torrent that no instance has. The reason is its comment."""
    assert entry.infohashes
    infohashes = entry.infohashes
    magnet = build_magnet(infohashes, entry.label, entry.trackers)
    row = {
        **EMPTY_ROW,
        "hash": infohashes.ids[0],
        "infohash_v1": infohashes.v1 or "",
        "infohash_v2": infohashes.v2 or "",
        "name": entry.label,
        "magnet_uri": magnet,
        SAVE_PATH: to_client_path(path_map, entry.save_path or ""),
        "comment": reason,
    }
    overlay_entry(row, entry)
    return row


def overlay_entry(row: dict[str, Any], entry: DesiredTorrent) -> None:
    """Put what an entry declares over the row, as clients see it once the change is carried out."""
    if entry.name:
        row["name"] = entry.name
    if entry.category is not None:
        row["category"] = entry.category
    if entry.tags:
        present = [] if entry.tags.only else split_tags(row["tags"])
        row["tags"] = join_tags(sorted({*present, *entry.tags.names}))
    for option, name in _FIELDS_BY_OPTION.items():
        value = entry.options.get(option)
        if value is not None:
            row[name] = max(0, value) if name in _RATE_FIELDS and isinstance(value, int) else value
    row["state"] = _overlay_state(row["state"], entry.paused)
    if (force_start := entry.options.get("force_start")) is not None:
        row["force_start"] = bool(force_start) and not row["state"].startswith("stopped")


def mark_as_unread(row: dict[str, Any], reason: str) -> None:
    """Show a torrent whose instance cannot be read as queued, with the reason."""
    row.update(_IDLE)
    if not str(row["state"]).startswith("stopped"):
        row["state"] = QUEUED_UPLOAD if (row["progress"] or 0) >= 1 else QUEUED_DOWNLOAD
    row["comment"] = reason


def mask_row(row: Row) -> Row:
    """Return the row without passkeys, for those who may not change it."""
    links = extract_links(str(row["magnet_uri"]))
    urls = {"tr": parse_link_urls(links, TRACKERS), "ws": parse_link_urls(links, WEB_SEEDS)}
    start = str(row["magnet_uri"])[: len(str(row["magnet_uri"])) - len(links)]
    shown = "".join(f"&{key}={mask_url(url)}" for key, values in urls.items() for url in values)
    return {**row, "magnet_uri": start + shown, "tracker": mask_url(row["tracker"]) if row["tracker"] else ""}


def list_row_ids(key: str, row: Row) -> tuple[str, ...]:
    """Return every id of the torrent of a row that its instance lists as `key`."""
    v1, v2 = row.get("infohash_v1"), row.get("infohash_v2")
    if not v2 and (not v1 or v1 == key):
        return (key,)
    return tuple(dict.fromkeys(filter(None, (key, str(v1 or ""), str(v2 or "")[:40], str(v2 or "")))))


def split_tags(text: str) -> list[str]:
    """Return the tags of a row."""
    return [tag for item in text.split(",") if (tag := item.strip())]


def join_tags(tags: Iterable[str]) -> str:
    """Return the tags as a row has them."""
    return ", ".join(tags)


def map_category(category: Mapping[str, Any], path_map: PathMap) -> dict[str, Any]:
    """Return a category as 5.1 sends it, with the paths that clients see."""
    mapped = {"name": category.get("name", ""), "savePath": to_client_path(path_map, category.get("savePath") or "")}
    download_path = category.get("download_path")
    if download_path is not None:
        mapped["download_path"] = to_client_path(path_map, download_path) if download_path else download_path
    return mapped


def _overlay_state(state: str, paused: bool | None) -> str:
    is_stopped = state.startswith("stopped")
    if paused is None or paused is is_stopped or not _shows_intent(state):
        return state
    is_upload = state.endswith("UP") or state == "uploading"
    if paused:
        return STOPPED_UPLOAD if is_upload else STOPPED_DOWNLOAD
    return QUEUED_UPLOAD if is_upload else QUEUED_DOWNLOAD


def _shows_intent(state: str) -> bool:
    """True unless the state hides if the torrent is stopped."""
    return not state.startswith("checking") and state not in ("error", "missingFiles", "moving", "unknown")
