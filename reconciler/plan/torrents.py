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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.model.content import MAKES_TORRENTS, MAKES_TORRENTS_SINCE, Content, ContentOf
from reconciler.model.desired import DesiredTorrent, Policy
from reconciler.model.options import METADATA_RECEIVED, STOP_CONDITION
from reconciler.model.plan import Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import CONTENT, IGNORE, PROTECT
from reconciler.plan.actions import action_on, differing, spare
from reconciler.plan.context import Decision, Rules, quoted
from reconciler.plan.diff import drift, first_values, ordered
from reconciler.plan.feasibility import impossible, metadata_first, sort_out, sort_out_add
from reconciler.plan.match import Match
from reconciler.plan.quarantine import quarantined
from reconciler.plan.resolve import Unknown, damaged, elsewhere, may_mean


@dataclass(frozen=True, slots=True)
class Lore:
    """What is known of an entry besides: the task that made its torrent, why it cannot be added for now, who has it."""

    task: str | None = None
    unsourced: str | None = None
    peer: str | None = None


NO_LORE: Final = Lore()


def add(entry: DesiredTorrent, rules: Rules, snapshot: Snapshot, lore: Lore) -> Sequence[Action]:
    """What to do about a torrent that is not on its instance."""
    if lore.unsourced:
        return [_held_back(entry, rules, lore.unsourced, Outcome.DEFERRED)]
    if why := not_addable(entry, snapshot):
        return [_held_back(entry, rules, why, Outcome.BLOCKED)]
    added, *held = adding(entry, rules, snapshot, "not on the instance")
    if lore.peer and isinstance(entry.content, ContentOf):
        added = replace(added, peer=lore.peer, changes=(*added.changes, Change("peer", None, entry.content.instance)))
    return [replace(added, task=lore.task) if lore.task else added, *held]


def _held_back(entry: DesiredTorrent, rules: Rules, why: str, hold: Outcome) -> Action:
    return action_on(entry, None, Verb.ADD, why, (Change("owner", None, rules.owner), *first_values(entry)), hold=hold)


def adding(entry: DesiredTorrent, rules: Rules, snapshot: Snapshot, reason: str) -> list[Action]:
    """The add, and what cannot be set with it nor after it."""
    owner = Change("owner", None, rules.owner)
    declared = first_values(entry)
    if metadata_first(entry, snapshot) and STOP_CONDITION not in entry.create_only:
        stop = Change(STOP_CONDITION, None, METADATA_RECEIVED)
        declared = ordered((*declared, stop))
    free, held = sort_out_add(declared, snapshot, carried=_carried(entry))
    if entry.files and not entry.has_metadata:
        reason += "; the priorities of its files are set once its metadata is there"
    added = action_on(entry, None, Verb.ADD, reason, (owner, *free))
    return [added, *(action_on(entry, None, Verb.UPDATE, why, changes, hold=hold) for changes, hold, why in held)]


def not_addable(entry: DesiredTorrent, snapshot: Snapshot) -> str | None:
    """Why a torrent that is not there cannot be added to this instance, whoever tries."""
    if not snapshot.v2 and entry.infohashes and not entry.infohashes.v1:
        return f"unsupported: qBittorrent {snapshot.version} knows no v2 infohashes; 4.4 and later do"
    if entry.source is None:
        return "not on the instance, and an infohash is nothing to add it from; give a magnet or a torrent instead"
    if not entry.create_only:
        return None
    return impossible(first_values(entry), snapshot)  # it would be too late for it afterwards


def _carried(entry: DesiredTorrent) -> tuple[str, ...]:
    """What the link, or the making of the torrent, takes along on every version."""
    if entry.creation:
        return "web_seeds", "comment"
    return () if entry.has_metadata else ("web_seeds",)


def prune(live: LiveTorrent, rules: Rules, unknown: Sequence[DesiredTorrent] = ()) -> Sequence[Decision]:
    """What to do about a live torrent that no entry means; of `unknown` entries it is not known what they mean."""
    if not rules.owns(live):
        return []
    if spared := spared_from_prune(live, rules, unknown):
        return [Spared(str(live.infohashes), live.name, spared)]
    lost = (Change("owner", rules.owner, None),)
    gone = replace(deletion(live, rules, "no longer declared"), changes=lost)
    return [quarantined(live, rules.quarantine, rules.today, gone)]


def remove(entry: DesiredTorrent, live: LiveTorrent, rules: Rules) -> Sequence[Decision]:
    """What to do about a live torrent that is declared absent."""
    spared = spared_from_deletion(live, rules)
    if spared:
        return [spare(live, spared)]
    others = rules.others(live)
    if others and not rules.take_over:
        reason = f"declared absent, but it belongs to the owner {quoted(others)}; --take-over overrides"
        return [action_on(entry, live, Verb.DELETE, reason, hold=Outcome.BLOCKED)]
    gone = replace(deletion(live, rules, "declared absent"), source=entry.at)
    return [gone if entry.delete_files is None else replace(gone, delete_files=entry.delete_files)]


def spared_from_prune(live: LiveTorrent, rules: Rules, unknown: Sequence[DesiredTorrent] = ()) -> str | None:
    """Why a live torrent of ours that no entry means is left as it is, if so. A quarantine is no such reason."""
    if spared := spared_from_deletion(live, rules):
        return spared
    if entry := next((one for one in unknown if may_mean(one, live)), None):
        return f'it may be what "{entry.label}" ({entry.at}) means, and that is not known now'
    others = rules.others(live)
    return f"it belongs to the owner {quoted(others)} as well" if others else None


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


def decide(found: Match, rules: Rules, snapshot: Snapshot, lore: Lore = NO_LORE) -> Sequence[Decision]:
    """What to do about one entry. Nothing means: it is settled."""
    entry, live = found.entry, found.live
    if found.conflict:
        verb = Verb.DELETE if entry.absent else Verb.UPDATE if live else Verb.ADD
        return [action_on(entry, live, verb, found.conflict, hold=Outcome.BLOCKED)]
    if live is None:
        return [] if entry.absent else add(entry, rules, snapshot, lore)
    if IGNORE in live.tags:
        return [Spared(str(live.infohashes), live.name, f"it has the tag {IGNORE}")]
    return remove(entry, live, rules) if entry.absent else _mend(entry, live, rules, snapshot, lore)


def decide_unknown(
    entry: DesiredTorrent, unknown: Unknown, lives: Sequence[LiveTorrent], rules: Rules, snapshot: Snapshot
) -> Sequence[Action]:
    """What to do about an entry of which it is not known which torrent it means; `lives` are those that it may mean."""
    if entry.absent:
        held = unknown.hold and action_on(entry, None, Verb.DELETE, unknown.reason, hold=unknown.hold)
        return [held] if held else []
    declared = (Change("owner", None, rules.owner), *first_values(entry))
    if unknown.hold is Outcome.DEFERRED and isinstance(entry.content, ContentOf) and lives:
        # it is there, as far as we know
        return [action_on(entry, None, Verb.UPDATE, unknown.reason, hold=unknown.hold)]
    if snapshot.api < MAKES_TORRENTS and isinstance(entry.content, Content):
        why = f"unsupported: qBittorrent {snapshot.version} makes no torrents; {MAKES_TORRENTS_SINCE} and later do"
        return [action_on(entry, None, Verb.ADD, why, declared, hold=Outcome.BLOCKED)]
    if unknown.hold:
        return [action_on(entry, None, Verb.ADD, unknown.reason, declared, hold=unknown.hold)]
    return adding(entry, rules, snapshot, f"{unknown.reason}; it is made from its content, then added")


def _mend(entry: DesiredTorrent, live: LiveTorrent, rules: Rules, snapshot: Snapshot, lore: Lore) -> Sequence[Decision]:
    if why := elsewhere(entry, live):
        verb = Verb.UPDATE if rules.owns(live) else Verb.ADOPT
        return [action_on(entry, live, verb, why, hold=Outcome.BLOCKED)]
    decisions = list(_mend_fields(entry, live, rules, snapshot))
    if lore.task and not any(isinstance(one, Spared) or one.hold for one in decisions):
        over = (Change("creator_task", "finished", None),)
        decisions.append(
            replace(action_on(entry, live, Verb.UPDATE, "the task that made it is over", over), task=lore.task)
        )
    if why := damaged(entry, live):
        decisions.append(action_on(entry, live, Verb.UPDATE, why, hold=Outcome.BLOCKED))
    return decisions


def _mend_fields(entry: DesiredTorrent, live: LiveTorrent, rules: Rules, snapshot: Snapshot) -> Sequence[Decision]:
    owned, others = rules.owns(live), rules.others(live)
    found = drift(entry, live)
    if owned and not found and (not others or rules.policy is Policy.CREATE_ONLY):
        return []
    if rules.policy is Policy.CREATE_ONLY:
        return [spare(live, "policy create-only does not change what is there")]
    verb = Verb.UPDATE if owned else Verb.ADOPT
    if others and not rules.take_over:
        reason = f"it belongs to the owner {quoted(others)}; --take-over makes it ours"
        return [action_on(entry, live, verb, reason, found, hold=Outcome.BLOCKED)]
    taken = tuple(Change("owner", name, rules.owner) for name in others)
    claim = taken or (() if owned else (Change("owner", None, rules.owner),))
    free, held = sort_out(found, live, snapshot, metadata_first=metadata_first(entry, snapshot))
    actions = []
    if claim or free:
        reason = differing(free) if owned else differing(free, _not_ours_yet(entry))
        actions.append(action_on(entry, live, verb, reason, claim + free))
    for changes, hold, reason in held:
        actions.append(action_on(entry, live, Verb.UPDATE, reason, changes, hold=hold))
    return actions


def _not_ours_yet(entry: DesiredTorrent) -> str:
    late = " and ".join(entry.create_only)
    return "declared, not ours yet" + (f"; it is there already, so {late} cannot be given any more" if late else "")
