"""Prune in two steps: what is ours and no longer declared is stopped and tagged, and deleted once its time is over.

Nothing is kept but the tag, which names the last day (UTC) of the quarantine, so that any run anywhere can go on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from reconciler.model.plan import Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import QUARANTINE, Quarantine, held, quarantines


def begun(action: Action) -> bool:
    """Does the action put a torrent into quarantine?"""
    return any(change.field == "quarantine" and change.after for change in action.changes)


def quarantined(live: LiveTorrent, days: int | None, today: date | None, deletion: Action) -> Action | Spared:
    """What to do about a torrent that is to be pruned: the first step, nothing for now, or its deletion.

    `days` None: there is no quarantine (any more), so that it is deleted at once. Raises `ValueError` where it takes
    the day to decide and none was given.
    """
    texts = quarantines(live.tags)
    if days is None:
        why = f"{deletion.reason}; it is in quarantine, which is not declared any more"
        return replace(deletion, reason=why) if texts else deletion
    if today is None:
        raise ValueError("a quarantine cannot be planned without the day")
    if not texts:
        stopped = live.stopped and held(live.tags) is None  # what the kill switch stopped ran before
        return _begin(live, Quarantine.begin(today, days, stopped), deletion.reason)
    known = [found for text in texts if (found := Quarantine.parse(text))]
    if len(known) < len(texts):
        odd = next(text for text in texts if not Quarantine.parse(text))
        mend = f"write it as {QUARANTINE}2026-11-28, or remove it: then its quarantine begins anew"
        reason = f"its tag {QUARANTINE}{odd} names no day; {mend}"
        return replace(deletion, reason=reason, hold=Outcome.BLOCKED)
    until = max(quarantine.until for quarantine in known)
    if today > until:
        changes = (*deletion.changes, Change("quarantine", texts, ()))
        return replace(
            deletion, changes=changes, reason=f"{deletion.reason}, and its quarantine ended with {until} (UTC)"
        )
    if not live.stopped:
        stop = (Change("paused", False, True),)
        return _update(live, stop, f"in quarantine through {until} (UTC), where nothing runs")
    return Spared(str(live.infohashes), live.name, f"in quarantine through {until} (UTC), then deleted")


def _begin(live: LiveTorrent, quarantine: Quarantine, why: str) -> Action:
    stop = () if live.stopped else (Change("paused", False, True),)
    changes = (Change("quarantine", (), (str(quarantine),)), *stop)
    return _update(live, changes, f"{why}: in quarantine through {quarantine.until} (UTC), then deleted")


def _update(live: LiveTorrent, changes: tuple[Change, ...], reason: str) -> Action:
    infohash = str(live.infohashes)
    return Action(Verb.UPDATE, Kind.TORRENT, live.name, reason, changes, infohash=infohash, torrent_id=live.id)
