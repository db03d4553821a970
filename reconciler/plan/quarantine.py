"""Prune in two steps: what is ours and no longer declared is stopped and tagged, and deleted once its time is over.

Nothing is kept but the tag, which names the last day (UTC) of the quarantine, so that any run anywhere can go on.

See docs/decisions/0041-quarantine-is-a-tag-with-an-end-date.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from reconciler.model.fields.names import PAUSED, QUARANTINE
from reconciler.model.plan import Action, ActionBase, Change, DeleteTorrent, Outcome, SparedTorrent, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import QUARANTINE_PREFIX, Quarantine, extract_quarantines, read_held_state
from reconciler.plan.actions import build_live_update
from reconciler.plan.feasibility import CHECKED_REASON


def is_quarantine_start(action: ActionBase) -> bool:
    """True if the action puts a torrent into quarantine."""
    is_update = isinstance(action, UpdateTorrent)
    return is_update and any(change.field == QUARANTINE and change.after for change in action.changes)


def plan_quarantine(
    live: LiveTorrent, days: int | None, today: date | None, deletion: DeleteTorrent
) -> Action | SparedTorrent:
    """Plan a torrent to be pruned: the start of its quarantine, nothing yet, or its deletion.

    `days` None: no quarantine is declared (any more), so it is deleted at once. Raises `ValueError` if the decision
    depends on the day and none was given.
    """
    texts = extract_quarantines(live.tags)
    if days is None:
        undeclared_reason = f"{deletion.reason}; it is in quarantine, which is not declared any more"
        return replace(deletion, reason=undeclared_reason) if texts else deletion
    if today is None:
        raise ValueError("a quarantine cannot be planned without the day")
    if not texts:
        is_held = read_held_state(live.tags) is not None  # what the kill switch stopped ran before
        quarantine = Quarantine.start(today, days, was_stopped=bool(live.is_meant_stopped) and not is_held)
        return _build_quarantine_start(live, quarantine, deletion.reason)
    quarantines = [parsed for text in texts if (parsed := Quarantine.parse(text))]
    if len(quarantines) < len(texts):
        invalid_text = next(text for text in texts if not Quarantine.parse(text))
        hint = f"write it as {QUARANTINE_PREFIX}2026-11-28, or remove it: then its quarantine begins again"
        reason = f"its tag {QUARANTINE_PREFIX}{invalid_text} names no day; {hint}"
        return replace(deletion, reason=reason, hold=Outcome.BLOCKED)
    until = max(quarantine.until for quarantine in quarantines)
    if today > until:
        changes = (*deletion.changes, Change(QUARANTINE, texts, ()))
        return replace(
            deletion, changes=changes, reason=f"{deletion.reason}, and its quarantine ended with {until} (UTC)"
        )
    if not (live.stopped or live.is_stop_intent_hidden):
        stop = (Change(PAUSED, False, True),)
        return build_live_update(live, stop, f"in quarantine through {until} (UTC), where nothing runs")
    return SparedTorrent(str(live.infohashes), live.name, f"in quarantine through {until} (UTC), then deleted")


def _build_quarantine_start(live: LiveTorrent, quarantine: Quarantine, reason: str) -> UpdateTorrent:
    stop = () if live.is_meant_stopped else (Change(PAUSED, False, True),)
    changes = (Change(QUARANTINE, (), (str(quarantine),)), *stop)
    if live.is_stop_intent_hidden and not live.is_meant_stopped:
        held_reason = f"{reason}: its quarantine begins later, for {CHECKED_REASON}"
        return replace(build_live_update(live, changes, held_reason), hold=Outcome.DEFERRED)
    return build_live_update(live, changes, f"{reason}: in quarantine through {quarantine.until} (UTC), then deleted")
