"""The groups, and where their torrents are, from what the last run has read and done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState
from reconciler.model.groups import DrainProgress, Group, Member
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import TorrentAction, Verb
from reconciler.report.drains import drain_text


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
    entries = [entry for entry in desired.torrents if entry.instance in desired.groups and not entry.absent]
    group_by_id = {torrent_id: entry.instance for entry in entries for torrent_id in entry.ids}
    declared = Counter(entry.instance for entry in entries)
    pending = Counter(torrent.group for torrent in finished_run.run.pending)
    members = {name for group in desired.groups.values() for name in group.member_names}
    counts = {name: _count_by_group(finished_run, name, group_by_id) for name in members}
    drains = {(drain.group, drain.instance): drain for drain in finished_run.run.drains}
    return tuple(
        GroupRow(
            group.name,
            str(group.strategy),
            declared[group.name],
            pending[group.name],
            tuple(_make_member(group, member, counts[member.name], drains) for member in group.members),
        )
        for group in desired.groups.values()
    )


def _make_member(
    group: Group, member: Member, counts: Counter[str] | None, drains: Mapping[tuple[str, str], DrainProgress]
) -> MemberCount:
    limits = [f"at most {member.max_torrents:,}"] if member.max_torrents is not None else []
    drain = drains.get((group.name, member.name))
    limits += [drain_text(drain)] if drain else []
    return MemberCount(member.name, None if counts is None else counts[group.name], "; ".join(limits))


def _count_by_group(finished_run: FinishedRun, name: str, group_by_id: Mapping[str, str]) -> Counter[str] | None:
    """Return the number of torrents of each group that an instance has after a run; None if it was not read."""
    live = finished_run.live_state.find_instance(name) if finished_run.live_state else None
    if live is None or live.snapshot is None:
        return None
    counts: Counter[str] = Counter()
    for torrent in live.snapshot.torrents:
        group = group_by_id.get(torrent.id) or _find_group(torrent.infohashes.ids, group_by_id)
        if group:
            counts[group] += 1
    for verb, ids in _iter_changed_ids(finished_run, name):
        group = _find_group(ids, group_by_id)
        if group:
            counts[group] += 1 if verb is Verb.ADD else -1
    return counts


def _find_group(ids: Iterable[str], group_by_id: Mapping[str, str]) -> str | None:
    return next((group_by_id[torrent_id] for torrent_id in ids if torrent_id in group_by_id), None)


def _iter_changed_ids(finished_run: FinishedRun, name: str) -> Iterator[tuple[Verb, tuple[str, ...]]]:
    """Yield the verb and the ids of each torrent that a run has added to an instance, or deleted there."""
    for instance in finished_run.run.instances:
        for result in instance.results if instance.name == name else ():
            action = result.action
            if isinstance(action, TorrentAction) and result.has_effect and action.verb in (Verb.ADD, Verb.DELETE):
                yield action.verb, tuple(filter(None, (action.infohash, action.torrent_id)))
