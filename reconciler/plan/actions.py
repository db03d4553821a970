"""Builders of actions and of reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.model.content import Content
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.collections import find_entry_excess
from reconciler.model.fields.names import AUTO_TMM, CATEGORY, EXPORT, OWNER, QUARANTINE
from reconciler.model.groups import ActionPlacement
from reconciler.model.links import TRACKERS, WEB_SEEDS, find_missing_urls
from reconciler.model.plan import (
    NO_URLS,
    Action,
    AddTorrent,
    AdoptTorrent,
    Change,
    DeleteTorrent,
    Outcome,
    SparedTorrent,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.feasibility import needs_data_move
from reconciler.plan.match import Match

MAX_NAMED_FIELDS = 4  # fields that a reason names; more are counted, since the changes name them anyway


def build_add_action(
    entry: DesiredTorrent, reason: str, changes: tuple[Change, ...] = (), hold: Outcome | None = None
) -> AddTorrent:
    """Return the action that adds the torrent of an entry."""
    return AddTorrent(
        entry.name or entry.label,
        reason,
        changes,
        entry.position,
        hold,
        entry.infohash or None,
        added_urls=_collect_urls(entry, None, changes),
        export_path=_find_export_path(entry, changes),
        source=entry.source,
        file_rules=entry.files if entry.has_metadata else (),
        only_trackers=entry.only_trackers,
        creation=None if entry.infohashes else entry.creation,
    )


def build_update_action(
    entry: DesiredTorrent,
    live: LiveTorrent | None,
    reason: str,
    changes: tuple[Change, ...] = (),
    hold: Outcome | None = None,
    *,
    action_type: type[UpdateTorrent] | type[AdoptTorrent] = UpdateTorrent,
) -> UpdateTorrent | AdoptTorrent:
    """Return an action that changes the torrent of an entry; `live` is None if it is not on the instance yet."""
    return action_type(
        entry.name or (live.name if live else entry.label),
        reason,
        changes,
        entry.position,
        hold,
        entry.infohash or None,
        added_urls=_collect_urls(entry, live, changes),
        removed_trackers=_collect_removed_trackers(entry, live, changes),
        export_path=_find_export_path(entry, changes),
        torrent_id=live.id if live else None,
        disruptive=live is not None and needs_data_move(changes, live),
        keeps_auto_tmm=live is not None
        and any(c.field == CATEGORY for c in changes)
        and is_kept_automatic(entry, live),
    )


def _changes_category(changes: Sequence[Change]) -> bool:
    return any(change.field == CATEGORY for change in changes)


def is_kept_automatic(entry: DesiredTorrent, live: LiveTorrent) -> bool:
    """True if automatic management is declared, and is as declared."""
    return live.auto_tmm and entry.options.get(AUTO_TMM) is True and AUTO_TMM not in entry.ignore_changes


def build_placement(match: Match) -> ActionPlacement | None:
    """Return the placement that an action on the torrent of an entry shows; None if no group declares it."""
    return ActionPlacement(match.entry.instance, match.assignment.reason) if match.assignment else None


def attach_placement(action: Action, match: Match) -> Action:
    """Return an action on the torrent of an entry with its placement."""
    if match.assignment is None or not isinstance(action, TorrentAction):
        return action
    return replace(action, placement=build_placement(match))


def build_held_delete(entry: DesiredTorrent, live: LiveTorrent | None, reason: str, hold: Outcome) -> DeleteTorrent:
    """Return a deletion of the torrent of an entry that is shown and must not be executed."""
    name = entry.name or (live.name if live else entry.label)
    infohash, torrent_id = entry.infohash or None, live.id if live else None
    return DeleteTorrent(name, reason, (), entry.position, hold, infohash, torrent_id=torrent_id)


def build_live_update(live: LiveTorrent, changes: tuple[Change, ...], reason: str) -> UpdateTorrent:
    """Return an action that changes a live torrent, whatever entry declares it."""
    return UpdateTorrent(live.name, reason, changes, infohash=str(live.infohashes), torrent_id=live.id)


def build_spared(live: LiveTorrent, reason: str) -> SparedTorrent:
    """Return a live torrent that is left unchanged."""
    return SparedTorrent(str(live.infohashes), live.name, reason)


def drift_reason(changes: Sequence[Change], prefix: str = "") -> str:
    """Return the reason of an action that makes these changes."""
    fields = [change.field for change in changes if change.field != QUARANTINE]
    ended = "declared again: its quarantine ends" if len(fields) < len(changes) else ""  # one that begins is whole
    named = " and ".join(fields) if len(fields) <= MAX_NAMED_FIELDS else f"{len(fields)} fields"
    drifted = f"{named} differ{'s' if len(fields) == 1 else ''}" if fields else ""
    return "; ".join(text for text in (prefix, ended, drifted) if text)


def narrow_action(action: UpdateTorrent | AdoptTorrent, changes: tuple[Change, ...]) -> UpdateTorrent | AdoptTorrent:
    """Return the action with only these of its changes, and the reason for these."""
    prefix = "declared, not ours yet" if isinstance(action, AdoptTorrent) else ""
    drifted = tuple(change for change in changes if change.field != OWNER)
    reason = drift_reason(drifted, prefix) or action.reason
    return replace(action, changes=changes, reason=reason)


def _find_export_path(entry: DesiredTorrent, changes: Sequence[Change]) -> str | None:
    """Return the file to write the .torrent file to, if that is among the changes."""
    export = entry.content.export if isinstance(entry.content, Content) else None
    return export.path if export and any(change.field == EXPORT for change in changes) else None


def _collect_removed_trackers(
    entry: DesiredTorrent, live: LiveTorrent | None, changes: Sequence[Change]
) -> tuple[str, ...]:
    """Return the unmasked trackers that the changes remove."""
    has_change = any(change.field == TRACKERS for change in changes)
    return find_entry_excess(entry, live) if live and has_change else ()


def _collect_urls(
    entry: DesiredTorrent, live: LiveTorrent | None, changes: Sequence[Change]
) -> Mapping[str, tuple[str, ...]]:
    """Return the unmasked URLs of the changes, by field."""
    if not entry.trackers and not entry.web_seeds:
        return NO_URLS
    links = live.links if live else ""
    declared = {TRACKERS: entry.trackers, WEB_SEEDS: entry.web_seeds}
    fields = {change.field for change in changes}
    return {name: find_missing_urls(urls, links, name) for name, urls in declared.items() if name in fields}
