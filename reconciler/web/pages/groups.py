"""The groups, and where their torrents are, from what the last run has read and done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState
from reconciler.model.groups import Group
from reconciler.model.plan import TorrentAction, Verb


@dataclass(frozen=True, slots=True)
class MemberCount:
    """A member, the number of the torrents of its group that it has, and its limits in words. None: not known."""

    name: str
    count: int | None
    limits: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group. `declared`: the number of its entries; `pending`: entries that nothing can take now."""

    name: str
    strategy: str
    declared: int
    pending: int
    members: tuple[MemberCount, ...]


def build_group_rows(finished_run: FinishedRun, desired: DesiredState) -> tuple[GroupRow, ...]:
    """Return a row for each group of the desired state that a run was about."""
    if not desired.groups:
        return ()
    ids = {name: _collect_ids(finished_run, name) for name in desired.instances}
    return tuple(_build_row(group, finished_run, desired, ids) for group in desired.groups.values())


def _build_row(
    group: Group, finished_run: FinishedRun, desired: DesiredState, ids: dict[str, set[str] | None]
) -> GroupRow:
    entries = [entry for entry in desired.torrents if entry.instance == group.name and not entry.absent]
    members = []
    for member in group.members:
        known_ids = ids.get(member.name)
        count = None if known_ids is None else sum(not known_ids.isdisjoint(entry.ids) for entry in entries)
        limits = f"at most {member.max_torrents:,}" if member.max_torrents is not None else ""
        members.append(MemberCount(member.name, count, limits))
    pending = sum(torrent.group == group.name for torrent in finished_run.run.pending)
    return GroupRow(group.name, str(group.strategy), len(entries), pending, tuple(members))


def _collect_ids(finished_run: FinishedRun, name: str) -> set[str] | None:
    """Return the ids of the torrents of an instance after a run; None if it was not read."""
    live = finished_run.live_state.find_instance(name) if finished_run.live_state else None
    if live is None or live.snapshot is None:
        return None
    ids = {torrent_id for torrent in live.snapshot.torrents for torrent_id in (torrent.id, *torrent.infohashes.ids)}
    for verb, changed_ids in _iter_changed_ids(finished_run, name):
        (ids.update if verb is Verb.ADD else ids.difference_update)(changed_ids)
    return ids


def _iter_changed_ids(finished_run: FinishedRun, name: str) -> Iterator[tuple[Verb, tuple[str, ...]]]:
    for instance in finished_run.run.instances:
        for result in instance.results if instance.name == name else ():
            action = result.action
            if isinstance(action, TorrentAction) and result.has_effect and action.verb in (Verb.ADD, Verb.DELETE):
                yield action.verb, tuple(filter(None, (action.infohash, action.torrent_id)))
