"""Convert rows of qBittorrent's replies to the model's torrents, files, categories and preferences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import itemgetter
from typing import Final

from reconciler.model.files import LiveFile, Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import extract_links
from reconciler.model.paths import normalize_path
from reconciler.model.preferences import PreferenceValue, canonicalize_preference
from reconciler.model.snapshot import (
    METADATA_PATIENCE,
    LiveCategory,
    LiveOptions,
    LiveTorrent,
    SharedAmount,
    ShareLimits,
)
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.qbittorrent.schemas import (
    PRIORITIES_BY_NUMBER,
    CategoryRow,
    FileRow,
    TorrentRow,
    convert_share_limit_action,
)

# The states that show if a torrent is stopped. All others hide it, and states of later versions may do so too.
STOPPED_STATES = frozenset({"pausedDL", "pausedUP", "stoppedDL", "stoppedUP"})
METADATA_STATES = frozenset({"metaDL", "forcedMetaDL"})
STOPPED_UPLOAD_STATES = frozenset({"pausedUP", "stoppedUP"})
RUNNING_STATES = frozenset({"downloading", "stalledDL", "queuedDL", "forcedDL", "metaDL", "forcedMetaDL"}) | {
    "uploading",
    "stalledUP",
    "queuedUP",
    "forcedUP",
}

_CATEGORY_FIELDS = frozenset({"name", "savePath", "download_path"})  # the fields of `LiveCategory`
_STATES_WITH_INTENT = STOPPED_STATES | RUNNING_STATES

# The values that `_convert_options` reads, as far as every version reports them.
_get_option_values: Final = itemgetter(
    *("force_start", "seq_dl", "f_l_piece_prio", "super_seeding"),
    *("dl_limit", "up_limit", "ratio_limit", "seeding_time_limit"),
)


def is_stop_intent_hidden(state: str) -> bool:
    """True if the state does not show if the torrent is stopped."""
    return state not in _STATES_WITH_INTENT


def find_hidden_stop_intents(rows: Iterable[TorrentRow]) -> list[str]:
    """Return the hashes of the torrents whose state does not show if they are stopped."""
    return [row["hash"] for row in rows if is_stop_intent_hidden(row["state"])]


def convert_torrents(rows: Iterable[TorrentRow], stopped_ids: Collection[str]) -> tuple[LiveTorrent, ...]:
    """Convert rows of torrents/info. `stopped_ids`: the stopped ones of the ids from `find_hidden_stop_intents`."""
    converter = TorrentConverter()
    return tuple(converter.convert(row, stopped_ids) for row in rows)


class TorrentConverter:
    """Converts rows of torrents/info. Equal tags, texts and options are one object: few values, many torrents."""

    def __init__(self) -> None:
        self._tag_sets: dict[str, frozenset[str]] = {}
        self._paths: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._options: dict[tuple[object, ...], LiveOptions] = {}

    def convert(self, row: TorrentRow, stopped_ids: Collection[str] = ()) -> LiveTorrent:
        """Convert a row. `stopped_ids`: the torrents that are stopped although their state does not show it."""
        key, state, tags, path = row["hash"], row["state"], row["tags"], row["save_path"]
        tag_set = self._tag_sets.get(tags)
        if tag_set is None:
            tag_set = self._tag_sets[tags] = frozenset(tag.strip() for tag in tags.split(",")) - {""}
        save_path = self._paths.get(path)
        if save_path is None:
            save_path = self._paths[path] = normalize_path(path)
        v1, v2 = row.get("infohash_v1"), row.get("infohash_v2")
        options_key = _options_key(row)
        if (options := self._options.get(options_key)) is None:
            options = self._options[options_key] = _convert_options(row)
        comment, links = row.get("comment"), extract_links(row["magnet_uri"])
        progress, size, content_path = row["progress"] or 0.0, row["size"], row.get("content_path")
        share = self._texts.setdefault
        return LiveTorrent(
            key,
            InfoHashes(key if v1 == key else v1 or None, v2 or None) if v1 or v2 else InfoHashes(key),
            row["name"],
            state in STOPPED_STATES or key in stopped_ids,
            share(state, state),
            share(row["category"], row["category"]),
            tag_set,
            save_path,
            row["auto_tmm"],
            progress if 0.0 <= progress <= 1.0 else min(max(progress, 0.0), 1.0),
            size if size > 0 else 0,
            normalize_path(content_path) if content_path else "",
            row["total_size"] > 0,
            options,
            comment and share(comment, comment),
            share(links, links),
            shared=_convert_shared_amount(row) if state in STOPPED_UPLOAD_STATES else None,
            is_metadata_overdue=state in METADATA_STATES and row.get("time_active", 0) >= METADATA_PATIENCE,
            added_on=0 if progress else row.get("added_on", 0),
        )


def _convert_shared_amount(row: TorrentRow) -> SharedAmount | None:
    """Return what a complete torrent has shared; None in a row of sync/maindata, which is read without it."""
    ratio, max_ratio = row.get("ratio"), row.get("max_ratio")
    if ratio is None:
        return None
    no_limit = -1
    return SharedAmount(
        ratio,
        row.get("seeding_time"),
        no_limit if max_ratio is None else max_ratio,
        row.get("max_seeding_time", no_limit),
    )


def _options_key(row: TorrentRow) -> tuple[object, ...]:
    """Return all values of a row that `_convert_options` reads."""
    read = row.get
    return (
        _get_option_values(row),
        row["f_l_piece_prio"] if "infohash_v1" in row else _read_first_last_piece_first(row),
        read("inactive_seeding_time_limit"),
        read("share_limit_action"),
        read("share_limits_mode"),
        read("download_path"),
    )


def _convert_options(row: TorrentRow) -> LiveOptions:
    """Return the options of a row. Depending on the version, 0 or -1 means no speed limit; here it is 0."""
    ratio, download_path = row["ratio_limit"], row.get("download_path")
    share = ShareLimits(
        GLOBAL_LIMIT if ratio is None else ratio,
        row["seeding_time_limit"],
        row.get("inactive_seeding_time_limit"),
        convert_share_limit_action(row.get("share_limit_action")),
        row.get("share_limits_mode"),
    )
    return LiveOptions(
        row["force_start"],
        row["seq_dl"],
        _read_first_last_piece_first(row),
        row["super_seeding"],
        max(row["dl_limit"], 0),
        max(row["up_limit"], 0),
        share,
        None if download_path is None else normalize_path(download_path),
    )


def _read_first_last_piece_first(row: TorrentRow) -> bool | None:
    """Return the option; None before 4.4 for a torrent with nothing to download.

    There it is what the priorities of the pieces show, and pieces that are complete or skipped have none (seen: 4.2.5).
    """
    shows_priorities = "infohash_v1" not in row
    has_all = row["total_size"] > 0 and (row["size"] <= 0 or (row["progress"] or 0.0) >= 1)
    return None if shows_priorities and has_all else row["f_l_piece_prio"]


def convert_files(rows: Iterable[FileRow]) -> tuple[LiveFile, ...]:
    """Convert the files of a torrent. qBittorrent 4.2 puts skipped files in a folder `.unwanted`, which is left out."""
    return tuple(
        LiveFile(
            row.get("index", position),
            row["name"].replace(".unwanted/", ""),
            PRIORITIES_BY_NUMBER.get(row["priority"], Priority.NORMAL),  # 4 is libtorrent's own number for it
        )
        for position, row in enumerate(rows)
    )


def convert_categories(rows: Mapping[str, CategoryRow]) -> dict[str, LiveCategory]:
    """Convert the rows of torrents/categories. `extra` is the rest of each row, by the names in the reply."""
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
    """Return the number of known seeds other than this torrent itself.

    `num_seeds` counts connected seeds, but two seeds do not stay connected. `num_complete` is the count of a tracker,
    which includes this torrent if it is complete; without a tracker, it is the count among the known peers.
    """
    is_counted = (row["progress"] or 0.0) >= 1 and row.get("tracker", "") != ""
    return max(row.get("num_seeds", 0), row.get("num_complete", 0) - is_counted, 0)


def convert_preferences(reply: Mapping[str, object]) -> dict[str, PreferenceValue]:
    """Convert app/preferences. Secret values are `Secret` from here on."""
    return {name: canonicalize_preference(name, value) for name, value in reply.items()}


def _convert_download_path(value: object) -> str | bool | None:
    return normalize_path(value) if isinstance(value, str) else False if value is False else None
