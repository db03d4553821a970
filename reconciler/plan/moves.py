"""Moves of data, and the torrents that they would leave without their files.

qBittorrent moves the files of a torrent whoever else uses them. So a move is blocked if a torrent that does not move
along may have files in the data, unless that very plan is accepted.

See docs/decisions/0045-block-moves-of-data-that-others-share.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.data_overlap import DataPathIndex
from reconciler.model.fields.names import AUTO_TMM, CATEGORY, DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.fields.registry import FIELDS
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.paths import is_windows_path, normalize_path
from reconciler.model.plan import (
    Action,
    AddTorrent,
    AdoptTorrent,
    Blast,
    DeleteTorrent,
    GuardVerdict,
    InstancePlan,
    Outcome,
    SetPreference,
    UpdateCategory,
    UpdateTorrent,
)
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan.actions import narrow_action
from reconciler.plan.blast import find_future_paths, lost_files_text

_PATH_FIELDS = (SAVE_PATH, DOWNLOAD_PATH)
_MOVING_ACTIONS = (UpdateTorrent, AdoptTorrent)


@dataclass(frozen=True, slots=True)
class _Move:
    """The move of a torrent's data. Torrents with the same `route` keep the files that they have in common."""

    live: LiveTorrent
    route: tuple[str, ...]


def attach_move_blasts(
    actions: Sequence[Action], snapshot: Snapshot, category_paths: Mapping[str, str]
) -> list[Action]:
    """Return the actions, each that moves data with its blast, which names the torrents that would lose files.

    `category_paths`: the paths that categories have when the torrents are changed. An action that leaves the data where
    it is moves none.
    """
    moving = {action.torrent_id for action in actions if _is_move(action)}
    if not moving:
        return list(actions)
    by_id = {torrent.id: torrent for torrent in snapshot.torrents if torrent.id in moving}
    moves = {
        action.torrent_id: _find_move(action, by_id[action.torrent_id], category_paths)
        for action in actions
        if action.torrent_id in by_id and _is_move(action)
    }
    deleted = {action.infohash or "" for action in actions if isinstance(action, DeleteTorrent) and action.hold is None}
    index = DataPathIndex(snapshot.torrents)
    for action in actions:
        if isinstance(action, AddTorrent) and action.hold is None:
            for path in find_future_paths(action, by_id, snapshot):
                index.add(path, action.infohash or action.name)
    shared = _find_shared(list(filter(None, moves.values())), deleted, index)
    return [
        _attach_blast(action, moves[action.torrent_id], shared)
        if _is_move(action) and action.torrent_id in moves
        else action
        for action in actions
    ]


def _is_move(action: Action) -> bool:
    return isinstance(action, _MOVING_ACTIONS) and action.disruptive and action.hold is None


def _find_move(action: Action, live: LiveTorrent, category_paths: Mapping[str, str]) -> _Move | None:
    """Return the move of a torrent; None if automatic management finds its data in place already."""
    incomplete_path = live.options.download_path if live.progress < 1 else None
    origin = live.save_path, "" if incomplete_path in (None, live.save_path) else str(incomplete_path)
    if not action.get_new_value(AUTO_TMM, live.auto_tmm):
        paths = (action.get_new_value(SAVE_PATH, live.save_path), action.get_new_value(DOWNLOAD_PATH, ""))
        return _Move(live, (*origin, "path", *map(str, paths)))
    category = str(action.get_new_value(CATEGORY, live.category))
    path = category_paths.get(category, "")
    if is_windows_path(path) is None:  # it depends on the default path of the server
        return _Move(live, (*origin, "category", category))
    if live.progress >= 1 and normalize_path(path) == normalize_path(live.save_path):
        return None
    return _Move(live, (*origin, "path", normalize_path(path), ""))


def _find_shared(moves: Sequence[_Move], deleted: Collection[str], index: DataPathIndex) -> dict[str, tuple[str, ...]]:
    """Return the torrents that moves would take files from, by the id of what moves.

    Whoever makes the same move loses none. But one that takes files from others is blocked, and then stays itself.
    """
    excluded: defaultdict[tuple[str, ...], set[str]] = defaultdict(set(deleted).copy)
    for move in moves:
        excluded[move.route].add(str(move.live.infohashes))
    shared: dict[str, tuple[str, ...]] = {}
    while blocked := [move for move in moves if index.find_overlaps(move.live, excluded[move.route])]:
        shared |= {move.live.id: index.find_overlaps(move.live, excluded[move.route]) for move in blocked}
        for move in blocked:
            excluded[move.route].discard(str(move.live.infohashes))
        moves = [move for move in moves if move.live.id not in shared]
    return shared


def _attach_blast(action: Action, move: _Move | None, shared: Mapping[str, tuple[str, ...]]) -> Action:
    if not isinstance(action, UpdateTorrent | AdoptTorrent):
        return action
    if move is None:
        return replace(action, disruptive=False)
    live = move.live
    blast = Blast(1, live.bytes_on_disk, live.is_seeding, shares_with=shared.get(live.id, ()))
    reason = "; ".join(filter(None, (action.reason, lost_files_text(blast))))
    return replace(action, blast=blast, reason=reason)


def block_shared_moves(plan: InstancePlan, plan_hash: str) -> InstancePlan:
    """Return the plan with every change blocked that would take files from a torrent that stays."""
    count = sum(map(_takes_files, plan.actions))
    if not count:
        return plan
    blocked_categories = {
        action.name for action in plan.actions if isinstance(action, UpdateCategory) and _takes_files(action)
    }
    actions = tuple(part for action in plan.actions for part in _block_action(action, blocked_categories))
    moves = f"{count} moves are" if count > 1 else "1 move is"
    reason = (
        f"{moves} held back: other torrents may use the same files, and would lose them; if that is meant: "
        f"--accept-plan {plan_hash}"
    )
    return replace(plan, actions=actions, verdict=GuardVerdict(False, (*plan.verdict.reasons, reason)))


def _takes_files(action: Action) -> bool:
    """Return True if a move takes files from others. A setting that alters torrents of others is the guard's matter."""
    blast = action.blast
    if action.hold or blast is None or not action.disruptive:
        return False
    return bool(blast.shares_with) and not blast.foreign_ids


def _block_action(action: Action, blocked_categories: set[str]) -> Iterator[Action]:
    """Yield the action, or what is left of it and its blocked changes."""
    if isinstance(action, AddTorrent) and action.hold is None and action.get_new_value(SAVE_PATH) is None:
        category = action.get_new_value(CATEGORY)
        if category in blocked_categories:
            yield replace(action, hold=Outcome.BLOCKED, reason=f"its category {category} cannot have its path now")
            return
    if not _takes_files(action):
        yield action
        return
    reason = f"{action.reason}: held back; move the other torrents in the same way too, or accept this plan"
    if isinstance(action, UpdateCategory | SetPreference):
        yield replace(action, hold=Outcome.BLOCKED, reason=reason)
    elif isinstance(action, UpdateTorrent | AdoptTorrent):
        blocked = _find_location_fields(action)
        if free := tuple(change for change in action.changes if change.field not in blocked):
            yield replace(narrow_action(action, free), disruptive=False, blast=None)
        yield UpdateTorrent(
            action.name,
            reason,
            tuple(change for change in action.changes if change.field in blocked),
            action.position,
            Outcome.BLOCKED,
            action.infohash,
            action.placement,
            torrent_id=action.torrent_id,
            disruptive=True,
            blast=action.blast,
        )


def _find_location_fields(action: UpdateTorrent | AdoptTorrent) -> set[str]:
    """Return the changed fields that decide where the data is. A category does under automatic management only."""
    fields = {change.field for change in action.changes}
    before = next((change.before for change in action.changes if change.field == AUTO_TMM), None)
    is_automatic = bool(before) if AUTO_TMM in fields else fields.isdisjoint(_PATH_FIELDS)
    return {field for field in fields if FIELDS[field].sets_location or (field == CATEGORY and is_automatic)}
