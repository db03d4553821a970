"""What is to come, and what keeps a torrent from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.model.content import ContentOf
from reconciler.model.desired import DesiredTorrent
from reconciler.model.options import METADATA_RECEIVED, STOP_CONDITION
from reconciler.model.plan import Action, Change, Outcome, Verb
from reconciler.model.snapshot import Snapshot
from reconciler.plan.actions import action_on
from reconciler.plan.diff import first_values, ordered
from reconciler.plan.holds import impossible, metadata_first, sort_out_add
from reconciler.plan.rules import Rules


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
