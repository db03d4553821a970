"""What a reply of sync/maindata does to a copy of the torrents. Pure: nothing is changed in place, nothing is sent.

What did not change stays the very same object, so that `is` tells whether there is anything to plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from reconciler.model.snapshot import LiveOptions, LiveTorrent
from reconciler.qbittorrent.convert import convert_torrents, is_stop_intent_hidden
from reconciler.qbittorrent.schemas import SHARE_LIMIT_ACTIONS, MainData, TorrentChange, TorrentRow

TorrentsById = Mapping[str, LiveTorrent]

MAX_RID = 1_000_000  # after this one they begin at 1 again

_REQUIRED_FIELDS = TorrentChange.__optional_keys__ - {
    "comment",
    "share_limit_action",
    "share_limits_mode",
}  # newer than 4.6


class NotADelta(Exception):
    """The reply does not continue the copy: only a full read can, in a new session."""


def check_continues(reply: MainData, rid: int) -> None:
    """Raise `NotADelta` unless the reply says what changed since reply `rid`, the last one that was sent.

    Another number than the next means a reply in between that we never saw. What it told may be lost (>= 5.1).
    """
    if reply.get("full_update") or reply["rid"] != rid % MAX_RID + 1:
        raise NotADelta


def convert_full_reply(reply: MainData) -> dict[str, LiveTorrent]:
    """The torrents of a full reply. Where the state of one hides the stop intent it is given as not stopped."""
    return {key: _convert_torrent(key, row) for key, row in reply.get("torrents", {}).items()}


def apply_delta(torrents: TorrentsById, reply: MainData) -> TorrentsById:
    """The torrents after what a reply tells.

    Raises `NotADelta` for a new torrent that is not told whole, and where a hybrid torrent got another id with its
    metadata: the old id is never told to be gone, and stays in what the server keeps for the session (>= 4.6).
    """
    gone = torrents.keys() & reply.get("torrents_removed", ())
    left = {key: torrent for key, torrent in torrents.items() if key not in gone} if gone else torrents
    changed = [_apply_change(left, key, change) for key, change in reply.get("torrents", {}).items()]
    return replace_torrents(left, changed)


def replace_torrents(torrents: TorrentsById, reread: Iterable[LiveTorrent]) -> TorrentsById:
    """The torrents with those that were read anew."""
    different = {torrent.id: torrent for torrent in reread if torrents.get(torrent.id) != torrent}
    return {**torrents, **different} if different else torrents


def set_stop_intent(torrents: TorrentsById, ids: Iterable[str], stopped_ids: Collection[str]) -> TorrentsById:
    """The torrents with the stop intent of those whose state hides it."""
    return replace_torrents(torrents, (replace(torrents[key], stopped=key in stopped_ids) for key in ids))


def filter_delta(reply: MainData, ids: Collection[str]) -> MainData:
    """What a reply tells of some torrents alone."""
    changes = {key: change for key, change in reply.get("torrents", {}).items() if key in ids}
    return {"rid": reply["rid"], "torrents": changes, "torrents_removed": reply.get("torrents_removed", [])}


def is_equivalent(torrent: LiveTorrent, other: LiveTorrent) -> bool:
    """Are they the same but for progress, files, and the stop intent, which maindata tells by the state alone?"""
    return torrent == other or torrent == replace(
        other, stopped=torrent.stopped, progress=torrent.progress, files=torrent.files
    )


def can_be_rekeyed(torrent: LiveTorrent) -> bool:
    """May it get another id with its metadata? So it is with a hybrid torrent that was added by its v1 hash alone."""
    return torrent.size == 0 and torrent.infohashes.v2 is None


def _apply_change(torrents: TorrentsById, key: str, change: TorrentChange) -> LiveTorrent:
    before = torrents.get(key)
    if before is None:
        new = _convert_torrent(key, change)
        if torrents.keys() & set(new.infohashes.ids):
            raise NotADelta
        return new
    if not change:  # nothing but speeds, times and the like
        return before
    after = _convert_torrent(key, {**_row_from_torrent(before), **change}, before.stopped)
    if after.infohashes != before.infohashes:
        raise NotADelta
    return keep_known_files(before, after)


def keep_known_files(before: LiveTorrent, after: LiveTorrent) -> LiveTorrent:
    """The torrent with the files that are known of it; not known any more where what is selected has changed."""
    if before.files is None or (before.size, before.has_metadata) != (after.size, after.has_metadata):
        return after
    return replace(after, files=before.files)


def _convert_torrent(key: str, row: TorrentChange, stopped: bool = False) -> LiveTorrent:
    """A torrent from a row that must be whole. `stopped` is heeded only where the state hides it."""
    if not row.keys() >= _REQUIRED_FIELDS:
        raise NotADelta
    whole: TorrentRow = {"hash": key, **row}  # type: ignore[typeddict-item]
    (torrent,) = convert_torrents([whole], {key} if stopped and is_stop_intent_hidden(whole["state"]) else ())
    return torrent


def _row_from_torrent(torrent: LiveTorrent) -> TorrentChange:
    """A torrent in the words of qBittorrent, so that there is one way only to read them."""
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
        **_row_from_options(torrent.options),
        **({} if torrent.comment is None else {"comment": torrent.comment}),
    }


def _row_from_options(options: LiveOptions) -> TorrentChange:
    share = options.share
    row: TorrentChange = {
        "force_start": options.force_start,
        "seq_dl": options.sequential,
        "f_l_piece_prio": options.first_last_piece_first,
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
