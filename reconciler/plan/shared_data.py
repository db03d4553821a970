"""Instances that see the same files at the same paths: `data: NAME`.

What is added where another member has its data finds it there. Nothing that another instance uses is deleted or moved.

See docs/decisions/0078-members-may-see-the-same-files.md.
See docs/decisions/0079-data-that-another-instance-may-use-is-kept.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.data_overlap import MAX_OVERLAPS, DataPathIndex, find_data_paths, name_on_instance
from reconciler.model.desired import DesiredCategory, DesiredTorrent
from reconciler.model.fields.names import AUTO_TMM
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.paths import normalize_path
from reconciler.model.plan import (
    Action,
    AddTorrent,
    AdoptTorrent,
    Blast,
    DeleteTorrent,
    InstancePlan,
    Outcome,
    SetPreference,
    UpdateCategory,
    UpdateTorrent,
)
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan.blast import find_future_paths, lost_files_text, name_torrents
from reconciler.plan.match import Match


def add_where_data_is(match: Match, categories: Mapping[str, DesiredCategory], snapshot: Snapshot) -> Match:
    """Return the match of an entry of a group, which names the path where a torrent that is added finds its data.

    A declared path counts more, and where the category leads to the same path, it decides.
    """
    path = match.assignment.save_path if match.assignment else None
    entry = match.entry
    if not path or match.live or entry.save_path or entry.options.get(AUTO_TMM) is True:
        return match
    category_path = _find_category_path(entry, categories, snapshot)
    if category_path and normalize_path(category_path) == normalize_path(path):
        return match
    return replace(match, entry=replace(entry, save_path=path))


def _find_category_path(
    entry: DesiredTorrent, categories: Mapping[str, DesiredCategory], snapshot: Snapshot
) -> str | None:
    declared, live = categories.get(entry.category or ""), snapshot.categories.get(entry.category or "")
    if declared and declared.save_path is not None:
        return declared.save_path
    return live.save_path if live else None


def spare_shared_data(
    plans: Sequence[InstancePlan], snapshots: Mapping[str, Snapshot], sharers: Mapping[str, tuple[str, ...]]
) -> list[InstancePlan]:
    """Return the plans of the instances in `sharers`, in which nothing deletes or moves data that others may use.

    `sharers`: for each instance the others that see the same files. Their plans count, whoever carries them out.
    Where all instances that use it delete it, the last one in the order of their names does so with the data, once it
    is gone from the others.
    """
    by_name = {plan.name: plan for plan in plans}
    return [
        _spare_on(replace(by_name[name], sharers=others), by_name, snapshots) if others else by_name[name]
        for name, others in sharers.items()
    ]


def _spare_on(plan: InstancePlan, plans: Mapping[str, InstancePlan], snapshots: Mapping[str, Snapshot]) -> InstancePlan:
    if not any(map(_touches_data, plan.actions)):
        return plan
    use = _index_use(plan.sharers, plans, snapshots)
    by_id = {torrent.id: torrent for torrent in snapshots[plan.name].torrents}
    return replace(plan, actions=tuple(_spare_action(action, plan.name, by_id, use) for action in plan.actions))


def _touches_data(action: Action) -> bool:
    """Return True for a deletion with data, and for what moves data."""
    if action.hold or action.blast is None:
        return False
    return action.disruptive or (isinstance(action, DeleteTorrent) and action.delete_files)


@dataclass(frozen=True, slots=True)
class _SharedUse:
    """The use of files by other instances. `added`: what they are to add, by infohash; its path may not be known.

    `deleted`: what they delete with its data. `unread`: those of which nothing is known.
    """

    index: DataPathIndex
    added: Mapping[str, Sequence[str]]
    deleted: frozenset[str]
    unread: tuple[str, ...]

    def find_users(self, torrents: Sequence[LiveTorrent]) -> tuple[str, ...]:
        """Return the torrents of other instances that may use the files of these: at most `MAX_OVERLAPS`, sorted."""
        users = {user for torrent in torrents for user in self.index.find_at(find_data_paths(torrent))}
        users.update(user for torrent in torrents for user in self.added.get(str(torrent.infohashes), ()))
        return tuple(sorted(users)[:MAX_OVERLAPS])


def _index_use(
    sharers: Sequence[str], plans: Mapping[str, InstancePlan], snapshots: Mapping[str, Snapshot]
) -> _SharedUse:
    index, added, deleted = DataPathIndex(()), defaultdict[str, list[str]](list), set[str]()
    for sharer in sharers:
        if sharer not in snapshots:
            continue
        index.add_sharer(sharer, snapshots[sharer].torrents)
        for action in _iter_pending(plans.get(sharer)):
            user = name_on_instance(action.infohash or action.name, sharer)
            if isinstance(action, AddTorrent):
                added[action.infohash or ""].append(user)
            elif isinstance(action, DeleteTorrent) and action.delete_files:
                deleted.add(user)
            by_id = {torrent.id: torrent for torrent in snapshots[sharer].torrents if torrent.id == action.torrent_id}
            for path in find_future_paths(action, by_id, snapshots[sharer]):
                index.add(path, user)
    unread = tuple(sharer for sharer in sharers if sharer not in snapshots)
    return _SharedUse(index, added, frozenset(deleted), unread)


def _iter_pending(plan: InstancePlan | None) -> Iterator[Action]:
    for action in plan.actions if plan else ():
        if action.hold is None:
            yield action


def _spare_action(action: Action, name: str, by_id: Mapping[str, LiveTorrent], use: _SharedUse) -> Action:
    if not _touches_data(action) or action.blast is None:
        return action
    ids = (action.torrent_id or "", *action.blast.owned_ids, *action.blast.foreign_ids)
    users = use.find_users([by_id[key] for key in dict.fromkeys(ids) if key in by_id])
    blast = replace(action.blast, shares_with=(*action.blast.shares_with, *users)[:MAX_OVERLAPS])
    if isinstance(action, DeleteTorrent):
        return _spare_deletion(action, name, users, blast, use)
    if not users and use.unread:
        return _defer_unread(action, use.unread[0])
    if not users or not isinstance(action, UpdateTorrent | AdoptTorrent | UpdateCategory | SetPreference):
        return action
    has_text = bool(action.blast.shares_with)
    reason = action.reason if has_text else f"{action.reason}; {lost_files_text(blast)}"
    return replace(action, blast=blast, reason=reason)


def _spare_deletion(action: DeleteTorrent, name: str, users: Sequence[str], blast: Blast, use: _SharedUse) -> Action:
    if not users:
        return _defer_unread(action, use.unread[0]) if use.unread else action
    instances = {user.rpartition(" on ")[2] for user in users}
    if use.deleted.issuperset(users) and not use.unread and name > max(instances) and len(users) < MAX_OVERLAPS:
        reason = f"{action.reason}; with its data, once it is gone from {', '.join(sorted(instances))}"
        return replace(action, hold=Outcome.DEFERRED, reason=reason)
    reason = f"{action.reason}; its data is kept, for {name_torrents(users)} may have files in it"
    return replace(action, blast=blast, delete_files=False, reason=reason)


def _defer_unread(action: Action, sharer: str) -> Action:
    reason = f"{action.reason}; waits for {sharer}, which sees the same files and could not be read"
    return replace(action, hold=Outcome.DEFERRED, reason=reason)
