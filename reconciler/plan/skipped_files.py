"""Skipped files on qBittorrent before 4.4, which moves them into a folder `.unwanted`, whoever else uses them.

Measured on 4.2.5: a complete torrent that shares such a file is left without it. 4.5.2, 5.1.0 and 5.3.0 leave it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from reconciler.model.data_overlap import DataPathIndex
from reconciler.model.fields.names import FILES
from reconciler.model.files import Priority
from reconciler.model.plan import Action, AddTorrent, AdoptTorrent, Outcome, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.versions import SKIPPED_FILES_STAY
from reconciler.plan.actions import narrow_action
from reconciler.plan.blast import find_future_paths, name_torrents

NO_SHARERS: Final[Mapping[str, Snapshot | None]] = MappingProxyType({})


def block_shared_skips(
    actions: Sequence[Action], snapshot: Snapshot, sharers: Mapping[str, Snapshot | None] = NO_SHARERS
) -> list[Action]:
    """Return the actions, with priorities blocked that would move files away from other torrents.

    `sharers`: the instances that see the same files; None for one that was not read.
    """
    if SKIPPED_FILES_STAY.is_available(snapshot.api_version) or not any(map(_skips_files, actions)):
        return list(actions)
    by_id = {torrent.id: torrent for torrent in snapshot.torrents}
    index = DataPathIndex(snapshot.torrents)
    for name, sharer in sharers.items():
        index.add_sharer(name, sharer.torrents if sharer else ())
    return [part for action in actions for part in _block_action(action, by_id, index, snapshot)]


def _skips_files(action: Action) -> bool:
    if action.hold:
        return False
    if isinstance(action, AddTorrent):
        return any(rule.priority is Priority.SKIP for rule in action.file_rules)
    files = action.get_new_value(FILES) if isinstance(action, UpdateTorrent | AdoptTorrent) else None
    return isinstance(files, tuple) and any(text.startswith(f"{Priority.SKIP} ") for text in files)


def _block_action(
    action: Action, by_id: Mapping[str, LiveTorrent], index: DataPathIndex, snapshot: Snapshot
) -> Iterator[Action]:
    """Yield the action, or what is left of it and its blocked priorities. An add is blocked as a whole."""
    live = by_id.get(action.torrent_id or "")
    shared: tuple[str, ...] = ()
    if _skips_files(action):
        shared = index.find_overlaps(live) if live else index.find_at(find_future_paths(action, by_id, snapshot))
    if not shared:
        yield action
        return
    reason = (
        f"qBittorrent {snapshot.version} moves skipped files into a folder .unwanted, and {name_torrents(shared)} may "
        f"use them; {SKIPPED_FILES_STAY.release} and later leave them where they are"
    )
    if isinstance(action, UpdateTorrent | AdoptTorrent):
        if free := tuple(change for change in action.changes if change.field != FILES):
            yield narrow_action(action, free)
        held = tuple(change for change in action.changes if change.field == FILES)
        yield UpdateTorrent(
            action.name,
            reason,
            held,
            action.position,
            Outcome.BLOCKED,
            action.infohash,
            action.placement,
            torrent_id=action.torrent_id,
        )
    else:
        yield replace(action, hold=Outcome.BLOCKED, reason=reason)
