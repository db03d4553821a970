"""The data that deletions and quarantines affect, and the torrents that may share it.

qBittorrent deletes the files of a torrent whoever else uses them, so data that another torrent may need is kept: the
deletion is planned without it, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.model.data_overlap import DataPathIndex, normalize_data_path
from reconciler.model.fields.names import CATEGORY, CONTENT, SAVE_PATH
from reconciler.model.plan import Action, AddTorrent, Blast, DeleteTorrent, SetTorrent, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan.guard import list_removals
from reconciler.plan.quarantine import is_quarantine_start


def attach_blasts(actions: Sequence[Action], snapshot: Snapshot) -> list[Action]:
    """Return the actions, each deletion and each start of a quarantine with its blast.

    Data that others may share is kept.
    """
    if not list_removals(actions):
        return list(actions)
    deleted_ids = {action.torrent_id for action in actions if isinstance(action, DeleteTorrent) and action.hold is None}
    by_id = {torrent.id: torrent for torrent in snapshot.torrents}
    remaining_paths = DataPathIndex(torrent for torrent in snapshot.torrents if torrent.id not in deleted_ids)
    for action in actions:
        for path in find_future_paths(action, by_id, snapshot):
            remaining_paths.add(path, action.infohash or action.name)
    return [_attach_blast(action, by_id, remaining_paths) for action in actions]


def find_future_paths(action: Action, by_id: Mapping[str, LiveTorrent], snapshot: Snapshot) -> list[str]:
    """Return the paths of the files of a torrent after this action has added or moved it."""
    if not isinstance(action, SetTorrent):
        return []
    path, category = (
        action.get_new_value(SAVE_PATH),
        snapshot.categories.get(str(action.get_new_value(CATEGORY) or "")),
    )
    parent = str(path) if path else category.save_path if category else ""
    if not parent:
        return []
    live_torrent = by_id.get(action.torrent_id or "")
    names = {live_torrent.content_path.rpartition("/")[2] or live_torrent.name} if live_torrent else {action.name}
    if isinstance(action, AddTorrent) and action.source and action.source.name:
        names.add(action.source.name)
    if content := action.get_new_value(CONTENT):
        names.add(str(content).rpartition("/")[2])
    return [normalize_data_path(parent, name) for name in names]


def _attach_blast(action: Action, by_id: Mapping[str, LiveTorrent], remaining_paths: DataPathIndex) -> Action:
    live_torrent = by_id.get(action.torrent_id or "")
    if live_torrent is None or not (
        (isinstance(action, DeleteTorrent) and action.hold is None)
        or (isinstance(action, UpdateTorrent) and is_quarantine_start(action))
    ):
        return action
    shared = remaining_paths.find_overlaps(live_torrent)
    blast = Blast(1, live_torrent.bytes_on_disk, live_torrent.is_seeding, shares_with=shared)
    if not (shared and isinstance(action, DeleteTorrent) and action.delete_files):
        return replace(action, blast=blast)
    reason = f"{action.reason}; its data is kept, for {name_torrents(shared)} may have files in it"
    return replace(action, blast=blast, delete_files=False, reason=reason)


def name_torrents(infohashes: Sequence[str]) -> str:
    """Return the first of these infohashes, shortened, and the number of the others. Another instance is named."""
    more = f" and {len(infohashes) - 1} more" if len(infohashes) > 1 else ""
    infohash, separator, instance = infohashes[0].partition(" on ")
    return f"{infohash[:10]}{separator}{instance}{more}"


def lost_files_text(blast: Blast) -> str:
    """Describe the torrents that a move may leave without files; "" for none."""
    return f"{name_torrents(blast.shares_with)} may use the same files and lose them" if blast.shares_with else ""


def follower_text(blast: Blast, effect: str = "under automatic management may move with it") -> str:
    """Describe the torrents that a change of a setting alters.

    Whether their data moves is a setting of the server and differs by version.
    """
    from humanize import naturalsize  # only for what is to be altered

    torrents = f"{blast.torrents:,} torrent{'s' if blast.torrents > 1 else ''}"
    theirs = f", {len(blast.foreign_ids):,} of them not ours" if blast.owned_ids else ", none of them ours"
    size = naturalsize(blast.bytes, binary=True)
    text = f"{torrents} ({size}) {effect}{theirs if blast.foreign_ids else ''}"
    return "; ".join(filter(None, (text, lost_files_text(blast))))
