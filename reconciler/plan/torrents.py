"""Decisions about the torrents of one instance.

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
| taken back      | yes  | ours                    | delete      | delete            | delete            |
| taken back      | yes  | not ours                | spared      | spared            | spared            |
| undeclared      | yes  | ours                    | spared      | spared            | delete            |
| undeclared      | yes  | ours, and one of the above | spared   | spared            | spared            |
| undeclared, added by a run that ended before it tagged it | yes | no owner's | adopt | adopt | adopt     |

What is made from content is `present` once it is known which torrent that is (see `content.py`), and before:

| declared        | what is known of it     | create-only | upsert            | sync              |
|-----------------|-------------------------|-------------|-------------------|-------------------|
| content         | nothing                 | add (make)  | add (make)        | add (make)        |
| content         | a task is making it     | deferred    | deferred          | deferred          |
| content_of      | not there to be had     | deferred    | deferred          | deferred          |
| undeclared, and may be one of these | ours | spared    | spared            | spared            |

Taken back is an absent entry of the intake: a service takes back what it handed in, and nothing else.

With a `quarantine_days`, "undeclared … delete" has two steps: see `quarantine.py`. What is declared absent has one.

A live torrent that is neither declared nor ours is never touched and never shown.
`--take-over` turns "another owner's" into "not ours".

See docs/decisions/0006-only-policy-sync-deletes.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.content import ContentReference
from reconciler.model.desired import DesiredTorrent, Policy
from reconciler.model.fields.entry_values import build_initial_changes
from reconciler.model.fields.names import CREATOR_TASK, METADATA, OWNER, PEER
from reconciler.model.plan import (
    Action,
    AdoptTorrent,
    Change,
    DeleteTorrent,
    Outcome,
    SparedTorrent,
    UpdateTorrent,
)
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import CONTENT_TAG, IGNORE_TAG, PROTECT_TAG, parse_owners
from reconciler.model.versions import METADATA_BY_FILE
from reconciler.plan.actions import build_add_action, build_held_delete, build_spared, build_update_action, drift_reason
from reconciler.plan.adds import NO_FACTS, EntryFacts, build_add, plan_add
from reconciler.plan.builds import (
    created_as_v1_text,
    other_format_reason,
    uncreatable_reason,
)
from reconciler.plan.context import Decision, PlanContext, quote_names
from reconciler.plan.diff import find_drift
from reconciler.plan.feasibility import (
    needs_metadata_first,
    split_feasible,
)
from reconciler.plan.match import Match
from reconciler.plan.platform import foreign_path_reason
from reconciler.plan.quarantine import plan_quarantine
from reconciler.plan.resolve import UnresolvedEntry, could_be, data_damaged_reason, data_moved_reason

PEER_PATIENCE: Final = 600  # seconds after an add in which the peer is sent again while nothing arrives


def plan_prune(
    live: LiveTorrent, context: PlanContext, unresolved: Sequence[DesiredTorrent] = ()
) -> Sequence[Decision]:
    """Plan a live torrent that no entry means. `unresolved`: entries that may mean it."""
    if not context.is_owned(live):
        return []
    if spared_reason := prune_spared_reason(live, context, unresolved):
        return [SparedTorrent(str(live.infohashes), live.name, spared_reason)]
    owner_change = (Change(OWNER, context.owner, None),)
    deletion = replace(build_delete(live, context, "no longer declared"), changes=owner_change)
    return [plan_quarantine(live, context.quarantine_days, context.today, deletion)]


def plan_untagged(live: LiveTorrent, context: PlanContext, condition: str) -> AdoptTorrent | None:
    """Plan a live torrent that we added and could not tag; None if it has an owner or is ignored.

    It only gets its tag, whatever the policy: what becomes of it is planned by what its tags say then. `condition`: why
    it is not wanted here, for the reason.
    """
    if IGNORE_TAG in live.tags or parse_owners(live.tags):
        return None
    reason = f"added by a run that ended before it could tag it, and {condition}"
    if context.policy is Policy.SYNC:
        reason += "; the next run deletes it"
    changes = (Change(OWNER, None, context.owner),)
    return AdoptTorrent(live.name, reason, changes, infohash=str(live.infohashes), torrent_id=live.id)


def plan_absent(entry: DesiredTorrent, live: LiveTorrent, context: PlanContext) -> Sequence[Decision]:
    """Plan a live torrent that is declared absent, or that a service takes back."""
    if entry.is_handed_in:
        spared_reason = find_protecting_mark(live) or ("" if context.is_owned(live) else "it is not ours")
    else:
        spared_reason = deletion_spared_reason(live, context) or ""
    if spared_reason:
        return [build_spared(live, spared_reason)]
    others = context.list_other_owners(live)
    if others and not context.take_over:
        reason = f"declared absent, but it belongs to the owner {quote_names(others)}; --take-over overrides"
        return [build_held_delete(entry, live, reason, Outcome.BLOCKED)]
    reason = "taken back by a service" if entry.is_handed_in else "declared absent"
    deletion = replace(build_delete(live, context, reason), position=entry.position)
    return [deletion if entry.delete_files is None else replace(deletion, delete_files=entry.delete_files)]


def prune_spared_reason(
    live: LiveTorrent, context: PlanContext, unresolved: Sequence[DesiredTorrent] = ()
) -> str | None:
    """Return why an undeclared torrent of ours is left unchanged; None if it is pruned.

    A quarantine is no such reason.
    """
    if spared_reason := deletion_spared_reason(live, context):
        return spared_reason
    if entry := next((candidate for candidate in unresolved if could_be(candidate, live)), None):
        return f'it may be what "{entry.label}" ({entry.position}) means, which is not known now'
    others = context.list_other_owners(live)
    return f"it belongs to the owner {quote_names(others)} as well" if others else None


def deletion_spared_reason(live: LiveTorrent, context: PlanContext) -> str | None:
    """Return the tag or the policy that protects a live torrent from every deletion."""
    if reason := find_protecting_mark(live):
        return reason
    return None if context.policy is Policy.SYNC else f"policy {context.policy} does not delete"


def find_protecting_mark(live: LiveTorrent) -> str | None:
    """Return the tag that protects a live torrent from every deletion, in a clause."""
    marks = (mark for mark in (IGNORE_TAG, PROTECT_TAG) if mark in live.tags)
    return next((f"it has the tag {mark}" for mark in marks), None)


def build_delete(live: LiveTorrent, context: PlanContext, reason: str) -> DeleteTorrent:
    """Return the action that removes a live torrent from its instance.

    The data is kept if it existed before the torrent: it was not downloaded.
    """
    original = context.delete_files and CONTENT_TAG in live.tags
    reason += "; its data is kept, because the torrent was created from it" if original else ""
    return DeleteTorrent(
        live.name,
        reason,
        infohash=str(live.infohashes),
        torrent_id=live.id,
        delete_files=context.delete_files and not original,
    )


def plan_entry(
    match: Match, context: PlanContext, snapshot: Snapshot, facts: EntryFacts = NO_FACTS
) -> Sequence[Decision]:
    """Plan one entry. No decision: nothing has to be done."""
    entry, live = match.entry, match.live
    if match.conflict:
        return [_build_conflict(entry, live, match.conflict)]
    if live is None:
        return [] if entry.absent else plan_add(entry, context, snapshot, facts)
    if IGNORE_TAG in live.tags:
        return [SparedTorrent(str(live.infohashes), live.name, f"it has the tag {IGNORE_TAG}")]
    return plan_absent(entry, live, context) if entry.absent else _plan_present(entry, live, context, snapshot, facts)


def _build_conflict(entry: DesiredTorrent, live: LiveTorrent | None, reason: str) -> Action:
    if entry.absent:
        return build_held_delete(entry, live, reason, Outcome.BLOCKED)
    if live:
        return build_update_action(entry, live, reason, hold=Outcome.BLOCKED)
    return build_add_action(entry, reason, hold=Outcome.BLOCKED)


def plan_unresolved_entry(
    entry: DesiredTorrent,
    unresolved: UnresolvedEntry,
    live_torrents: Sequence[LiveTorrent],
    context: PlanContext,
    snapshot: Snapshot,
) -> Sequence[Action]:
    """Plan an entry whose torrent is unknown; it may be one of `live_torrents`."""
    if entry.absent:
        return [build_held_delete(entry, None, unresolved.reason, unresolved.hold)] if unresolved.hold else []
    declared = (Change(OWNER, None, context.owner), *build_initial_changes(entry))
    if unresolved.hold is Outcome.DEFERRED and isinstance(entry.content, ContentReference) and live_torrents:
        # one of our torrents may be it
        return [build_update_action(entry, None, unresolved.reason, hold=unresolved.hold)]
    if reason := uncreatable_reason(entry.content, snapshot) or foreign_path_reason(entry.declared_paths, snapshot):
        return [build_add_action(entry, reason, declared, Outcome.BLOCKED)]
    if unresolved.hold:
        return [build_add_action(entry, unresolved.reason, declared, unresolved.hold)]
    creation_text = "it is created from its content, then added" + created_as_v1_text(entry.content, snapshot)
    added, held = build_add(entry, context, snapshot, f"{unresolved.reason}; {creation_text}")
    return [added, *held]


def _plan_present(
    entry: DesiredTorrent, live: LiveTorrent, context: PlanContext, snapshot: Snapshot, facts: EntryFacts
) -> Sequence[Decision]:
    content = entry.content
    if content and (reason := data_moved_reason(entry, live) or other_format_reason(content, live.infohashes)):
        action_type = UpdateTorrent if context.is_owned(live) else AdoptTorrent
        return [build_update_action(entry, live, reason, hold=Outcome.BLOCKED, action_type=action_type)]
    decisions = list(_plan_fields(entry, live, context, snapshot))
    if facts.task and not any(isinstance(decision, SparedTorrent) or decision.hold for decision in decisions):
        task_change = (Change(CREATOR_TASK, "finished", None),)
        decisions.append(
            replace(
                build_update_action(entry, live, "the task that created it has finished", task_change),
                creator_task_id=facts.task,
            )
        )
    if content and (reason := data_damaged_reason(entry, live)):
        decisions.append(build_update_action(entry, live, reason, hold=Outcome.BLOCKED))
    if facts.metadata and _is_handed_over(entry, live, context, snapshot):
        field, reason = (PEER, "nothing of it has arrived") if live.has_metadata else (METADATA, "it has no metadata")
        change, reason = Change(field, None, facts.metadata.instance), f"{reason}; {facts.metadata.instance} has it"
        decisions.append(replace(build_update_action(entry, live, reason, (change,)), metadata_from=facts.metadata))
    return decisions


def _is_handed_over(entry: DesiredTorrent, live: LiveTorrent, context: PlanContext, snapshot: Snapshot) -> bool:
    """True if a live torrent of ours that is meant to run gets its metadata from another instance, or that as a peer.

    A server takes metadata from a .torrent file, and leaves the torrent as it is otherwise (4.5 to 5.3; none before).
    The peer is sent with the metadata. It may be lost, as when a server is killed, so it is sent again for a while.
    """
    is_wanted = not live.stopped and (not entry.paused or needs_metadata_first(entry, snapshot))
    is_ours = context.is_owned(live) and not context.list_other_owners(live)
    if not (is_wanted and is_ours) or context.policy is Policy.CREATE_ONLY:
        return False
    if not live.has_metadata:
        return METADATA_BY_FILE.is_available(snapshot.api_version)
    is_new = context.now is not None and context.now.timestamp() - live.added_on < PEER_PATIENCE
    return is_new and live.state == "stalledDL" and live.progress == 0


def _plan_fields(
    entry: DesiredTorrent, live: LiveTorrent, context: PlanContext, snapshot: Snapshot
) -> Sequence[Decision]:
    owned, others = context.is_owned(live), context.list_other_owners(live)
    drift = find_drift(entry, live)
    if owned and not drift and (not others or context.policy is Policy.CREATE_ONLY):
        return []
    if context.policy is Policy.CREATE_ONLY:
        return [build_spared(live, "policy create-only does not change what is there")]
    action_type = UpdateTorrent if owned else AdoptTorrent
    if others and not context.take_over:
        reason = f"it belongs to the owner {quote_names(others)}; --take-over makes it ours"
        return [build_update_action(entry, live, reason, drift, Outcome.BLOCKED, action_type=action_type)]
    takeover = tuple(Change(OWNER, name, context.owner) for name in others)
    claim = takeover or (() if owned else (Change(OWNER, None, context.owner),))
    free, held = split_feasible(drift, live, snapshot, metadata_first=needs_metadata_first(entry, snapshot))
    actions = []
    if claim or free:
        reason = drift_reason(free) if owned else drift_reason(free, _adopt_reason(entry))
        actions.append(build_update_action(entry, live, reason, claim + free, action_type=action_type))
    for changes, hold, reason in held:
        actions.append(build_update_action(entry, live, reason, changes, hold))
    return actions


def _adopt_reason(entry: DesiredTorrent) -> str:
    missed_fields = " and ".join(entry.create_only)
    return "declared, not ours yet" + (
        f"; it exists already, so {missed_fields} can no longer be set" if missed_fields else ""
    )
