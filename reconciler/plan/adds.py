"""Adds of torrents that are not on their instance: what goes with an add, what follows it, and what prevents it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from itertools import chain, groupby, repeat
from operator import attrgetter
from typing import Final

from reconciler.model.content import ContentReference
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.entry_values import (
    InitialValues,
    build_changes,
    build_initial_changes,
    read_initial_values,
)
from reconciler.model.fields.names import COMMENT, METADATA, NAME, OWNER, PEER, STOP_CONDITION
from reconciler.model.fields.options import METADATA_RECEIVED
from reconciler.model.fields.registry import sort_changes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import WEB_SEEDS
from reconciler.model.plan import Action, AddTorrent, Change, MetadataSource, Outcome
from reconciler.model.snapshot import Snapshot
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.model.versions import ApiVersion
from reconciler.plan.actions import attach_placement, build_add_action, build_placement, build_update_action
from reconciler.plan.builds import becomes_v1_text, no_v2_reason
from reconciler.plan.context import PlanContext
from reconciler.plan.feasibility import HeldChanges, needs_metadata_first, split_feasible_add, unsupported_at_add
from reconciler.plan.match import Match
from reconciler.plan.platform import foreign_path_reason

_OWN_KEYS: Final = frozenset({"position", "infohashes", "source", "name", "options", "create_only", "labels"})
_SHARED_KEYS: Final = tuple(field.name for field in fields(DesiredTorrent) if field.name not in _OWN_KEYS)
# everything that the add of a v1 torrent depends on, but for the torrent and its name: the class shows if it has one
_get_declaration: Final = attrgetter(
    "options", "create_only", "name.__class__", "source.__class__", "infohashes.v2", *_SHARED_KEYS
)


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """Extra facts about an entry: its creator task, the reason why it is unavailable, the address of a peer.

    `metadata`: another instance that has the metadata, if its source has none.
    """

    task: str | None = None
    unavailable: str | None = None
    peer: str | None = None
    metadata: MetadataSource | None = None


NO_FACTS: Final = EntryFacts()


def plan_adds(matches: Iterable[Match], context: PlanContext, snapshot: Snapshot) -> list[Action]:
    """Plan torrents that are not on their instance, of which nothing is known but what is declared.

    Thousands of entries declare the same. Their adds are like the first, but for the torrent, its name and placement.
    """
    return [action for alike in _group_alike(matches) for action in _plan_alike(alike, context, snapshot)]


def _group_alike(matches: Iterable[Match]) -> Collection[Sequence[Match]]:
    """Return the matches of entries that declare the same together. Most declare the same as the one before."""
    groups: defaultdict[Hashable, list[Match]] = defaultdict(list)
    declarations = groupby(matches, lambda match: _get_declaration(match.entry))
    for (options, create_only, *others), alike in declarations:
        groups[tuple(options.items()), tuple(create_only.items()), *others] += alike
    return groups.values()


def _plan_alike(matches: Sequence[Match], context: PlanContext, snapshot: Snapshot) -> Sequence[Action]:
    first = matches[0].entry
    planned = plan_add(first, context, snapshot, NO_FACTS)
    added = planned[0] if len(planned) == 1 and first.infohashes and not first.infohashes.v2 else None
    if isinstance(added, AddTorrent) and added.hold is None:
        return _build_similar_adds(added, matches)
    others = (plan_add(match.entry, context, snapshot, NO_FACTS) for match in matches[1:])
    return [
        attach_placement(action, match)
        for match, actions in zip(matches, chain([planned], others), strict=True)
        for action in actions
    ]


def _build_similar_adds(first: AddTorrent, matches: Sequence[Match]) -> list[AddTorrent]:
    """Return the adds of entries that declare the same as the entry of `first`, from a column for each field."""
    entries = [match.entry for match in matches]
    columns: dict[str, Iterable[object]] = {field.name: repeat(getattr(first, field.name)) for field in fields(first)}
    columns["name"] = [entry.label for entry in entries]
    columns["position"] = [entry.position for entry in entries]
    columns["infohash"] = [entry.infohash for entry in entries]
    columns["source"] = [entry.source for entry in entries]
    columns["placement"] = [build_placement(match) for match in matches]
    if entries[0].name is not None:
        columns["changes"] = [_change_name(first.changes, entry.name) for entry in entries]
    return list(map(AddTorrent, *columns.values()))


def _change_name(changes: tuple[Change, ...], name: str | None) -> tuple[Change, ...]:
    named = Change(NAME, None, name)
    return tuple([named if change.field == NAME else change for change in changes])


def plan_add(entry: DesiredTorrent, context: PlanContext, snapshot: Snapshot, facts: EntryFacts) -> Sequence[Action]:
    """Plan a torrent that is not on its instance."""
    if facts.unavailable:
        return [_build_held_add(entry, context, facts.unavailable, Outcome.DEFERRED)]
    if facts.metadata and not unaddable_reason(give_metadata(entry), snapshot):
        return _plan_add_with_metadata(entry, context, snapshot, facts.metadata)
    if reason := unaddable_reason(entry, snapshot):
        return [_build_held_add(entry, context, reason, Outcome.BLOCKED)]
    added, held = build_add(entry, context, snapshot, "not on the instance")
    if facts.peer and isinstance(entry.content, ContentReference):
        added = replace(
            added, peer_address=facts.peer, changes=(*added.changes, Change(PEER, None, entry.content.instance))
        )
    return [replace(added, creator_task_id=facts.task) if facts.task else added, *held]


def _plan_add_with_metadata(
    entry: DesiredTorrent, context: PlanContext, snapshot: Snapshot, metadata: MetadataSource
) -> Sequence[Action]:
    """Plan an add by the .torrent file of another instance, or by the source of the entry if there is none then."""
    reason = "not on the instance"
    fallback = None if unaddable_reason(entry, snapshot) else build_add(entry, context, snapshot, reason)[0]
    reason += f"; its metadata comes from {metadata.instance}"
    added, held = build_add(give_metadata(entry), context, snapshot, reason, carried_fields=(WEB_SEEDS,))
    changes = (*added.changes, Change(METADATA, None, metadata.instance))
    return [replace(added, changes=changes, metadata_from=replace(metadata, fallback=fallback)), *held]


def give_metadata(entry: DesiredTorrent) -> DesiredTorrent:
    """Return the entry as if its .torrent file was known, as far as a plan depends on it."""
    assert entry.infohashes
    name = entry.source.name if entry.source else None
    return replace(entry, source=TorrentFile("", entry.infohashes, name or "", 0, _refuse_to_read))


def _refuse_to_read() -> bytes:
    raise TorrentFileError("it is read from another instance")


def _build_held_add(entry: DesiredTorrent, context: PlanContext, reason: str, hold: Outcome) -> Action:
    changes = (Change(OWNER, None, context.owner), *build_initial_changes(entry))
    return build_add_action(entry, reason, changes, hold)


def build_add(
    entry: DesiredTorrent,
    context: PlanContext,
    snapshot: Snapshot,
    reason: str,
    carried_fields: tuple[str, ...] | None = None,
) -> tuple[AddTorrent, list[Action]]:
    """Return the add, and the held changes that can be set neither with it nor after it.

    `carried_fields`: the fields that its source carries on every version, if they are not those of its kind.
    """
    values = read_initial_values(entry)
    if needs_metadata_first(entry, snapshot) and STOP_CONDITION not in entry.create_only:
        values = (*values, (STOP_CONDITION, METADATA_RECEIVED))
    carried = _list_carried_fields(entry) if carried_fields is None else carried_fields
    free, held = _split_initial_changes(values, context.owner, snapshot.version, snapshot.api_version, carried)
    if entry.files and not entry.has_metadata:
        reason += "; the priorities of its files are set once its metadata has arrived"
    added = build_add_action(entry, reason + becomes_v1_text(entry.infohashes, snapshot), free)
    return added, [build_update_action(entry, None, held_reason, changes, hold) for changes, hold, held_reason in held]


@lru_cache(4096)  # thousands of entries declare the same; their adds then share one tuple of changes
def _split_initial_changes(
    values: InitialValues, owner: str, version: str, api_version: ApiVersion, carried: tuple[str, ...]
) -> tuple[tuple[Change, ...], Sequence[HeldChanges]]:
    """Return the changes that an add to a server of these versions makes, and all others with the reasons."""
    free, held = split_feasible_add(sort_changes(build_changes(values)), version, api_version, carried_fields=carried)
    return (Change(OWNER, None, owner), *free), tuple(held)


def unaddable_reason(entry: DesiredTorrent, snapshot: Snapshot) -> str | None:
    """Return why a missing torrent cannot be added to this instance by anybody; None if it can."""
    if reason := no_v2_reason(entry.infohashes, snapshot):
        return reason
    if entry.source is None:
        return "not on the instance, and an infohash alone cannot be added; declare a magnet or a torrent"
    if reason := foreign_path_reason(entry.declared_paths, snapshot):
        return reason
    if not entry.create_only:
        return None
    return unsupported_at_add(build_initial_changes(entry), snapshot)  # it would be too late for it afterwards


def _list_carried_fields(entry: DesiredTorrent) -> tuple[str, ...]:
    """Return the fields that the link, or the creation of the torrent, carries on every version."""
    if entry.creation:
        return WEB_SEEDS, COMMENT
    return () if entry.has_metadata else (WEB_SEEDS,)
