"""The JSON documents of torrents, as typed dictionaries, from which their schemas are made.

A value that is not known is null, never 0. No document contains a tracker, a magnet link or another possible secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.rows import NO_ETA
from reconciler.model.run import RunMode
from reconciler.report.json.common import iso_utc
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import split_tags
from reconciler.web.loop_view import LoopState
from reconciler.web.sync_states import SyncState


class SourceDocument(TypedDict):
    """The place in a file where a torrent is declared."""

    file: str
    line: int
    column: int


class TorrentDocument(TypedDict):
    """A torrent: how it should be, where it is, and why."""

    infohash: Annotated[str, Field(description="The id of the torrent, as qBittorrent lists it.")]
    infohash_v1: str | None
    infohash_v2: str | None
    name: str
    sync: Annotated[SyncState, Field(description="Its state towards its declaration.")]
    reason: Annotated[str | None, Field(description="Why it is in that state.")]
    target: Annotated[str | None, Field(description="The instance or group that it is declared for.")]
    instance: Annotated[str | None, Field(description="The instance with the best copy; null if none has it.")]
    instances: Annotated[list[str], Field(description="Every instance that has it.")]
    owned: bool
    handed_in: Annotated[bool, Field(description="A service handed it in, so it can be changed here.")]
    source: SourceDocument | None
    labels: dict[str, str]
    category: str
    tags: list[str]
    state: Annotated[str, Field(description="As qBittorrent names it, such as stalledUP.")]
    save_path: str | None
    progress: Annotated[float | None, Field(ge=0, le=1)]
    eta: Annotated[int | None, Field(ge=0, description="Seconds; null if unknown or never.")]
    ratio: Annotated[float | None, Field(ge=0)]
    size: Annotated[int | None, Field(description="Bytes of the selected files.")]
    download_rate: Annotated[int | None, Field(ge=0, description="Bytes per second.")]
    upload_rate: Annotated[int | None, Field(ge=0, description="Bytes per second.")]
    added: Annotated[str | None, Field(description="UTC.")]
    completed: Annotated[str | None, Field(description="UTC.")]


class TorrentList(TypedDict):
    """A page of torrents. `next` is the cursor of the next page."""

    format_version: Literal[1]
    torrents: list[TorrentDocument]
    total: Annotated[int, Field(ge=0, description="All torrents that match the filters.")]
    next: str | None


class TorrentResult(TypedDict):
    """One torrent."""

    format_version: Literal[1]
    torrent: TorrentDocument
    placements: Annotated[
        dict[str, str],
        Field(description="Why its group has it on each instance, by the last run. Empty outside of groups."),
    ]


class ChangeResult(TypedDict):
    """A torrent after a change: null once it is gone, or while a URL has not been fetched."""

    format_version: Literal[1]
    id: Annotated[str, Field(description="For PATCH and DELETE, also of a URL that has not been fetched.")]
    torrent: TorrentDocument | None
    reached: Annotated[
        bool | None,
        Field(description="True if the instances are as wanted; false if the wait is over; null without a wait."),
    ]


class ProblemDocument(TypedDict):
    """A problem of the desired state, and its place in a file."""

    file: str
    line: int
    column: int
    code: Annotated[str, Field(description="As `reconcile explain-error` knows it.")]
    message: str
    hint: str


class ErrorDocument(TypedDict):
    """A request that was refused."""

    format_version: Literal[1]
    error: str
    problems: NotRequired[list[ProblemDocument]]


class StatusDocument(TypedDict):
    """The status of the loop and its instances; it has more keys."""

    format_version: Literal[1]
    exit_code: Literal[0, 1]
    version: str
    state: LoopState
    live: bool
    ready: bool
    reasons: list[str]
    runs: int
    instances: list[dict[str, Any]]


class PlanDocument(TypedDict):
    """The report of the last run, as `--output json` writes it; it has more keys."""

    format_version: Literal[1]
    mode: RunMode
    plan_hash: str
    exit_code: int
    summary: dict[str, int]
    guard: dict[str, Any]
    instances: list[dict[str, Any]]


class LiveSnapshotDocument(TypedDict):
    """The torrents of all instances, as `reconcile snapshot` writes them; it has more keys."""

    format_version: Literal[1]


def describe_torrent(torrent: KnownTorrent) -> TorrentDocument:
    """Return the document of a torrent. Of one that no instance has, only what is declared is known."""
    row, entry, position = torrent.row, torrent.entry, torrent.position
    is_live = torrent.instance is not None
    return {
        "infohash": row["hash"],
        "infohash_v1": row.get("infohash_v1") or None,
        "infohash_v2": row.get("infohash_v2") or None,
        "name": row["name"],
        "sync": SyncState(torrent.sync_state),
        "reason": torrent.reason or None,
        "target": entry.instance if entry else None,
        "instance": torrent.instance,
        "instances": list(torrent.instances),
        "owned": torrent.is_owned,
        "handed_in": torrent.is_handed_in,
        "source": {"file": position.file, "line": position.line, "column": position.column} if position else None,
        "labels": dict(entry.labels) if entry else {},
        "category": row.get("category") or "",
        "tags": list_tags(row),
        "state": row["state"],
        SAVE_PATH: row.get(SAVE_PATH) or None,
        "progress": get_number(row, "progress", is_live=is_live),
        "eta": get_eta(row) if is_live else None,
        "ratio": get_number(row, "ratio", is_live=is_live),
        "size": get_whole_number(row, "size", is_live=is_live and row.get("has_metadata") is not False),
        "download_rate": get_whole_number(row, "dlspeed", is_live=is_live),
        "upload_rate": get_whole_number(row, "upspeed", is_live=is_live),
        "added": _time_text(row.get("added_on")),
        "completed": _time_text(row.get("completion_on")),
    }


def list_tags(row: Mapping[str, Any]) -> list[str]:
    """Return the tags of a row of qBittorrent."""
    return split_tags(row.get("tags") or "")


def get_number(row: Mapping[str, Any], key: str, *, is_live: bool = True) -> float | None:
    """Return a number of a row; None if it is not known, for which qBittorrent also writes -1."""
    value = row.get(key)
    return float(value) if is_live and isinstance(value, int | float) and value >= 0 else None


def get_whole_number(row: Mapping[str, Any], key: str, *, is_live: bool = True) -> int | None:
    """Return a whole number of a row; None if it is not known."""
    value = get_number(row, key, is_live=is_live)
    return None if value is None else int(value)


def get_eta(row: Mapping[str, Any]) -> int | None:
    """Return the seconds until the torrent is complete; None for unknown and for never."""
    eta = get_whole_number(row, "eta")
    return eta if eta is not None and eta < NO_ETA else None


def _time_text(timestamp: object) -> str | None:
    if not isinstance(timestamp, int) or timestamp <= 0:
        return None
    try:
        return iso_utc(datetime.fromtimestamp(timestamp, UTC))
    except (OverflowError, ValueError, OSError):  # of a server that writes nonsense
        return None
