"""What is to go, and what keeps a torrent from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredTorrent, Policy
from reconciler.model.plan import Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import CONTENT, IGNORE, PROTECT
from reconciler.plan.actions import action_on, spare
from reconciler.plan.content import may_mean
from reconciler.plan.quarantine import quarantined
from reconciler.plan.rules import Decision, Rules, quoted


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
