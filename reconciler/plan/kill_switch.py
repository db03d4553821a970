"""The kill switch: what stops when an instance is not healthy, what waits for that to end, and what runs again then.

| our torrent on it    | unhealthy, `pause`       | unhealthy, `leave` | healthy again                               |
|----------------------|--------------------------|--------------------|---------------------------------------------|
| runs                 | marked, then stopped     | left alone         | left alone                                  |
| stopped, no mark     | left alone               | left alone         | left alone                                  |
| stopped, with a mark | left alone               | left alone         | started as it ran, then the mark is removed |
| runs, with a mark    | stopped                  | left alone         | the mark is removed                         |
| is being checked     | as before the check, and | left alone         | what was stopped is released when the check |
|                      | left alone if unknown    |                    | is over                                     |

A mark is the tag `reconcile:held` (or `reconcile:held:forced`, where the start was forced): it tells what we stopped
from what a person has stopped, whoever looks next. Where `paused: true` is declared, only the mark is removed.
Whatever else is planned for an unhealthy instance is deferred. `reconcile:ignore` holds here too. Policies do not: the
kill switch is declared by itself, and what it has stopped it lets go again.

See docs/decisions/0060-the-kill-switch-tags-what-it-stops.md.
See docs/decisions/0063-unhealthy-instances-defer-everything-but-preferences.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import FORCE_START, HELD, OWNER, PAUSED
from reconciler.model.fields.registry import sort_changes
from reconciler.model.plan import (
    ActionBase,
    Change,
    DeleteTorrent,
    FieldValue,
    Outcome,
    SparedTorrent,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import HELD_TAGS, IGNORE_TAG, extract_quarantines, read_held_state
from reconciler.plan.actions import build_live_update
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.feasibility import CHECKED_REASON, blocker_of, needs_metadata_first
from reconciler.plan.quarantine import is_quarantine_start
from reconciler.plan.torrents import prune_spared_reason

_START_CHANGE = Change(PAUSED, True, False)
_RELEASE_REASON = "the kill switch releases it"


def stop_actions(torrents: Iterable[LiveTorrent], context: PlanContext, unhealthy_reason: str) -> list[Decision]:
    """Stop our running torrents, before anything else. `unhealthy_reason` describes the fault of the instance."""
    decisions: list[Decision] = []
    for live in torrents:
        if live.stopped or not context.is_owned(live):
            continue
        if IGNORE_TAG in live.tags:
            reason = f"it has the tag {IGNORE_TAG}, so the kill switch leaves it running ({unhealthy_reason})"
            decisions.append(SparedTorrent(str(live.infohashes), live.name, reason))
            continue
        is_held = read_held_state(live.tags) is not None
        if live.is_stop_intent_hidden and (is_held or live.is_meant_stopped or extract_quarantines(live.tags)):
            continue  # it stops when its check is over
        mark = () if is_held else (Change(HELD, None, "forced" if live.options.force_start else "running"),)
        changes = (*mark, Change(PAUSED, False, True))
        if live.is_meant_stopped is None:
            reason = f"{unhealthy_reason}; {CHECKED_REASON}, and until then it transfers nothing"
            decisions.append(replace(build_live_update(live, changes, reason), hold=Outcome.DEFERRED))
        else:
            decisions.append(replace(build_live_update(live, changes, unhealthy_reason), urgent=True))
    return decisions


def defer_all(decisions: Iterable[Decision], reason: str) -> list[Decision]:
    """Return the decisions with every action deferred until the instance is healthy."""
    return [
        replace(decision, hold=Outcome.DEFERRED, reason=f"{decision.reason}; waits: {reason}")
        if isinstance(decision, ActionBase) and decision.hold is None
        else decision
        for decision in decisions
    ]


def release(
    decisions: Sequence[Decision],
    live: LiveTorrent,
    context: PlanContext,
    snapshot: Snapshot,
    entry: DesiredTorrent | None = None,
) -> Sequence[Decision]:
    """Add the release of a held torrent to its decisions.

    Call it for unhealthy instances too: the release is then deferred like every other action.
    """
    if HELD_TAGS.isdisjoint(live.tags) or IGNORE_TAG in live.tags:
        return decisions
    planned = next(
        (decision for decision in decisions if isinstance(decision, TorrentAction) and decision.hold is None), None
    )
    ours = context.is_owned(live) or (planned is not None and bool(planned.get_new_value(OWNER)))
    if not ours or (planned and isinstance(planned, DeleteTorrent)):
        return decisions
    if live.is_stop_intent_hidden and live.is_meant_stopped is not False:
        return [*decisions, _build_waiting_release(live, entry)]
    runs = not (_should_stay_paused(entry, live, snapshot) if entry else _is_quarantined(live, context, decisions))
    if runs and live.stopped and (blocker := blocker_of(_START_CHANGE, live)):
        return (
            decisions if any(map(_is_start, decisions)) else [*decisions, _build_waiting_start(live, entry, *blocker)]
        )
    changes = _build_release_changes(live, entry, runs, planned)
    if planned is None:
        action = replace(build_live_update(live, changes, _RELEASE_REASON), position=entry.position if entry else None)
        return [*decisions, action]
    reason = f"{planned.reason}; {_RELEASE_REASON}"
    extended = replace(planned, changes=sort_changes((*planned.changes, *changes)), reason=reason)
    return [extended if decision is planned else decision for decision in decisions]


def _is_quarantined(live: LiveTorrent, context: PlanContext, decisions: Sequence[Decision]) -> bool:
    """True if the torrent is in quarantine or about to be, so that it stays stopped after its release."""
    if prune_spared_reason(live, context):
        return False
    return any(
        isinstance(decision, SparedTorrent) or is_quarantine_start(decision) or decision.get_new_value(PAUSED) is True
        for decision in decisions
    )


def _should_stay_paused(entry: DesiredTorrent, live: LiveTorrent, snapshot: Snapshot) -> bool:
    awaits_metadata = needs_metadata_first(entry, snapshot) and not live.has_metadata
    return bool(_get_declared_value(entry, PAUSED)) and not awaits_metadata


def _get_declared_value(entry: DesiredTorrent, field: str) -> FieldValue:
    value = entry.paused if field == PAUSED else entry.options.get(field)
    return None if field in entry.ignore_changes else value


def _is_start(decision: Decision) -> bool:
    return isinstance(decision, ActionBase) and (
        decision.get_new_value(PAUSED) is False or bool(decision.get_new_value(FORCE_START))
    )


def _build_release_changes(
    live: LiveTorrent, entry: DesiredTorrent | None, should_run: bool, planned: TorrentAction | None
) -> tuple[Change, ...]:
    """Return the changes that release a torrent, except changes that are planned anyway.

    A forced start is forced again.
    """
    held_state = read_held_state(live.tags)
    changes = [Change(HELD, held_state, None)]
    if should_run and live.stopped:
        changes.append(_START_CHANGE)
    forced = not live.stopped and live.options.force_start
    if (
        held_state == "forced"
        and should_run
        and not forced
        and not (entry and _get_declared_value(entry, FORCE_START) is False)
    ):
        changes.append(Change(FORCE_START, False, True))
    planned_fields = {change.field for change in planned.changes} if planned else set()
    return tuple(change for change in changes if change.field not in planned_fields)


def _build_waiting_release(live: LiveTorrent, entry: DesiredTorrent | None) -> UpdateTorrent:
    """Return the release of a torrent that is being checked: to remove its mark now would leave it stopped."""
    changes = (Change(HELD, read_held_state(live.tags), None),)
    reason = f"{_RELEASE_REASON} when its check is over"
    return replace(
        build_live_update(live, changes, reason), position=entry.position if entry else None, hold=Outcome.DEFERRED
    )


def _build_waiting_start(live: LiveTorrent, entry: DesiredTorrent | None, hold: Outcome, reason: str) -> UpdateTorrent:
    return replace(
        build_live_update(live, (_START_CHANGE,), reason), position=entry.position if entry else None, hold=hold
    )
