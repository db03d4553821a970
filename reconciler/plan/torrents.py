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

What is made from content is `present` once it is known which torrent that is (see `content.py`), and before:

| declared        | what is known of it     | create-only | upsert            | sync              |
|-----------------|-------------------------|-------------|-------------------|-------------------|
| content         | nothing                 | add (make)  | add (make)        | add (make)        |
| content         | a task is making it     | deferred    | deferred          | deferred          |
| content_of      | not there to be had     | deferred    | deferred          | deferred          |
| undeclared, and may be one of these | ours | spared    | spared            | spared            |

With a `quarantine`, "undeclared … delete" has two steps: see `quarantine.py`. What is declared absent has one.

A live torrent that is neither declared nor ours is never touched and never shown.
`--take-over` turns "another owner's" into "not ours".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from reconciler.model.content import MAKES_TORRENTS, MAKES_TORRENTS_SINCE, Content, ContentOf
from reconciler.model.desired import Desired, DesiredTorrent, Policy
from reconciler.model.links import TRACKERS, WEB_SEEDS, missing_urls
from reconciler.model.options import METADATA_RECEIVED, STOP_CONDITION
from reconciler.model.plan import NO_URLS, Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import CONTENT, IGNORE, PROTECT, owner_tag, owners
from reconciler.plan.content import Unknown, damaged, elsewhere, may_mean
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


@dataclass(frozen=True, slots=True)
class Lore:
    """What is known of an entry besides: the task that made its torrent, why it cannot be added for now, who has it."""

    task: str | None = None
    unsourced: str | None = None
    peer: str | None = None


NO_LORE: Final = Lore()


def decide(found: Match, rules: Rules, snapshot: Snapshot, lore: Lore = NO_LORE) -> Sequence[Decision]:
    """What to do about one entry. Nothing means: it is settled."""
    entry, live = found.entry, found.live
    if found.conflict:
        verb = Verb.DELETE if entry.absent else Verb.UPDATE if live else Verb.ADD
        return [_action(entry, live, verb, found.conflict, hold=Outcome.BLOCKED)]
    if live is None:
        return [] if entry.absent else _add(entry, rules, snapshot, lore)
    if IGNORE in live.tags:
        return [Spared(str(live.infohashes), live.name, f"it has the tag {IGNORE}")]
    return _remove(entry, live, rules) if entry.absent else _mend(entry, live, rules, snapshot, lore)


def decide_unknown(
    entry: DesiredTorrent, unknown: Unknown, lives: Sequence[LiveTorrent], rules: Rules, snapshot: Snapshot
) -> Sequence[Action]:
    """What to do about an entry of which it is not known which torrent it means; `lives` are those that it may mean."""
    if entry.absent:
        held = unknown.hold and _action(entry, None, Verb.DELETE, unknown.reason, hold=unknown.hold)
        return [held] if held else []
    declared = (Change("owner", None, rules.owner), *first_values(entry))
    if unknown.hold is Outcome.DEFERRED and isinstance(entry.content, ContentOf) and lives:
        return [_action(entry, None, Verb.UPDATE, unknown.reason, hold=unknown.hold)]  # it is there, as far as we know
    if snapshot.api < MAKES_TORRENTS and isinstance(entry.content, Content):
        why = f"unsupported: qBittorrent {snapshot.version} makes no torrents; {MAKES_TORRENTS_SINCE} and later do"
        return [_action(entry, None, Verb.ADD, why, declared, hold=Outcome.BLOCKED)]
    if unknown.hold:
        return [_action(entry, None, Verb.ADD, unknown.reason, declared, hold=unknown.hold)]
    return _adding(entry, rules, snapshot, f"{unknown.reason}; it is made from its content, then added")


def prune(live: LiveTorrent, rules: Rules, unknown: Sequence[DesiredTorrent] = ()) -> Sequence[Decision]:
    """What to do about a live torrent that no entry means; of `unknown` entries it is not known what they mean."""
    if not rules.owns(live):
        return []
    if spared := spared_from_prune(live, rules, unknown):
        return [Spared(str(live.infohashes), live.name, spared)]
    lost = (Change("owner", rules.owner, None),)
    gone = replace(deletion(live, rules, "no longer declared"), changes=lost)
    return [quarantined(live, rules.quarantine, rules.today, gone)]


def not_addable(entry: DesiredTorrent, snapshot: Snapshot) -> str | None:
    """Why a torrent that is not there cannot be added to this instance, whoever tries."""
    if not snapshot.v2 and entry.infohashes and not entry.infohashes.v1:
        return f"unsupported: qBittorrent {snapshot.version} knows no v2 infohashes; 4.4 and later do"
    if entry.source is None:
        return "not on the instance, and an infohash is nothing to add it from; give a magnet or a torrent instead"
    if not entry.create_only:
        return None
    return impossible(first_values(entry), snapshot)  # it would be too late for it afterwards


def spared_from_prune(live: LiveTorrent, rules: Rules, unknown: Sequence[DesiredTorrent] = ()) -> str | None:
    """Why a live torrent of ours that no entry means is left as it is, if so. A quarantine is no such reason."""
    if spared := spared_from_deletion(live, rules):
        return spared
    if entry := next((one for one in unknown if may_mean(one, live)), None):
        return f'it may be what "{entry.label}" ({entry.at}) means, and that is not known now'
    others = rules.others(live)
    return f"it belongs to the owner {_names(others)} as well" if others else None


def _add(entry: DesiredTorrent, rules: Rules, snapshot: Snapshot, lore: Lore) -> Sequence[Action]:
    owner = Change("owner", None, rules.owner)
    declared = first_values(entry)
    if lore.unsourced:
        return [_action(entry, None, Verb.ADD, lore.unsourced, (owner, *declared), hold=Outcome.DEFERRED)]
    if why := not_addable(entry, snapshot):
        return [_action(entry, None, Verb.ADD, why, (owner, *declared), hold=Outcome.BLOCKED)]
    added, *held = _adding(entry, rules, snapshot, "not on the instance")
    if lore.peer and isinstance(entry.content, ContentOf):
        added = replace(added, peer=lore.peer, changes=(*added.changes, Change("peer", None, entry.content.instance)))
    return [replace(added, task=lore.task), *held]


def _adding(entry: DesiredTorrent, rules: Rules, snapshot: Snapshot, reason: str) -> list[Action]:
    """The add, and what cannot be set with it nor after it."""
    owner = Change("owner", None, rules.owner)
    declared = first_values(entry)
    if metadata_first(entry, snapshot) and STOP_CONDITION not in entry.create_only:
        stop = Change(STOP_CONDITION, None, METADATA_RECEIVED)
        declared = ordered((*declared, stop))
    free, held = sort_out_add(declared, snapshot, carried=_carried(entry))
    if entry.files and not entry.has_metadata:
        reason += "; the priorities of its files are set once its metadata is there"
    added = _action(entry, None, Verb.ADD, reason, (owner, *free))
    return [added, *(_action(entry, None, Verb.UPDATE, why, changes, hold=hold) for changes, hold, why in held)]


def _carried(entry: DesiredTorrent) -> tuple[str, ...]:
    """What the link, or the making of the torrent, takes along on every version."""
    if entry.creation:
        return "web_seeds", "comment"
    return () if entry.has_metadata else ("web_seeds",)


def _mend(entry: DesiredTorrent, live: LiveTorrent, rules: Rules, snapshot: Snapshot, lore: Lore) -> Sequence[Decision]:
    if why := elsewhere(entry, live):
        verb = Verb.UPDATE if rules.owns(live) else Verb.ADOPT
        return [_action(entry, live, verb, why, hold=Outcome.BLOCKED)]
    decisions = list(_mend_fields(entry, live, rules, snapshot))
    if lore.task and not any(isinstance(one, Spared) or one.hold for one in decisions):
        over = (Change("creator_task", "finished", None),)
        decisions.append(
            replace(_action(entry, live, Verb.UPDATE, "the task that made it is over", over), task=lore.task)
        )
    if why := damaged(entry, live):
        decisions.append(_action(entry, live, Verb.UPDATE, why, hold=Outcome.BLOCKED))
    return decisions


def _mend_fields(entry: DesiredTorrent, live: LiveTorrent, rules: Rules, snapshot: Snapshot) -> Sequence[Decision]:
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
    gone = replace(deletion(live, rules, "declared absent"), source=entry.at)
    return [gone if entry.delete_files is None else replace(gone, delete_files=entry.delete_files)]


def spared_from_deletion(live: LiveTorrent, rules: Rules) -> str | None:
    """The mark or the policy that keeps a live torrent from every deletion."""
    for mark in (IGNORE, PROTECT):
        if mark in live.tags:
            return f"it has the tag {mark}"
    return None if rules.policy is Policy.SYNC else f"policy {rules.policy} does not delete"


def deletion(live: LiveTorrent, rules: Rules, reason: str) -> Action:
    """The action that takes a live torrent off its instance.

    Without the data where that was there before the torrent: it was not downloaded.
    """
    original = rules.delete_files and CONTENT in live.tags
    reason += "; its data is kept, for the torrent was made from it" if original else ""
    return Action(
        Verb.DELETE,
        Kind.TORRENT,
        live.name,
        reason,
        infohash=str(live.infohashes),
        torrent_id=live.id,
        delete_files=rules.delete_files and not original,
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
