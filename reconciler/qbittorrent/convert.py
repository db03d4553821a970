"""What qBittorrent answers, turned into the model's snapshots."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from reconciler.model.files import LiveFile, Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import extract_links
from reconciler.model.paths import normalize_path
from reconciler.model.preferences import PreferenceValue, canonicalize_preference
from reconciler.model.snapshot import LiveCategory, LiveOptions, LiveTorrent, ShareLimits
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.qbittorrent.schemas import (
    PRIORITIES_BY_NUMBER,
    CategoryRow,
    FileRow,
    TorrentRow,
    convert_share_limit_action,
)

# The states that tell whether a torrent is stopped. All others hide it, and so may states of versions to come.
STOPPED_STATES = frozenset({"pausedDL", "pausedUP", "stoppedDL", "stoppedUP"})
RUNNING_STATES = frozenset({"downloading", "stalledDL", "queuedDL", "forcedDL", "metaDL", "forcedMetaDL"}) | {
    "uploading",
    "stalledUP",
    "queuedUP",
    "forcedUP",
}

_CATEGORY_FIELDS = frozenset({"name", "savePath", "download_path"})  # what a category has fields for
_STATES_WITH_INTENT = STOPPED_STATES | RUNNING_STATES


def is_stop_intent_hidden(state: str) -> bool:
    """Does the state not tell whether the torrent is stopped?"""
    return state not in _STATES_WITH_INTENT


def find_hidden_stop_intents(rows: Iterable[TorrentRow]) -> list[str]:
    """The hashes of those torrents whose state does not tell whether they are stopped."""
    return [row["hash"] for row in rows if is_stop_intent_hidden(row["state"])]


def convert_torrents(rows: Iterable[TorrentRow], stopped_ids: Collection[str]) -> tuple[LiveTorrent, ...]:
    """The rows as the model has them. `stopped`: which of the torrents that `find_hidden_stop_intents` names are stopped."""
    tag_sets: dict[str, frozenset[str]] = {}  # few values, many torrents
    paths: dict[str, str] = {}
    links: dict[str, str] = {}
    options: dict[tuple[Any, ...], LiveOptions] = {}
    torrents = []
    for row in rows:
        key, state, tags, path = row["hash"], row["state"], row["tags"], row["save_path"]
        tag_set = tag_sets.get(tags)
        if tag_set is None:
            tag_set = tag_sets[tags] = frozenset(tag.strip() for tag in tags.split(",")) - {""}
        save_path = paths.get(path)
        if save_path is None:
            save_path = paths[path] = normalize_path(path)
        v1, v2 = row.get("infohash_v1"), row.get("infohash_v2")
        raw = (
            *(row["force_start"], row["seq_dl"], row["f_l_piece_prio"], row["super_seeding"]),
            *(row["dl_limit"], row["up_limit"], row["ratio_limit"], row["seeding_time_limit"]),
            *(row.get("inactive_seeding_time_limit"), row.get("share_limit_action"), row.get("share_limits_mode")),
            row.get("download_path"),
        )
        if (known := options.get(raw)) is None:
            known = options[raw] = _convert_options(*raw)
        part = extract_links(row["magnet_uri"])
        torrents.append(
            LiveTorrent(
                key,
                InfoHashes(v1 or None, v2 or None) if v1 or v2 else InfoHashes(key),
                row["name"],
                state in STOPPED_STATES or key in stopped_ids,
                state,
                row["category"],
                tag_set,
                save_path,
                row["auto_tmm"],
                row["progress"] or 0.0,
                row["size"],
                normalize_path(row.get("content_path", "")),
                row["total_size"] > 0,
                known,
                row.get("comment"),
                links.setdefault(part, part),
            )
        )
    return tuple(torrents)


def _convert_options(
    force_start: bool,
    sequential: bool,
    first_last: bool,
    super_seeding: bool,
    download_limit: int,
    upload_limit: int,
    ratio: float | None,
    seeding_time: int,
    inactive_time: int | None,
    action: str | None,
    mode: str | None,
    download_path: str | None,
) -> LiveOptions:
    """The options of a row. No limit is 0 or -1, by version."""
    share = ShareLimits(
        GLOBAL_LIMIT if ratio is None else ratio, seeding_time, inactive_time, convert_share_limit_action(action), mode
    )
    path = None if download_path is None else normalize_path(download_path)
    limits = max(download_limit, 0), max(upload_limit, 0)
    return LiveOptions(force_start, sequential, first_last, super_seeding, *limits, share, path)


def convert_files(rows: Iterable[FileRow]) -> tuple[LiveFile, ...]:
    """The files of a torrent. qBittorrent 4.2 shows what is skipped in a folder `.unwanted`, which is its own."""
    return tuple(
        LiveFile(
            row.get("index", place),
            row["name"].replace(".unwanted/", ""),
            PRIORITIES_BY_NUMBER.get(row["priority"], Priority.NORMAL),  # 4 is libtorrent's own number for it
        )
        for place, row in enumerate(rows)
    )


def convert_categories(rows: Mapping[str, CategoryRow]) -> dict[str, LiveCategory]:
    """The categories as the model has them; `extra` is the rest of each row, by the names that the reply uses."""
    return {
        name: LiveCategory(
            name,
            normalize_path(row["savePath"]),
            {key: value for key, value in row.items() if key not in _CATEGORY_FIELDS},
            _convert_download_path(row.get("download_path")),
        )
        for name, row in rows.items()
    }


def count_other_seeds(row: TorrentRow) -> int:
    """The seeds that it knows besides itself.

    `num_seeds` are those it is connected to, and two seeds do not stay so. `num_complete` is what a tracker says, who
    counts this one too, or without a tracker what its peers are known to have.
    """
    itself = (row["progress"] or 0.0) >= 1 and row.get("tracker", "") != ""
    return max(row.get("num_seeds", 0), row.get("num_complete", 0) - itself, 0)


def convert_preferences(reply: Mapping[str, object]) -> dict[str, PreferenceValue]:
    """The preferences as the model has them: what is secret is a `Secret` from here on."""
    return {name: canonicalize_preference(name, value) for name, value in reply.items()}


def _convert_download_path(value: object) -> str | bool | None:
    return normalize_path(value) if isinstance(value, str) else False if value is False else None
