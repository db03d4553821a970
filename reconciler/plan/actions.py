"""What is to be done with one torrent, as an action or as the reason for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model.content import Content
from reconciler.model.desired import DesiredTorrent
from reconciler.model.links import TRACKERS, WEB_SEEDS, missing_urls
from reconciler.model.plan import NO_URLS, Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.feasibility import moves_data

NAMED = 4  # fields that a reason names; more are counted, since the changes name them anyway


def action_on(
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
        Kind.TORRENT,
        entry.name or (live.name if live else entry.label),
        reason,
        changes,
        infohash=entry.infohash or None,
        torrent_id=live.id if live else None,
        source=entry.at,
        disruptive=live is not None and moves_data(changes, live),
        hold=hold,
        adds=entry.source if verb is Verb.ADD else None,
        urls=_urls(entry, live, changes),
        files=entry.files if verb is Verb.ADD and entry.has_metadata else (),
        makes=entry.creation if verb is Verb.ADD and not entry.infohashes else None,
        export=_export(entry, changes),
    )


def spare(live: LiveTorrent, reason: str) -> Spared:
    """A live torrent that is left as it is."""
    return Spared(str(live.infohashes), live.name, reason)


def differing(changes: Sequence[Change], first: str = "") -> str:
    """The reason of an action that makes these changes."""
    fields = [change.field for change in changes if change.field != "quarantine"]
    ended = "declared again: its quarantine ends" if len(fields) < len(changes) else ""  # one that begins is whole
    named = " and ".join(fields) if len(fields) <= NAMED else f"{len(fields)} fields"
    drifted = f"{named} differ{'s' if len(fields) == 1 else ''}" if fields else ""
    return "; ".join(part for part in (first, ended, drifted) if part)


def _export(entry: DesiredTorrent, changes: Sequence[Change]) -> str | None:
    """The file that the .torrent file is written to, where that is among the changes."""
    export = entry.content.export if isinstance(entry.content, Content) else None
    return export.path if export and any(change.field == "export" for change in changes) else None


def _urls(entry: DesiredTorrent, live: LiveTorrent | None, changes: Sequence[Change]) -> Mapping[str, tuple[str, ...]]:
    """The URLs behind those that the changes show masked."""
    if not entry.trackers and not entry.web_seeds:
        return NO_URLS
    links = live.links if live else ""
    declared = {TRACKERS: entry.trackers, WEB_SEEDS: entry.web_seeds}
    fields = {change.field for change in changes}
    return {name: missing_urls(urls, links, name) for name, urls in declared.items() if name in fields}
