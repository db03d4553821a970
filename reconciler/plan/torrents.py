"""What is to be done with each torrent of one instance, and why something is not.

| declared        | live | tags on it              | create-only | upsert            | sync              |
|-----------------|------|-------------------------|-------------|-------------------|-------------------|
| present         | no   |                         | add         | add               | add               |
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

A live torrent that is neither declared nor ours is never touched and never shown.
`--take-over` turns "another owner's" into "not ours".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.model.desired import Desired, DesiredTorrent, Policy
from reconciler.model.plan import Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE, PROTECT, owner_tag, owners
from reconciler.plan.diff import drift, first_values
from reconciler.plan.match import Match

Decision = Action | Spared


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides over every torrent of a run."""

    owner: str
    policy: Policy
    delete_files: bool
    take_over: bool

    @classmethod
    def of(cls, desired: Desired, take_over: bool) -> Rules:
        """The rules that a desired state and the command line set together."""
        return cls(desired.owner, desired.policy, desired.delete_files, take_over)

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
        return [] if entry.absent else [_add(entry, rules, snapshot)]
    if IGNORE in live.tags:
        return [Spared(str(live.infohashes), live.name, f"it has the tag {IGNORE}")]
    return _remove(entry, live, rules) if entry.absent else _mend(entry, live, rules)


def prune(live: LiveTorrent, rules: Rules) -> Sequence[Decision]:
    """What to do about a live torrent that no entry means."""
    if not rules.owns(live):
        return []
    spared = _spared_from_deletion(live, rules)
    others = rules.others(live)
    if not spared and others:
        spared = f"it belongs to the owner {_names(others)} as well"
    if spared:
        return [Spared(str(live.infohashes), live.name, spared)]
    lost = (Change("owner", rules.owner, None),)
    return [replace(_deletion(live, rules, "no longer declared"), changes=lost)]


def _add(entry: DesiredTorrent, rules: Rules, snapshot: Snapshot) -> Action:
    changes = (Change("owner", None, rules.owner), *first_values(entry))
    if not snapshot.v2 and not entry.infohashes.v1:
        reason = f"unsupported: qBittorrent {snapshot.version} knows no v2 infohashes; 4.4 and later do"
        return _action(entry, None, Verb.ADD, reason, changes, hold=Outcome.BLOCKED)
    return _action(entry, None, Verb.ADD, "not on the instance", changes)


def _mend(entry: DesiredTorrent, live: LiveTorrent, rules: Rules) -> Sequence[Decision]:
    owned, others = rules.owns(live), rules.others(live)
    found = drift(entry, live)
    if rules.policy is Policy.CREATE_ONLY:
        settled = owned and not found
        return [] if settled else [_spare(live, "policy create-only does not change what is there")]
    verb = Verb.UPDATE if owned else Verb.ADOPT
    if others and not rules.take_over:
        reason = f"it belongs to the owner {_names(others)}; --take-over makes it ours"
        return [_action(entry, live, verb, reason, found, hold=Outcome.BLOCKED)]
    taken = tuple(Change("owner", name, rules.owner) for name in others)
    claim = taken or (() if owned else (Change("owner", None, rules.owner),))
    free, held = _sort_out(found, live)
    actions = []
    if claim or free:
        reason = differing(free) if owned else differing(free, "declared, not ours yet")
        actions.append(_action(entry, live, verb, reason, claim + free))
    for change, hold, reason in held:
        actions.append(_action(entry, live, Verb.UPDATE, reason, (change,), hold=hold))
    return actions


def _sort_out(
    found: Sequence[Change], live: LiveTorrent
) -> tuple[tuple[Change, ...], list[tuple[Change, Outcome, str]]]:
    """Part the changes that can be made now from those that must wait for the instance or for a person."""
    free, held = [], []
    for change in found:
        if change.field == "save_path" and live.moving:
            held.append((change, Outcome.DEFERRED, "its data is being moved; the path is set when that has ended"))
        elif change.field == "paused" and not change.after and live.missing_files:
            held.append((change, Outcome.BLOCKED, starting_is_risky()))
        else:
            free.append(change)
    return tuple(free), held


def starting_is_risky() -> str:
    """Why a torrent is not started whose files are missing: it may download everything again (qBittorrent #17626)."""
    risk = "its files are missing and starting could download them again"
    return f"{risk}; bring them back and recheck, or start it in qBittorrent"


def _remove(entry: DesiredTorrent, live: LiveTorrent, rules: Rules) -> Sequence[Decision]:
    spared = _spared_from_deletion(live, rules)
    if spared:
        return [_spare(live, spared)]
    others = rules.others(live)
    if others and not rules.take_over:
        reason = f"declared absent, but it belongs to the owner {_names(others)}; --take-over overrides"
        return [_action(entry, live, Verb.DELETE, reason, hold=Outcome.BLOCKED)]
    return [replace(_deletion(live, rules, "declared absent"), source=entry.at)]


def _spared_from_deletion(live: LiveTorrent, rules: Rules) -> str | None:
    for mark in (IGNORE, PROTECT):
        if mark in live.tags:
            return f"it has the tag {mark}"
    return None if rules.policy is Policy.SYNC else f"policy {rules.policy} does not delete"


def _deletion(live: LiveTorrent, rules: Rules, reason: str) -> Action:
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
        disruptive=live is not None and _moves_data(changes, live),
        hold=hold,
        magnet=entry.magnet if verb is Verb.ADD else None,
    )


def _moves_data(changes: Sequence[Change], live: LiveTorrent) -> bool:
    """A new path moves data; a new category does where its path holds by automatic management."""
    fields = {change.field for change in changes}
    return live.size > 0 and ("save_path" in fields or ("category" in fields and live.auto_tmm))


def _spare(live: LiveTorrent, reason: str) -> Spared:
    return Spared(str(live.infohashes), live.name, reason)


def _names(others: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in others)


def differing(changes: Sequence[Change], first: str = "") -> str:
    """The reason of an action that makes these changes."""
    differs = " and ".join(change.field for change in changes)
    drifted = f"{differs} differ{'s' if len(changes) == 1 else ''}" if changes else ""
    return "; ".join(part for part in (first, drifted) if part)
