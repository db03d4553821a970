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
from dataclasses import replace

from reconciler.model.content import MAKES_TORRENTS, MAKES_TORRENTS_SINCE, Content, ContentOf
from reconciler.model.desired import DesiredTorrent, Policy
from reconciler.model.plan import Action, Change, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE
from reconciler.plan.actions import action_on, differing, spare
from reconciler.plan.adding import NO_LORE, Lore, add, adding
from reconciler.plan.content import Unknown, damaged, elsewhere
from reconciler.plan.diff import drift, first_values
from reconciler.plan.holds import metadata_first, sort_out
from reconciler.plan.match import Match
from reconciler.plan.removing import remove
from reconciler.plan.rules import Decision, Rules, quoted


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
