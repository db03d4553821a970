"""What is to be done with one torrent, as an action or as the reason for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model.content import Content
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields import EXPORT, QUARANTINE
from reconciler.model.links import TRACKERS, WEB_SEEDS, find_missing_urls
from reconciler.model.plan import NO_URLS, Action, Change, ObjectKind, Outcome, SparedTorrent, Verb
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.feasibility import needs_data_move

MAX_NAMED_FIELDS = 4  # fields that a reason names; more are counted, since the changes name them anyway


def build_torrent_action(
    entry: DesiredTorrent,
    live: LiveTorrent | None,
    verb: Verb,
    reason: str,
    changes: tuple[Change, ...] = (),
    hold: Outcome | None = None,
) -> Action:
    """An action on the torrent of an entry."""
    return Action(
        verb,
        ObjectKind.TORRENT,
        entry.name or (live.name if live else entry.label),
        reason,
        changes,
        infohash=entry.infohash or None,
        torrent_id=live.id if live else None,
        position=entry.position,
        disruptive=live is not None and needs_data_move(changes, live),
        hold=hold,
        add_source=entry.source if verb is Verb.ADD else None,
        added_urls=_collect_urls(entry, live, changes),
        file_rules=entry.files if verb is Verb.ADD and entry.has_metadata else (),
        creation=entry.creation if verb is Verb.ADD and not entry.infohashes else None,
        export_path=_find_export_path(entry, changes),
    )


def build_spared(live: LiveTorrent, reason: str) -> SparedTorrent:
    """A live torrent that is left as it is."""
    return SparedTorrent(str(live.infohashes), live.name, reason)


def drift_reason(changes: Sequence[Change], prefix: str = "") -> str:
    """The reason of an action that makes these changes."""
    fields = [change.field for change in changes if change.field != QUARANTINE]
    ended = "declared again: its quarantine ends" if len(fields) < len(changes) else ""  # one that begins is whole
    named = " and ".join(fields) if len(fields) <= MAX_NAMED_FIELDS else f"{len(fields)} fields"
    drifted = f"{named} differ{'s' if len(fields) == 1 else ''}" if fields else ""
    return "; ".join(part for part in (prefix, ended, drifted) if part)


def _find_export_path(entry: DesiredTorrent, changes: Sequence[Change]) -> str | None:
    """The file that the .torrent file is written to, where that is among the changes."""
    export = entry.content.export if isinstance(entry.content, Content) else None
    return export.path if export and any(change.field == EXPORT for change in changes) else None


def _collect_urls(
    entry: DesiredTorrent, live: LiveTorrent | None, changes: Sequence[Change]
) -> Mapping[str, tuple[str, ...]]:
    """The URLs behind those that the changes show masked."""
    if not entry.trackers and not entry.web_seeds:
        return NO_URLS
    links = live.links if live else ""
    declared = {TRACKERS: entry.trackers, WEB_SEEDS: entry.web_seeds}
    fields = {change.field for change in changes}
    return {name: find_missing_urls(urls, links, name) for name, urls in declared.items() if name in fields}
