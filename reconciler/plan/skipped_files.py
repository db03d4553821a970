"""Skipped files on qBittorrent before 4.3, which moves them into a folder `.unwanted`, whoever else uses them.

Measured on 4.2.5: a complete torrent that shares such a file is left without it. 4.5.2, 5.1.0 and 5.3.0 leave it there.

See docs/decisions/0045-block-moves-of-data-that-others-share.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from reconciler.model.data_overlap import DataPathIndex
from reconciler.model.fields.names import FILES
from reconciler.model.files import Priority
from reconciler.model.plan import Action, AddTorrent, AdoptTorrent, DeleteTorrent, Outcome, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.versions import SKIPPED_FILES_STAY
from reconciler.plan.actions import narrow_action
from reconciler.plan.blast import find_future_paths, name_torrents

NO_SHARERS: Final[Mapping[str, Snapshot | None]] = MappingProxyType({})


def block_shared_skips(
    actions: Sequence[Action], snapshot: Snapshot, sharers: Mapping[str, Snapshot | None] = NO_SHARERS
) -> list[Action]:
    """Return the actions, with priorities held back that would move files away from other torrents.

    They are blocked, or deferred if the plan deletes all of these: deletions come last, and one may be dropped.
    `sharers`: the instances that see the same files; None for one that was not read.
    """
    if SKIPPED_FILES_STAY.is_available(snapshot.api_version) or not any(map(_skips_files, actions)):
        return list(actions)
    by_id = {torrent.id: torrent for torrent in snapshot.torrents}
    deleted = {action.torrent_id for action in actions if isinstance(action, DeleteTorrent) and action.hold is None}
    staying, leaving = (
        DataPathIndex(torrent for torrent in snapshot.torrents if (torrent.id in deleted) is is_deleted)
        for is_deleted in (False, True)
    )
    for name, sharer in sharers.items():
        staying.add_sharer(name, sharer.torrents if sharer else ())
    indexes = {Outcome.BLOCKED: staying, Outcome.DEFERRED: leaving}
    return [part for action in actions for part in _hold_action(action, by_id, indexes, snapshot)]


def _skips_files(action: Action) -> bool:
    if action.hold:
        return False
    if isinstance(action, AddTorrent):
        return any(rule.priority is Priority.SKIP for rule in action.file_rules)
    files = action.get_new_value(FILES) if isinstance(action, UpdateTorrent | AdoptTorrent) else None
    return isinstance(files, tuple) and any(text.startswith(f"{Priority.SKIP} ") for text in files)


def _hold_action(
    action: Action, by_id: Mapping[str, LiveTorrent], indexes: Mapping[Outcome, DataPathIndex], snapshot: Snapshot
) -> Iterator[Action]:
    """Yield the action, or what is left of it and its priorities on hold. An add is held back as a whole."""
    found = _find_users(action, by_id, indexes, snapshot) if _skips_files(action) else None
    if found is None:
        yield action
        return
    hold, shared = found
    reason = (
        f"qBittorrent {snapshot.version} moves skipped files into a folder .unwanted, and {name_torrents(shared)} may "
        f"use them; {SKIPPED_FILES_STAY.release} and later leave them where they are"
    )
    if hold is Outcome.DEFERRED:
        reason += "; the next run skips them, once this one has deleted it"
    if isinstance(action, UpdateTorrent | AdoptTorrent):
        if free := tuple(change for change in action.changes if change.field != FILES):
            yield narrow_action(action, free)
        held = tuple(change for change in action.changes if change.field == FILES)
        yield UpdateTorrent(
            action.name,
            reason,
            held,
            action.position,
            hold,
            action.infohash,
            action.placement,
            torrent_id=action.torrent_id,
        )
    else:
        yield replace(action, hold=hold, reason=reason)


def _find_users(
    action: Action, by_id: Mapping[str, LiveTorrent], indexes: Mapping[Outcome, DataPathIndex], snapshot: Snapshot
) -> tuple[Outcome, Sequence[str]] | None:
    """Return the torrents that may use files that an action skips, and how they hold it back; None: nobody does."""
    live = by_id.get(action.torrent_id or "")
    paths = () if live else find_future_paths(action, by_id, snapshot)
    for hold, index in indexes.items():
        if shared := index.find_overlaps(live) if live else index.find_at(paths):
            return hold, shared
    return None
