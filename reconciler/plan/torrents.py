"""What is to be done with each torrent of one instance, and why something is not.

| declared        | live | tags on it              | create-only | upsert            | sync              |
|-----------------|------|-------------------------|-------------|-------------------|-------------------|
| present         | no   |                         | add         | add               | add               |
| by infohash     | no   |                         | blocked     | blocked           | blocked           |
| present         | yes  | `reconcile:ignore`      | spared      | spared            | spared            |
| present         | yes  | another owner's         | spared      | blocked           | blocked           |
| present         | yes  | not ours                | spared      | adopt             | adopt             |
| present         | yes  | ours                    | spared      | update on drift   | update on drift   |
| absent          | no   |                         | unchanged   | unchanged         | unchanged         |
| absent          | yes  | ignore or protect       | spared      | spared            | spared            |
| absent          | yes  | another owner's         | spared      | spared            | blocked           |
| absent          | yes  | any other               | spared      | spared            | delete            |
| undeclared      | yes  | ours                    | spared      | spared            | delete            |
| undeclared      | yes  | ours, and one of the above | spared   | spared            | spared            |

With a `quarantine`, "undeclared … delete" has two steps: see `quarantine.py`. What is declared absent has one.

A live torrent that is neither declared nor ours is never touched and never shown.
`--take-over` turns "another owner's" into "not ours".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from reconciler.model.desired import Desired, DesiredTorrent, Policy
from reconciler.model.links import TRACKERS, WEB_SEEDS, missing_urls
from reconciler.model.options import METADATA_RECEIVED, STOP_CONDITION
from reconciler.model.plan import NO_URLS, Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE, PROTECT, owner_tag, owners
from reconciler.plan.diff import drift, first_values, ordered
from reconciler.plan.holds import impossible, metadata_first, moves_data, sort_out, sort_out_add
from reconciler.plan.match import Match
from reconciler.plan.quarantine import quarantined

Decision = Action | Spared

NAMED = 4  # fields that a reason names; more are counted, since the changes name them anyway


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides over every torrent of a run."""

    owner: str
    policy: Policy
    delete_files: bool
    take_over: bool
    quarantine: int | None = None
    today: date | None = None

    @classmethod
    def of(cls, desired: Desired, take_over: bool, today: date | None) -> Rules:
        """The rules that a desired state, the command line and the calendar set together."""
        return cls(desired.owner, desired.policy, desired.delete_files, take_over, desired.quarantine, today)

    def owns(self, live: LiveTorrent) -> bool:
        """Ownership is the live tag and nothing else."""
        return owner_tag(self.owner) in live.tags

    def others(self, live: LiveTorrent) -> tuple[str, ...]:
        """The other owners that the live torrent names."""
        return tuple(name for name in owners(live.tags) if name != self.owner)


def decide(found: Match, rules: Rules, snapshot: Snapshot) -> Sequence[Decision]:
    """What to do about one entry. Nothing means: it is settled."""
    entry, live = found.entry, found.live
    if found.conflict:
        verb = Verb.DELETE if entry.absent else Verb.UPDATE
        return [_action(entry, live, verb, found.conflict, hold=Outcome.BLOCKED)]
    if live is None:
        return [] if entry.absent else _add(entry, rules, snapshot)
    if IGNORE in live.tags:
        return [Spared(str(live.infohashes), live.name, f"it has the tag {IGNORE}")]
    return _remove(entry, live, rules) if entry.absent else _mend(entry, live, rules, snapshot)


def prune(live: LiveTorrent, rules: Rules) -> Sequence[Decision]:
    """What to do about a live torrent that no entry means."""
    if not rules.owns(live):
        return []
    if spared := spared_from_prune(live, rules):
        return [Spared(str(live.infohashes), live.name, spared)]
    lost = (Change("owner", rules.owner, None),)
    gone = replace(deletion(live, rules, "no longer declared"), changes=lost)
    return [quarantined(live, rules.quarantine, rules.today, gone)]


def not_addable(entry: DesiredTorrent, snapshot: Snapshot) -> str | None:
    """Why a torrent that is not there cannot be added to this instance, whoever tries."""
    if not snapshot.v2 and not entry.infohashes.v1:
        return f"unsupported: qBittorrent {snapshot.version} knows no v2 infohashes; 4.4 and later do"
    if entry.source is None:
        return "not on the instance, and an infohash is nothing to add it from; give a magnet or a torrent instead"
    if not entry.create_only:
        return None
    return impossible(first_values(entry), snapshot)  # it would be too late for it afterwards


def spared_from_prune(live: LiveTorrent, rules: Rules) -> str | None:
    """Why a live torrent of ours that no entry means is left as it is, if so. A quarantine is no such reason."""
    others = rules.others(live)
    also = f"it belongs to the owner {_names(others)} as well" if others else None
    return spared_from_deletion(live, rules) or also


def _add(entry: DesiredTorrent, rules: Rules, snapshot: Snapshot) -> Sequence[Action]:
    owner = Change("owner", None, rules.owner)
    declared = first_values(entry)
    if why := not_addable(entry, snapshot):
        return [_action(entry, None, Verb.ADD, why, (owner, *declared), hold=Outcome.BLOCKED)]
    if metadata_first(entry, snapshot) and STOP_CONDITION not in entry.create_only:
        stop = Change(STOP_CONDITION, None, METADATA_RECEIVED)
        declared = ordered((*declared, stop))
    free, held = sort_out_add(declared, snapshot, by_link=not entry.has_metadata)
    reason = "not on the instance"
    if entry.files and not entry.has_metadata:
        reason += "; the priorities of its files are set once its metadata is there"
    added = _action(entry, None, Verb.ADD, reason, (owner, *free))
    return [added, *(_action(entry, None, Verb.UPDATE, why, changes, hold=hold) for changes, hold, why in held)]


def _mend(entry: DesiredTorrent, live: LiveTorrent, rules: Rules, snapshot: Snapshot) -> Sequence[Decision]:
    owned, others = rules.owns(live), rules.others(live)
    found = drift(entry, live)
    if owned and not found and (not others or rules.policy is Policy.CREATE_ONLY):
        return []
    if rules.policy is Policy.CREATE_ONLY:
        return [_spare(live, "policy create-only does not change what is there")]
    verb = Verb.UPDATE if owned else Verb.ADOPT
    if others and not rules.take_over:
        reason = f"it belongs to the owner {_names(others)}; --take-over makes it ours"
        return [_action(entry, live, verb, reason, found, hold=Outcome.BLOCKED)]
    taken = tuple(Change("owner", name, rules.owner) for name in others)
    claim = taken or (() if owned else (Change("owner", None, rules.owner),))
    free, held = sort_out(found, live, snapshot, metadata_first=metadata_first(entry, snapshot))
    actions = []
    if claim or free:
        reason = differing(free) if owned else differing(free, _not_ours_yet(entry))
        actions.append(_action(entry, live, verb, reason, claim + free))
    for changes, hold, reason in held:
        actions.append(_action(entry, live, Verb.UPDATE, reason, changes, hold=hold))
    return actions


def _remove(entry: DesiredTorrent, live: LiveTorrent, rules: Rules) -> Sequence[Decision]:
    spared = spared_from_deletion(live, rules)
    if spared:
        return [_spare(live, spared)]
    others = rules.others(live)
    if others and not rules.take_over:
        reason = f"declared absent, but it belongs to the owner {_names(others)}; --take-over overrides"
        return [_action(entry, live, Verb.DELETE, reason, hold=Outcome.BLOCKED)]
    with_files = rules.delete_files if entry.delete_files is None else entry.delete_files
    return [replace(deletion(live, rules, "declared absent"), source=entry.at, delete_files=with_files)]


def spared_from_deletion(live: LiveTorrent, rules: Rules) -> str | None:
    """The mark or the policy that keeps a live torrent from every deletion."""
    for mark in (IGNORE, PROTECT):
        if mark in live.tags:
            return f"it has the tag {mark}"
    return None if rules.policy is Policy.SYNC else f"policy {rules.policy} does not delete"


def deletion(live: LiveTorrent, rules: Rules, reason: str) -> Action:
    """The action that takes a live torrent off its instance."""
    return Action(
        Verb.DELETE,
        Kind.TORRENT,
        live.name,
        reason,
        infohash=str(live.infohashes),
        torrent_id=live.id,
        delete_files=rules.delete_files,
    )


def _action(
    entry: DesiredTorrent,
    live: LiveTorrent | None,
    verb: Verb,
    reason: str,
    changes: tuple[Change, ...] = (),
    hold: Outcome | None = None,
) -> Action:
    return Action(
        verb,
        Kind.TORRENT,
        entry.name or (live.name if live else entry.label),
        reason,
        changes,
        infohash=str(entry.infohashes),
        torrent_id=live.id if live else None,
        source=entry.at,
        disruptive=live is not None and moves_data(changes, live),
        hold=hold,
        adds=entry.source if verb is Verb.ADD else None,
        urls=_urls(entry, live, changes),
        files=entry.files if verb is Verb.ADD and entry.has_metadata else (),
    )


def _urls(entry: DesiredTorrent, live: LiveTorrent | None, changes: Sequence[Change]) -> Mapping[str, tuple[str, ...]]:
    """The URLs behind those that the changes show masked."""
    if not entry.trackers and not entry.web_seeds:
        return NO_URLS
    links = live.links if live else ""
    declared = {TRACKERS: entry.trackers, WEB_SEEDS: entry.web_seeds}
    fields = {change.field for change in changes}
    return {name: missing_urls(urls, links, name) for name, urls in declared.items() if name in fields}


def _not_ours_yet(entry: DesiredTorrent) -> str:
    late = " and ".join(entry.create_only)
    return "declared, not ours yet" + (f"; it is there already, so {late} cannot be given any more" if late else "")


def _spare(live: LiveTorrent, reason: str) -> Spared:
    return Spared(str(live.infohashes), live.name, reason)


def _names(others: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in others)


def differing(changes: Sequence[Change], first: str = "") -> str:
    """The reason of an action that makes these changes."""
    fields = [change.field for change in changes if change.field != "quarantine"]
    ended = "declared again: its quarantine ends" if len(fields) < len(changes) else ""  # one that begins is whole
    named = " and ".join(fields) if len(fields) <= NAMED else f"{len(fields)} fields"
    drifted = f"{named} differ{'s' if len(fields) == 1 else ''}" if fields else ""
    return "; ".join(part for part in (first, ended, drifted) if part)
