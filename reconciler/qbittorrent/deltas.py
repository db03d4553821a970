"""Apply replies of sync/maindata to a copy of the torrents. Pure: nothing is changed in place, nothing is sent.

Unchanged torrents stay the same objects, so that `is` shows if there is anything to plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NotRequired, cast

from reconciler.model.snapshot import LiveOptions, LiveTorrent
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.convert import TorrentConverter, convert_torrents, is_stop_intent_hidden
from reconciler.qbittorrent.schemas import SHARE_LIMIT_ACTIONS, MainData, TorrentChange, TorrentRow

TorrentsById = Mapping[str, LiveTorrent]

MAX_RID = 1_000_000  # after it, they begin at 1 again

_NEW_FIELDS = {"comment", "share_limit_action", "share_limits_mode"}  # newer than the deltas (4.6)
_REQUIRED_FIELDS = TorrentChange.__optional_keys__ - _NEW_FIELDS - {"added_on"}


class NotADelta(Exception):
    """The reply does not continue the copy. A full read in a new session is needed."""


class SyncReply(MainData):
    """A reply of sync/maindata. `views`: the torrents of a full reply in place of its rows; None if a row lacks fields.

    A torrent whose state hides the stop intent is not stopped in its view.
    """

    views: NotRequired[dict[str, LiveTorrent] | None]


def read_sync_reply(client: Client, rid: int) -> SyncReply:
    """Read the changes since the reply `rid`; 0: everything, converted while it is parsed."""
    if rid == 0:
        converter = _ViewConverter()
        reply = cast("SyncReply", client.read_main_data(rid, converter.add_rows))
        converter.add_rows(reply.pop("torrents", {}))
        reply["views"] = converter.views
        return reply
    torrents: dict[str, TorrentChange] = {}
    reply = cast("SyncReply", client.read_main_data(rid, torrents.update))
    if torrents:
        reply["torrents"] = torrents | reply["torrents"]
    return reply


def convert_full_reply(reply: SyncReply | MainData) -> dict[str, LiveTorrent]:
    """Return the torrents of a full reply. Raises `NotADelta` if fields are missing."""
    if "views" in reply:
        views = cast("SyncReply", reply)["views"]
    else:
        converter = _ViewConverter()
        converter.add_rows(reply.get("torrents", {}))
        views = converter.views
    if views is None:
        raise NotADelta
    return views


class _ViewConverter:
    """Converts the torrents of a full reply. `views` is None after a row with missing fields."""

    def __init__(self) -> None:
        self._converter = TorrentConverter()
        self.views: dict[str, LiveTorrent] | None = {}

    def add_rows(self, rows: Mapping[str, TorrentChange]) -> None:
        for key, row in rows.items():
            if not row.keys() >= _REQUIRED_FIELDS:
                self.views = None
            elif self.views is not None:
                self.views[key] = self._converter.convert({"hash": key, **row})  # type: ignore[typeddict-item]


def apply_delta(torrents: TorrentsById, reply: MainData) -> TorrentsById:
    """Return the torrents after the changes of a reply.

    Raises `NotADelta` for a new torrent with missing fields, and for a hybrid torrent that got another id with its
    metadata: the server never reports the old id as removed, and keeps it for the session (>= 4.6).
    """
    removed = torrents.keys() & reply.get("torrents_removed", ())
    remaining = {key: torrent for key, torrent in torrents.items() if key not in removed} if removed else torrents
    changed = [_apply_change(remaining, key, change) for key, change in reply.get("torrents", {}).items()]
    return replace_torrents(remaining, changed)


def replace_torrents(torrents: TorrentsById, reread: Iterable[LiveTorrent]) -> TorrentsById:
    """Return the torrents, with those of `reread` in place of their old state."""
    different = {torrent.id: torrent for torrent in reread if torrents.get(torrent.id) != torrent}
    return {**torrents, **different} if different else torrents


def set_stop_intent(
    torrents: TorrentsById, ids: Iterable[str], stopped_ids: Collection[str], before: TorrentsById
) -> TorrentsById:
    """Return the torrents, with `stopped` set for these ids, whose state hides the stop intent.

    If a check hides it from the server too, it is kept from `before`.
    """
    updated = (replace(torrents[key], stopped=key in stopped_ids) for key in ids)
    return replace_torrents(torrents, (keep_known_stop_intent(before.get(torrent.id), torrent) for torrent in updated))


def keep_known_stop_intent(before: LiveTorrent | None, after: LiveTorrent) -> LiveTorrent:
    """Return `after` with the stop intent of `before`, if a check hides it."""
    known = before.is_meant_stopped if before and after.is_stop_intent_hidden else None
    return after if known == after.stopped_before_check else replace(after, stopped_before_check=known)


def filter_delta(reply: MainData, ids: Collection[str]) -> MainData:
    """Return the part of a reply that concerns these torrents."""
    changes = {key: change for key, change in reply.get("torrents", {}).items() if key in ids}
    return {"rid": reply["rid"], "torrents": changes, "torrents_removed": reply.get("torrents_removed", [])}


def is_equivalent(torrent: LiveTorrent, other: LiveTorrent) -> bool:
    """True if they differ at most in what sync/maindata does not show, or shows only in the state."""
    return torrent == other or torrent == replace(
        other,
        stopped=torrent.stopped,
        progress=torrent.progress,
        files=torrent.files,
        stopped_before_check=torrent.stopped_before_check,
        shared=torrent.shared,
        is_metadata_overdue=torrent.is_metadata_overdue,
    )


def can_be_rekeyed(torrent: LiveTorrent) -> bool:
    """True if its metadata may give it another id, like a hybrid torrent that was added by its v1 hash alone."""
    return torrent.size == 0 and torrent.infohashes.v2 is None


def _apply_change(torrents: TorrentsById, key: str, change: TorrentChange) -> LiveTorrent:
    before = torrents.get(key)
    if before is None:
        new = _convert_torrent(key, change)
        if torrents.keys() & set(new.infohashes.ids):
            raise NotADelta
        return new
    if not change:  # only speeds, times and other fields that are not read
        return before
    after = _convert_torrent(key, {**_row_from_torrent(before), **change}, before.stopped)
    if after.infohashes != before.infohashes:
        raise NotADelta
    return keep_known_details(before, after)


def keep_known_details(before: LiveTorrent, after: LiveTorrent) -> LiveTorrent:
    """Return `after` with the files of `before`, unless the selected size or the metadata has changed.

    Likewise with the shared amount, while it stays stopped with the same limits, and with overdue metadata.
    """
    if before.is_metadata_overdue and before.state == after.state:
        after = replace(after, is_metadata_overdue=True)
    is_known = before.shared is not None and after.shared is None
    if is_known and (before.state, before.options.share) == (after.state, after.options.share):
        after = replace(after, shared=before.shared)
    if before.files is None or (before.size, before.has_metadata) != (after.size, after.has_metadata):
        return after
    return replace(after, files=before.files)


def _convert_torrent(key: str, row: TorrentChange, stopped: bool = False) -> LiveTorrent:
    """Convert a row; raise `NotADelta` if fields are missing. `stopped` counts only if the state hides the intent."""
    if not row.keys() >= _REQUIRED_FIELDS:
        raise NotADelta
    complete_row: TorrentRow = {"hash": key, **row}  # type: ignore[typeddict-item]
    stopped_ids = {key} if stopped and is_stop_intent_hidden(complete_row["state"]) else ()
    (torrent,) = convert_torrents([complete_row], stopped_ids)
    return torrent


def _row_from_torrent(torrent: LiveTorrent) -> TorrentChange:
    """Convert a torrent back to a row, so that `convert_torrents` is the only code that reads rows."""
    return {
        "infohash_v1": torrent.infohashes.v1 or "",
        "infohash_v2": torrent.infohashes.v2 or "",
        "name": torrent.name,
        "state": torrent.state,
        "category": torrent.category,
        "tags": ",".join(torrent.tags),
        "save_path": torrent.save_path,
        "auto_tmm": torrent.auto_tmm,
        "progress": torrent.progress,
        "size": torrent.size,
        "content_path": torrent.content_path,
        "total_size": int(torrent.has_metadata),
        "magnet_uri": torrent.links,
        "added_on": torrent.added_on,
        **_row_from_options(torrent.options),
        **({} if torrent.comment is None else {"comment": torrent.comment}),
    }


def _row_from_options(options: LiveOptions) -> TorrentChange:
    share = options.share
    row: TorrentChange = {
        "force_start": options.force_start,
        "seq_dl": options.sequential,
        "f_l_piece_prio": bool(options.first_last_piece_first),
        "super_seeding": options.super_seeding,
        "dl_limit": options.download_limit,
        "up_limit": options.upload_limit,
        "ratio_limit": share.ratio,
        "seeding_time_limit": share.seeding_time,
    }
    if share.inactive_seeding_time is not None:
        row["inactive_seeding_time_limit"] = share.inactive_seeding_time
    if share.action is not None:
        row["share_limit_action"] = SHARE_LIMIT_ACTIONS.get(share.action, share.action)
    if share.mode is not None:
        row["share_limits_mode"] = share.mode
    if options.download_path is not None:
        row["download_path"] = options.download_path
    return row
